// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_databases.h"

#include "adapters/postgres/shadow_catalog.h"
#include "adapters/postgres/shadow_fill.h"
#include "adapters/postgres/shadow_reach.h"
#include "adapters/postgres/shadow_seed.h"
#include "controller/base/sha256.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// Nothing here has to survive a power cut; a script that hangs must not hold up the real one.
constexpr const char* kSettings =
    "set synchronous_commit to off; set statement_timeout to '60s'; set lock_timeout to '10s'";

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}

// The session that makes and drops databases, and whose lock says that they are in use.
class Keeper {
 public:
  static Result<std::shared_ptr<Keeper>> open(const std::string& url, const std::string& target,
                                              const Trace& trace, const Logger& log,
                                              const std::stop_token& stop) {
    ASSIGN_OR_RETURN(Connection connection,
                     Connection::open(url, {.application_name = "ripcord proof"}, stop));
    std::random_device random;
    const std::string of = "ripcord_shadow_" + sha256_hex(target).substr(0, 8) + "_";
    std::shared_ptr<Keeper> keeper(
        new Keeper(std::move(connection), url, fmt::format("{}{:08x}", of, random()), trace, log));
    RETURN_IF_ERROR(keeper->lock());
    RETURN_IF_ERROR(keeper->drop_leftovers(of));
    return keeper;
  }

  const std::string& url() const { return url_; }
  void point(std::string_view name) const { trace_point(trace_, name); }

  // Of the template, or an empty one.
  Result<std::string> create(const std::string& template_name, const std::string& options,
                             const std::stop_token& stop) {
    const std::string name = fmt::format("{}_{}", base_, ++made_);
    point("before making a shadow database");
    const auto created = connection_.execute(
        fmt::format("create database {} template {}{}", ident(name), ident(template_name), options),
        stop);
    if (!created) {
      drop(name);  // stopped after it was made
      return as_return(created.error().annotated(
          "making a shadow database (the role needs CREATEDB; policy.shadowUrlFrom names another "
          "server)"));
    }
    point("after making a shadow database");
    return name;
  }

  void drop(const std::string& name) {
    point("before dropping a shadow database");
    const auto dropped =
        connection_.execute(fmt::format("drop database if exists {} with (force)", ident(name)));
    if (!dropped) {
      log_.warning("a shadow database could not be dropped; the next proof tries again",
                   {{"database", name}, {"why", dropped.error().message()}});
    }
    point("after dropping a shadow database");
  }

  // Encoding and locale of the target, where the server of the shadow has them.
  Result<std::string> options_of_target(Connection& target) {
    ASSIGN_OR_RETURN(const Rows found,
                     target.query("select pg_encoding_to_char(encoding), datcollate, datctype from "
                                  "pg_database where datname = current_database()"));
    const auto& row = found.rows.at(0);
    return fmt::format(" encoding {} lc_collate {} lc_ctype {}", Connection::quote_literal(*row[0]),
                       Connection::quote_literal(*row[1]), Connection::quote_literal(*row[2]));
  }

 private:
  Keeper(Connection connection, std::string url, std::string base, Trace trace, Logger log)
      : connection_(std::move(connection)),
        url_(std::move(url)),
        base_(std::move(base)),
        trace_(std::move(trace)),
        log_(std::move(log)) {}

  static std::string lock_of(const std::string& base) {
    return fmt::format("hashtextextended({}, 0)", Connection::quote_literal(base));
  }

  Status lock() {
    return status_of_rows(
        connection_.execute(fmt::format("select pg_advisory_lock({})", lock_of(base_))));
  }

  Status drop_leftovers(const std::string& of) {
    ASSIGN_OR_RETURN(const Rows found,
                     connection_.query("select datname from pg_database where starts_with(datname, "
                                       "$1) order by datname",
                                       {of}));
    for (const auto& row : found.rows) {
      const std::string name = row[0].value_or("");
      const std::string lock = lock_of(name.substr(0, of.size() + 8));
      ASSIGN_OR_RETURN(const Rows got,
                       connection_.execute("select pg_try_advisory_lock(" + lock + ")"));
      if (got.rows[0][0] == "t") {
        // Another maker may have been as fast.
        drop(name);
        RETURN_IF_ERROR(
            status_of_rows(connection_.execute("select pg_advisory_unlock(" + lock + ")")));
      }
    }
    return {};
  }

  Connection connection_;
  const std::string url_;
  const std::string base_;
  const Trace trace_;
  const Logger log_;
  int made_ = 0;
};

Result<Connection> connect_shadow(const std::string& url, const std::string& name,
                                  const std::stop_token& stop) {
  ASSIGN_OR_RETURN(
      Connection connection,
      Connection::open(url, {.application_name = "ripcord proof", .dbname = name}, stop));
  RETURN_IF_ERROR(status_of_rows(connection.execute(kSettings)));
  return connection;
}

Status refused(const Status& failure, const SqlStatement& statement) {
  return {
      failure.code() == StatusCode::kCancelled ? failure.code() : StatusCode::kFailedPrecondition,
      fmt::format("line {}: {}", statement.line, failure.message()), "ShadowRefused"};
}

// As the real run does it: in one transaction unless a statement needs none.
Status run_script(Connection& connection, const std::vector<SqlStatement>& script,
                  const std::stop_token& stop) {
  if (const auto beyond = reaches_beyond(script)) {
    return {StatusCode::kFailedPrecondition, *beyond, "ReachesBeyond"};
  }
  const bool at_once = std::none_of(script.begin(), script.end(),
                                    [](const SqlStatement& s) { return s.needs_no_transaction; });
  RETURN_IF_ERROR(status_of_rows(connection.execute(at_once ? "begin" : "select", stop)));
  for (const SqlStatement& statement : script) {
    if (const auto ran = connection.execute(statement.text, stop); !ran) {
      if (connection.alive()) {
        static_cast<void>(connection.execute("rollback"));
      }
      return refused(ran.error(), statement);
    }
  }
  const auto ended = connection.execute(at_once ? "commit" : "select", stop);
  RETURN_IF_ERROR(script.empty() || ended ? status_of_rows(ended)
                                          : refused(ended.error(), script.back()));
  RETURN_IF_ERROR(status_of_rows(connection.execute("discard all")));
  return status_of_rows(connection.execute(kSettings));
}

class Shadow final : public ShadowDatabase {
 public:
  Shadow(std::shared_ptr<Keeper> keeper, std::string name, Connection connection)
      : keeper_(std::move(keeper)), name_(std::move(name)), connection_(std::move(connection)) {}
  ~Shadow() override {
    connection_.reset();
    keeper_->drop(name_);
  }

  Result<SchemaCatalog> catalog() override { return read_catalog(*connection_); }
  Result<std::map<std::string, std::string>> seed(SeedRows wanted) override {
    return seed_tables(*connection_, rounds_++, wanted);
  }
  Status empty() override { return empty_tables(*connection_); }
  Result<ShadowContent> content() override { return read_content(*connection_); }
  Status run(const std::vector<SqlStatement>& script, std::stop_token stop) override {
    keeper_->point("before running a script");
    RETURN_IF_ERROR(run_script(*connection_, script, stop));
    keeper_->point("after running a script");
    return {};
  }

 private:
  std::shared_ptr<Keeper> keeper_;
  const std::string name_;
  std::optional<Connection> connection_;
  int rounds_ = 0;
};

class Schema final : public ShadowSchema {
 public:
  Schema(std::shared_ptr<Keeper> keeper, std::string name)
      : keeper_(std::move(keeper)), name_(std::move(name)) {}
  ~Schema() override {
    if (!name_.empty()) {
      keeper_->drop(name_);
    }
  }

  Result<std::unique_ptr<ShadowDatabase>> copy(std::stop_token stop) override {
    ASSIGN_OR_RETURN(std::string name, keeper_->create(name_, "", stop));
    auto connection = connect_shadow(keeper_->url(), name, stop);
    if (!connection) {
      keeper_->drop(name);
      return as_return(connection.error());
    }
    return std::make_unique<Shadow>(keeper_, std::move(name), std::move(*connection));
  }

  Result<std::unique_ptr<ShadowDatabase>> take(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, connect_shadow(keeper_->url(), name_, stop));
    return std::make_unique<Shadow>(keeper_, std::exchange(name_, ""), std::move(connection));
  }

  // No connection stays: a database with one cannot be copied.
  Status advance(const std::vector<SqlStatement>& up, std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, connect_shadow(keeper_->url(), name_, stop));
    keeper_->point("before running a script");
    RETURN_IF_ERROR(run_script(connection, up, stop));
    keeper_->point("after running a script");
    return {};
  }

 private:
  std::shared_ptr<Keeper> keeper_;
  std::string name_;  // empty once taken
};

// Is a table of others looked after by a trigger of ours (transition_sync.h)? It needs our schema.
Result<bool> has_syncs(Connection& target) {
  ASSIGN_OR_RETURN(const Rows found,
                   target.query("select exists (select from pg_proc where pronamespace = "
                                "to_regnamespace('ripcord'))"));
  return found.rows.at(0).at(0) == "t";
}

}  // namespace

Result<std::unique_ptr<ShadowSchema>> PostgresShadows::make(
    const DatabaseRef& target, const std::optional<DatabaseRef>& elsewhere, Duration lock_timeout,
    std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::string url, resolve_url(target, secrets_));
  std::string shadow_url = url;
  if (elsewhere) {
    ASSIGN_OR_RETURN(shadow_url, resolve_url(*elsewhere, secrets_));
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::open(url, {}, stop));
  ASSIGN_OR_RETURN(std::shared_ptr<Keeper> keeper,
                   Keeper::open(shadow_url, connection.database(), trace_, log_, stop));
  ASSIGN_OR_RETURN(const std::string options, keeper->options_of_target(connection));
  ASSIGN_OR_RETURN(std::string name, keeper->create("template0", options, stop));
  auto schema = std::make_unique<Schema>(keeper, name);
  ASSIGN_OR_RETURN(const bool with_ours, has_syncs(connection));
  RETURN_IF_ERROR(fill_shadow({.url = url,
                               .target = connection,
                               .shadow_url = shadow_url,
                               .shadow = name,
                               .with_ours = with_ours,
                               .lock_timeout = lock_timeout},
                              commands_, stop));
  if (with_ours) {
    // The triggers go with the schema: they are no part of what is tried.
    ASSIGN_OR_RETURN(Connection filled, connect_shadow(shadow_url, name, stop));
    RETURN_IF_ERROR(status_of_rows(filled.execute("drop schema if exists ripcord cascade")));
  }
  keeper->point("after copying the schema");
  return schema;
}

}  // namespace ripcord::postgres
