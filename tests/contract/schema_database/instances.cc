// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/simulation/schema.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "tests/contract/schema_database/schema_world.h"
#include "tests/support/postgres_cluster.h"

namespace ripcord {
namespace {

class PostgresWorld final : public SchemaWorld {
 public:
  PostgresWorld() {
    ref_.engine = Engine::kPostgreSql;
    ref_.url = shared_cluster().url(fresh_database(shared_cluster(), "contract"));
  }
  SchemaDatabases& databases() override { return databases_; }
  DatabaseRef ref() const override { return ref_; }
  const SqlInspector& inspector() const override { return inspector_; }

 private:
  DatabaseRef ref_;
  SystemClock clock_;
  postgres::PostgresSchemas databases_{clock_};
  pgquery::PostgresInspector inspector_;
};

class SqliteWorld final : public SchemaWorld {
 public:
  SqliteWorld() {
    ref_.engine = Engine::kSqlite;
    ref_.path = directory_ / "app.db";
  }
  SchemaDatabases& databases() override { return databases_; }
  DatabaseRef ref() const override { return ref_; }
  const SqlInspector& inspector() const override { return inspector_; }

 private:
  TempDir directory_;
  DatabaseRef ref_;
  SystemClock clock_;
  sqlite::SqliteSchemas databases_{clock_};
  sqlite::SqliteInspector inspector_;
};

SimulatedWorldSpec one_database() {
  SimulatedDatabase database;
  database.name = "app";
  SimulatedWorldSpec spec;
  spec.databases = {database};
  return spec;
}

class VirtualWorld final : public SchemaWorld {
 public:
  SchemaDatabases& databases() override { return databases_; }
  DatabaseRef ref() const override {
    DatabaseRef ref;
    ref.engine = Engine::kSimulation;
    ref.path = "app";
    return ref;
  }
  const SqlInspector& inspector() const override { return inspector_; }
  bool runs_sql() const override { return false; }

 private:
  simulation::SimulatedWorld world_{one_database()};
  SimulatedClock clock_;
  simulation::SimulatedSchemaDatabases databases_{world_, clock_};
  simulation::SimulatedSqlInspector inspector_;
};

}  // namespace

SchemaAdapter postgres_schemas() {
  return {"PostgreSql", []() -> std::unique_ptr<SchemaWorld> {
            return PostgresCluster::available() ? std::make_unique<PostgresWorld>() : nullptr;
          }};
}
SchemaAdapter sqlite_schemas() {
  return {"Sqlite", [] { return std::make_unique<SqliteWorld>(); }};
}
SchemaAdapter simulated_schemas() {
  return {"Simulation", [] { return std::make_unique<VirtualWorld>(); }};
}

}  // namespace ripcord
