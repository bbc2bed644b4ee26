// SPDX-License-Identifier: Apache-2.0
// What policy.proof costs: one migration, and five that are proven in one go, on a schema of ten
// tables with keys, checks, indexes and a view. The floor is what nobody can do without, by a bare
// client: an empty database, the schema dumped and loaded, up, down and up of each migration, the
// database dropped (SQLite: the same in memory). It makes no rows, compares nothing, and has one
// database for all five. Both take turns; a first round warms up.
//
//   bench_proof [ROUNDS]

#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/shadow_databases.h"
#include "bench/proof/timed_shadows.h"
#include "bench/support/figures.h"
#include "controller/strategies/migration_proof.h"
#include "tests/support/postgres_cluster.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr int kDefaultRounds = 9;
constexpr int kTables = 10;
constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";

std::string schema_sql() {
  std::string sql;
  for (int i = 0; i < kTables; ++i) {
    sql += fmt::format(
        "CREATE TABLE t{0} (id integer PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, state text "
        "NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'old')), amount numeric(10, 2), made "
        "timestamp{1}); CREATE INDEX t{0}_made ON t{0} (made, state);",
        i, i == 0 ? "" : fmt::format(", parent integer REFERENCES t{}", i - 1));
  }
  return sql + "CREATE VIEW old_ones AS SELECT id, name FROM t0 WHERE state = 'old';";
}

std::vector<Migration> migrations() {
  const std::pair<const char*, const char*> scripts[] = {
      {"ALTER TABLE t3 ADD COLUMN phone text", "ALTER TABLE t3 DROP COLUMN phone"},
      {"CREATE INDEX t4_amount ON t4 (amount)", "DROP INDEX t4_amount"},
      {"CREATE TABLE notes (id integer PRIMARY KEY, body text NOT NULL)", "DROP TABLE notes"},
      {"ALTER TABLE t5 RENAME COLUMN amount TO total",
       "ALTER TABLE t5 RENAME COLUMN total TO amount"},
      {"CREATE VIEW new_ones AS SELECT id FROM t1 WHERE state = 'new'", "DROP VIEW new_ones"}};
  std::vector<Migration> all;
  for (const auto& [up, down] : scripts) {
    Migration migration;
    migration.version = static_cast<std::int64_t>(all.size()) + 1;
    migration.up = up;
    migration.down = down;
    all.push_back(std::move(migration));
  }
  return all;
}

template <class T>
T require(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

std::vector<MigrationStep> steps_of(const std::vector<Migration>& all, Engine engine,
                                    const SqlInspector& inspector) {
  std::vector<MigrationStep> steps;
  for (const Migration& migration : all) {
    MigrationStep step;
    step.migration = migration;
    step.statements = require(inspector.inspect(engine, *migration.up));
    step.undo = require(inspector.inspect(engine, *migration.down));
    steps.push_back(std::move(step));
  }
  return steps;
}

// --- the floors

class Client {
 public:
  explicit Client(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {}
  void execute(const std::string& sql) const {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    }
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

void tool(std::vector<std::string> argv) {
  const RunResult result = run({.argv = std::move(argv)});
  if (result.exit_code != 0) {
    throw std::runtime_error(result.err);
  }
}

void bare_postgres(const PostgresCluster& cluster, const std::string& target,
                   const std::vector<Migration>& some) {
  const TempDir directory;
  const std::string file = directory / "schema";
  const Client maker(cluster.url());
  maker.execute("CREATE DATABASE bare TEMPLATE template0");
  tool({std::string(kBin) + "pg_dump", "-s", "-Fc", "-f", file, "-d", cluster.url(target)});
  tool({std::string(kBin) + "pg_restore", "--exit-on-error", "--single-transaction", "-d",
        cluster.url("bare"), file});
  {
    const Client shadow(cluster.url("bare"));
    for (const Migration& migration : some) {
      for (const std::string& body : {*migration.up, *migration.down, *migration.up}) {
        shadow.execute("BEGIN");
        shadow.execute(body);
        shadow.execute("COMMIT");
      }
    }
  }
  maker.execute("DROP DATABASE bare WITH (FORCE)");
}

void bare_sqlite(const std::vector<Migration>& some) {
  sqlite3* raw = nullptr;
  sqlite3_open(":memory:", &raw);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(raw, sqlite3_close);
  const auto execute = [&](const std::string& sql) {
    if (sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(raw));
    }
  };
  execute(schema_sql());
  for (const Migration& migration : some) {
    execute("BEGIN;" + *migration.up + ";COMMIT");
    execute("BEGIN;" + *migration.down + ";COMMIT");
    execute("BEGIN;" + *migration.up + ";COMMIT");
  }
}

// --- both in turns

struct Subject {
  const char* name;
  ShadowDatabases& shadows;
  DatabaseRef target;
  std::vector<MigrationStep> steps;
  std::function<void(const std::vector<Migration>&)> bare;
};

void prove_all(const Subject& subject, const std::vector<MigrationStep>& steps, StageTimes& times) {
  TimedShadows shadows(subject.shadows, times);
  for (const MigrationProof& proof :
       require(prove(shadows, subject.target, {}, steps, {}, std::stop_token{}))) {
    if (proof.result == Reversibility::kUnproven || proof.result == Reversibility::kIrreversible) {
      throw std::runtime_error(fmt::format("{}: version {}: {}", subject.name, proof.version,
                                           proof.what.empty() ? "" : proof.what.front()));
    }
  }
}

// Per migration, in ms.
void measure(const Subject& subject, const std::vector<Migration>& all, std::size_t count,
             int rounds, StageTimes& times) {
  const std::vector<Migration> some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  const std::vector<MigrationStep> steps(
      subject.steps.begin(), subject.steps.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<double> floors;
  std::vector<double> ours;
  const double scale = 1000.0 / static_cast<double>(count);
  for (int round = 0; round <= rounds; ++round) {
    const auto floor = [&] { floors.push_back(scale * seconds_of([&] { subject.bare(some); })); };
    if (round % 2 == 0) {
      floor();
    }
    ours.push_back(scale * seconds_of([&] { prove_all(subject, steps, times); }));
    if (round % 2 != 0) {
      floor();
    }
    if (round == 0) {
      times = {};
    }
  }
  floors.erase(floors.begin());
  ours.erase(ours.begin());
  const Ratios ratios = ratios_of(ours, floors);
  fmt::print("{:<12} {:>10} {:>12.1f} {:>12.1f} {:>9.1f}x   {:.1f} .. {:.1f}\n", subject.name,
             count, median(floors), median(ours), ratios.median, ratios.least, ratios.most);
  std::fflush(stdout);
}

void print_stages(const char* name, const StageTimes& times, double proofs) {
  double all = 0;
  for (const auto& [stage, seconds] : times.stages()) {
    all += seconds;
  }
  fmt::print("\nwhere it goes, {}, one migration                ms   share\n", name);
  for (const auto& [stage, seconds] : times.stages()) {
    fmt::print("  {:<42} {:>8.1f}   {:>4.0f} %\n", stage, seconds * 1000 / proofs,
               100 * seconds / all);
  }
}

int bench(int rounds) {
  const std::vector<Migration> all = migrations();
  fmt::print("{} tables, medians of {} rounds, in turns (target: under 1000 ms a migration)\n",
             kTables, rounds);
  fmt::print("{:<12} {:>10} {:>12} {:>12} {:>10}   {}\n", "engine", "in one go", "floor ms",
             "proof ms", "ratio", "least .. most");
  StageTimes of_postgres;
  StageTimes of_sqlite;
  StageTimes rest;
  const bool has_postgres = PostgresCluster::available();
  if (has_postgres) {
    PostgresCluster cluster;
    const std::string target = fresh_database(cluster, "target");
    cluster.psql(target, schema_sql());
    ChildRunner commands;
    const Trace trace = [&](std::string_view) {
      if (of_postgres.now() == kMakeStage) {
        of_postgres.enter("dump and load the schema");
      }
    };
    postgres::PostgresShadows shadows(commands);
    postgres::PostgresShadows traced(commands, trace);
    DatabaseRef ref;
    ref.url = cluster.url(target);
    const auto bare = [&](const auto& some) { bare_postgres(cluster, target, some); };
    const auto steps = steps_of(all, Engine::kPostgreSql, pgquery::PostgresInspector());
    measure({"PostgreSQL", traced, ref, steps, bare}, all, 1, rounds, of_postgres);
    measure({"PostgreSQL", shadows, ref, steps, bare}, all, all.size(), rounds, rest);
  } else {
    fmt::print("PostgreSQL: skipped, no server is installed\n");
  }
  const TempDir directory;
  DatabaseRef ref;
  ref.engine = Engine::kSqlite;
  ref.path = directory / "target.db";
  sqlite3* raw = nullptr;
  sqlite3_open(ref.path.c_str(), &raw);
  sqlite3_exec(raw, schema_sql().c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  sqlite::SqliteShadows shadows;
  const Subject lite{"SQLite", shadows, ref,
                     steps_of(all, Engine::kSqlite, sqlite::SqliteInspector()), bare_sqlite};
  measure(lite, all, 1, rounds, of_sqlite);
  measure(lite, all, all.size(), rounds, rest);
  if (has_postgres) {
    print_stages("PostgreSQL", of_postgres, rounds);
  }
  print_stages("SQLite", of_sqlite, rounds);
  return 0;
}

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  try {
    return ripcord::bench(argc > 1 ? std::max(1, std::atoi(argv[1])) : ripcord::kDefaultRounds);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_proof: {}\n", problem.what());
    return 1;
  }
}
