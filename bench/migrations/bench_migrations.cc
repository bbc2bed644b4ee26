// SPDX-License-Identifier: Apache-2.0
// 1,000 migrations (100 CREATE TABLE, 900 ADD COLUMN) up and then down, by the whole strategy
// (parse, decide, lock, run, look after each step, verify), beside a bare client loop that runs
// BEGIN, body, version row, COMMIT for each, on a database of its own in the same server. Rounds
// are interleaved; medians are printed.

#include "adapters/migrationdir/migration_directory.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "controller/strategies/migration_version.h"
#include "tests/support/postgres_cluster.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr int kMigrations = 1000;
constexpr int kPerTable = 10;
constexpr int kDefaultRounds = 3;

using Steady = std::chrono::steady_clock;

std::vector<Migration> corpus() {
  std::vector<Migration> all;
  for (int v = 1; v <= kMigrations; ++v) {
    const int table = (v - 1) / kPerTable;
    const bool first = (v - 1) % kPerTable == 0;
    Migration m;
    m.version = v;
    m.name = fmt::format("m{}", v);
    m.up = first ? fmt::format("CREATE TABLE t{} (id bigint PRIMARY KEY)", table)
                 : fmt::format("ALTER TABLE t{} ADD COLUMN c{} text", table, v);
    m.down = first ? fmt::format("DROP TABLE t{}", table)
                   : fmt::format("ALTER TABLE t{} DROP COLUMN c{}", table, v);
    all.push_back(std::move(m));
  }
  return all;
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_migrations: {}\n", why);
  std::exit(1);
}

double seconds(const std::function<void()>& work) {
  const auto began = Steady::now();
  work();
  return std::chrono::duration<double>(Steady::now() - began).count();
}

using Execute = std::function<void(const std::string&)>;

struct Pair {
  double up = 0;
  double down = 0;
};

Pair bare_loop(const std::vector<Migration>& all, const Execute& execute) {
  execute("CREATE TABLE schema_migrations (version bigint, dirty boolean)");
  execute("INSERT INTO schema_migrations VALUES (0, false)");
  const auto one = [&](const std::string& body, std::int64_t version) {
    execute("BEGIN");
    execute(body);
    execute(fmt::format("UPDATE schema_migrations SET version = {}", version));
    execute("COMMIT");
  };
  Pair took;
  took.up = seconds([&] {
    std::for_each(all.begin(), all.end(), [&](const Migration& m) { one(*m.up, m.version); });
  });
  took.down = seconds([&] {
    std::for_each(all.rbegin(), all.rend(),
                  [&](const Migration& m) { one(*m.down, m.version - 1); });
  });
  return took;
}

Pair ours(const std::vector<Migration>& all, const DatabaseRef& ref) {
  SystemClock clock;
  NullMetricSink metrics;
  postgres::PostgresSchemas pg(clock);
  sqlite::SqliteSchemas lite(clock);
  pgquery::PostgresInspector pg_inspector;
  sqlite::SqliteInspector lite_inspector;
  migrationdir::MigrationDirectory source;
  const bool is_pg = ref.engine == Engine::kPostgreSql;
  MigrationVersionStrategy strategy(
      {is_pg ? static_cast<SchemaDatabases&>(pg) : lite, source,
       is_pg ? static_cast<const SqlInspector&>(pg_inspector) : lite_inspector, metrics, clock});
  Resource object = make_resource(Kind::kMigrationVersion, "bench");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database = ref;
  spec.source.inline_migrations = all;
  spec.policy.down = DownPolicy::kAllow;
  spec.policy.data_loss = DataLossPolicy::kApprove;
  spec.approval = MigrationApproval{0, "bench", true};
  const auto go = [&](std::int64_t version) {
    spec.version = version;
    const ReconcileRequest request{object.key(), "bench", {}, {}};
    Reconcile reconcile{object, request, [] { return ok_status(); }};
    if (!std::holds_alternative<Done>(strategy.converge(reconcile))) {
      const auto& status = std::get<MigrationVersionStatus>(object.status);
      const Condition* ready = status.conditions.find(kReady);
      give_up(ready == nullptr ? "no condition" : ready->message);
    }
  };
  return {seconds([&] { go(kMigrations); }), seconds([&] { go(0); })};
}

Pair bare_postgres(const std::vector<Migration>& all, const std::string& url) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), PQfinish);
  return bare_loop(all, [&](const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), sql.c_str()), PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      give_up(PQerrorMessage(connection.get()));
    }
  });
}

Pair bare_sqlite(const std::vector<Migration>& all, const std::string& path) {
  sqlite3* raw = nullptr;
  sqlite3_open(path.c_str(), &raw);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(raw, sqlite3_close);
  return bare_loop(all, [&](const std::string& sql) {
    if (sqlite3_exec(db.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      give_up(sqlite3_errmsg(db.get()));
    }
  });
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void print(const std::string& engine, const std::vector<Pair>& floor,
           const std::vector<Pair>& run) {
  const auto pick = [](const std::vector<Pair>& all, double Pair::*member) {
    std::vector<double> values;
    for (const Pair& each : all) {
      values.push_back(each.*member);
    }
    return median(values);
  };
  for (const auto& [name, member] : {std::pair{"up", &Pair::up}, std::pair{"down", &Pair::down}}) {
    const double bare = pick(floor, member);
    const double mine = pick(run, member);
    fmt::print("{:<12} {:<5} {:>10.2f} s {:>10.2f} s {:>8.2f}x\n", engine, name, bare, mine,
               mine / bare);
    std::fflush(stdout);
  }
}

int bench(int rounds) {
  const std::vector<Migration> all = corpus();
  fmt::print("{} migrations, medians of {} interleaved rounds\n", kMigrations, rounds);
  fmt::print("{:<12} {:<5} {:>12} {:>12} {:>9}\n", "engine", "way", "bare loop", "ripcord",
             "ratio");
  std::vector<Pair> floor;
  std::vector<Pair> run;
  if (PostgresCluster::available()) {
    PostgresCluster cluster;
    for (int i = 0; i < rounds; ++i) {
      floor.push_back(bare_postgres(all, cluster.url(fresh_database(cluster, "bare"))));
      DatabaseRef ref;
      ref.url = cluster.url(fresh_database(cluster, "ours"));
      run.push_back(ours(all, ref));
    }
    print("PostgreSQL", floor, run);
  }
  floor.clear();
  run.clear();
  const TempDir directory;
  for (int i = 0; i < rounds; ++i) {
    floor.push_back(bare_sqlite(all, directory / fmt::format("bare{}.db", i)));
    DatabaseRef ref;
    ref.engine = Engine::kSqlite;
    ref.path = directory / fmt::format("ours{}.db", i);
    run.push_back(ours(all, ref));
  }
  print("SQLite", floor, run);
  return 0;
}

}  // namespace
}  // namespace ripcord

// bench_migrations [ROUNDS]
int main(int argc, char** argv) {
  return ripcord::bench(argc > 1 ? std::max(1, std::atoi(argv[1])) : ripcord::kDefaultRounds);
}
