// SPDX-License-Identifier: Apache-2.0
#include "controller/app/real_world.h"

#include "adapters/backupdir/backup_directory.h"
#include "adapters/haproxy/haproxy_router.h"
#include "adapters/http/address.h"
#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/kubernetes/cluster_secrets.h"
#include "adapters/kubernetes/config_map_migrations.h"
#include "adapters/kubernetes/config_map_sink.h"
#include "adapters/kubernetes/http_route_router.h"
#include "adapters/kubernetes/object_follower.h"
#include "adapters/kubernetes/service_router.h"
#include "adapters/migrationdir/migration_directory.h"
#include "adapters/ofrep/evaluation.h"
#include "adapters/ofrep/flag_table.h"
#include "adapters/ofrep/service.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/postgres/shadow_databases.h"
#include "adapters/postgres/shape_readers.h"
#include "adapters/prober/http_probers.h"
#include "adapters/process/child_runner.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/restore_databases.h"
#include "adapters/sqlite/schema_database.h"
#include "adapters/sqlite/shadow_databases.h"
#include "controller/app/by_engine.h"
#include "controller/app/restore_by_engine.h"
#include "controller/app/routers_by_driver.h"

#include <fmt/format.h>

namespace ripcord::app {
namespace {

// Until the endpoint is there, and where there is none.
class NoEvaluation final : public FlagEvaluation {
 public:
  Result<FlagAnswer> evaluate(const std::string&) override {
    return error(StatusCode::kUnavailable, "flags are not served yet");
  }
};

// The endpoint's address is known only once it listens.
class LateEvaluation final : public FlagEvaluation {
 public:
  void use(std::unique_ptr<FlagEvaluation> real) { real_ = std::move(real); }
  Result<FlagAnswer> evaluate(const std::string& key) override { return real_->evaluate(key); }

 private:
  std::unique_ptr<FlagEvaluation> real_ = std::make_unique<NoEvaluation>();
};

// The drivers that exist only in a cluster.
struct ClusterParts {
  ClusterParts(const ClusterReach& reach, Clock& clock, const Logger& log, const Trace& trace)
      : service(reach, clock, {.trace = trace}),
        http_route(reach, clock, {.trace = trace}),
        secrets(reach),
        migrations(reach),
        flag_files(reach, trace),
        follower(reach, clock, log) {}

  kubernetes::ServiceRouters service;
  kubernetes::HttpRouteRouters http_route;
  kubernetes::ClusterSecrets secrets;
  kubernetes::ConfigMapMigrations migrations;
  kubernetes::ConfigMapSink flag_files;
  kubernetes::ObjectFollower follower;
};

// Those of the manifest's file system, and in a cluster those of a ConfigMap too.
class MigrationsBySource final : public MigrationSource {
 public:
  explicit MigrationsBySource(MigrationSource* config_map) : config_map_(config_map) {}
  Result<std::vector<Migration>> load(const MigrationSourceRef& ref) override {
    return ref.config_map && config_map_ != nullptr ? config_map_->load(ref) : files_.load(ref);
  }

 private:
  migrationdir::MigrationDirectory files_;
  MigrationSource* const config_map_;
};

Trace debug_trace(const Logger& log, std::string driver) {
  return [log = log.with("driver", std::move(driver))](std::string_view point) {
    log.debug("trace", {{"point", std::string(point)}});
  };
}

}  // namespace

struct RealWorld::Parts {
  explicit Parts(const RealWorldOptions& options)
      : client(http::make_http_client()),
        ofrep(flags, options.metrics),
        haproxy({.trace = debug_trace(options.log, "haproxy")}),
        cluster(options.cluster
                    ? std::make_unique<ClusterParts>(*options.cluster, options.clock, options.log,
                                                     debug_trace(options.log, "kubernetes"))
                    : nullptr),
        routers({.haproxy = haproxy,
                 .service = cluster ? &cluster->service : nullptr,
                 .http_route = cluster ? &cluster->http_route : nullptr}),
        probers(*client, options.clock),
        postgres_schemas(options.clock, debug_trace(options.log, "postgres"),
                         cluster ? &cluster->secrets : nullptr),
        sqlite_schemas(options.clock, debug_trace(options.log, "sqlite")),
        schemas(postgres_schemas, sqlite_schemas),
        inspector(postgres_inspector, sqlite_inspector),
        postgres_shadows(commands, debug_trace(options.log, "postgres"),
                         cluster ? &cluster->secrets : nullptr, options.log),
        shadows(postgres_shadows, sqlite_shadows),
        statistics(cluster ? &cluster->secrets : nullptr),
        migrations(cluster ? &cluster->migrations : nullptr),
        postgres_restores(commands, options.clock,
                          {.trace = debug_trace(options.log, "postgres"),
                           .secrets = cluster ? &cluster->secrets : nullptr}),
        sqlite_restores(options.clock, {.trace = debug_trace(options.log, "sqlite")}),
        restores({{Engine::kPostgreSql, &postgres_restores}, {Engine::kSqlite, &sqlite_restores}}) {
    if (!options.ofrep_server.empty()) {
      evaluation.use(std::make_unique<ofrep::OfrepEvaluation>(*client, options.ofrep_server));
    }
  }

  std::unique_ptr<HttpClient> client;
  ofrep::FlagTable flags;
  ofrep::OfrepService ofrep;
  LateEvaluation evaluation;
  haproxy::HaproxyRouters haproxy;
  std::unique_ptr<ClusterParts> cluster;
  RoutersByDriver routers;
  HttpProbers probers;
  postgres::PostgresSchemas postgres_schemas;
  sqlite::SqliteSchemas sqlite_schemas;
  SchemasByEngine schemas;
  pgquery::PostgresInspector postgres_inspector;
  sqlite::SqliteInspector sqlite_inspector;
  InspectorByEngine inspector;
  ChildRunner commands;
  postgres::PostgresShadows postgres_shadows;
  sqlite::SqliteShadows sqlite_shadows;
  ShadowsByEngine shadows;
  postgres::PostgresStatementStatistics statistics;
  MigrationsBySource migrations;
  BackupDirectory backups;
  postgres::PostgresRestores postgres_restores;
  sqlite::SqliteRestores sqlite_restores;
  RestoreByEngine restores;
};

RealWorld::RealWorld(RealWorldOptions options) : parts_(std::make_unique<Parts>(options)) {}

RealWorld::~RealWorld() = default;

World RealWorld::world() {
  return {.flags = parts_->flags,
          .evaluation = parts_->evaluation,
          .routers = parts_->routers,
          .probers = parts_->probers,
          .schemas = parts_->schemas,
          .migrations = parts_->migrations,
          .inspector = parts_->inspector,
          .backups = parts_->backups,
          .restores = parts_->restores,
          .shadows = &parts_->shadows,
          .statistics = &parts_->statistics,
          .flag_files = parts_->cluster ? &parts_->cluster->flag_files : nullptr,
          .references = parts_->cluster ? &parts_->cluster->follower : nullptr};
}

Result<std::uint16_t> RealWorld::serve_flags(http::HttpServer& server, const std::string& address) {
  ASSIGN_OR_RETURN(const http::BindAddress bind, http::parse_bind_address(address));
  ASSIGN_OR_RETURN(const std::uint16_t port, server.listen(address, parts_->ofrep));
  const bool any = bind.host.empty() || bind.host == "0.0.0.0" || bind.host == "::";
  const std::string host = any                                        ? "127.0.0.1"
                           : bind.host.find(':') != std::string::npos ? "[" + bind.host + "]"
                                                                      : bind.host;
  parts_->evaluation.use(std::make_unique<ofrep::OfrepEvaluation>(
      *parts_->client, fmt::format("http://{}:{}", host, port)));
  return port;
}

}  // namespace ripcord::app
