// SPDX-License-Identifier: Apache-2.0
// 1,000 migrations (100 CREATE TABLE, 900 ADD COLUMN) up and then down, by the whole strategy
// (parse, decide, lock, run, verify), beside a bare client loop that runs
// BEGIN, body, version row, COMMIT for each, on a database of its own in the same server. The two
// take turns every few migrations: at a trace point the strategy's clock stands still while the
// loop does its share, so what else the machine does slows both. Medians over rounds are printed;
// the ratio is the median of the rounds' ratios. The loop of the target waits for the disk at each
// COMMIT, as every tool does, and Ripcord once for several; a second loop, marked *, shares its
// waits as Ripcord does, so that what Ripcord does besides is seen too. Then the same migrations by
// other tools and by `ripcord run`, whole processes in turns (peers.h).

#include "adapters/migrationdir/migration_directory.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "bench/migrations/corpus.h"
#include "bench/migrations/peers.h"
#include "bench/support/figures.h"
#include "controller/codec/migration_history.h"
#include "controller/strategies/migration_version.h"
#include "tests/support/postgres_cluster.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr int kDefaultRounds = 3;
constexpr int kTurn = 10;  // migrations of one side before the other goes on

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_migrations: {}\n", why);
  std::exit(1);
}

using Execute = std::function<void(const std::string&)>;

struct Pair {
  double up = 0;
  double down = 0;
};

// One transaction for each migration and nothing else; its version row is in the table that
// golang-migrate would make.
class BareLoop {
 public:
  BareLoop(const std::vector<Migration>& all, codec::SqlDialect dialect, bool shares_waits,
           Execute execute)
      : all_(all), dialect_(dialect), shares_waits_(shares_waits), execute_(std::move(execute)) {
    execute_(codec::history_of(MigrationLayout::kGolangMigrate)
                 .create_sql(dialect, {"schema_migrations", "schema_migrations"}));
    execute_("INSERT INTO schema_migrations VALUES (0, false)");
  }
  void go_up(std::size_t count) {
    took_.up += seconds_of([&] {
      count = std::min(count, all_.size() - at_);
      for (std::size_t i = 0; i < count; ++i, ++at_) {
        one(*all_[at_].up, all_[at_].version, i == 0, i + 1 == count);
      }
    });
  }
  void go_down(std::size_t count) {
    took_.down += seconds_of([&] {
      count = std::min(count, at_);
      for (std::size_t i = 0; i < count; ++i, --at_) {
        one(*all_[at_ - 1].down, all_[at_ - 1].version - 1, i == 0, i + 1 == count);
      }
    });
  }
  const Pair& took() const { return took_; }

 private:
  // The first and the last of a turn begin and end what is shared.
  void one(const std::string& body, std::int64_t version, bool first, bool last) {
    const bool savepoints = shares_waits_ && dialect_ == codec::SqlDialect::kSqlite;
    if (!savepoints || first) {
      execute_("BEGIN");
    }
    if (savepoints) {
      execute_("SAVEPOINT one");
    }
    execute_(body);
    execute_(fmt::format("UPDATE schema_migrations SET version = {}", version));
    if (savepoints) {
      execute_("RELEASE one");
    } else if (shares_waits_ && !last) {
      execute_("SET LOCAL synchronous_commit = off");
    }
    if (!savepoints || last) {
      execute_("COMMIT");
    }
  }

  const std::vector<Migration>& all_;
  codec::SqlDialect dialect_;
  bool shares_waits_;
  Execute execute_;
  std::size_t at_ = 0;
  Pair took_;
};

struct Round {
  Pair bare;
  Pair ours;
};

Round ours(const std::vector<Migration>& all, const DatabaseRef& ref, BareLoop& bare) {
  SystemClock clock;
  NullMetricSink metrics;
  std::function<void(std::size_t)> turn = [](std::size_t) {};
  std::size_t ahead = 0;  // migrations (each is one statement) since the loop's last turn
  const Trace trace = [&](std::string_view point) {
    ahead += point == "before a statement" ? 1 : 0;
    if (point == "before BEGIN" && ahead >= kTurn) {
      turn(std::exchange(ahead, 0));
    }
  };
  postgres::PostgresSchemas pg(clock, trace);
  sqlite::SqliteSchemas lite(clock, trace);
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
  Pair together;
  turn = [&](std::size_t count) { bare.go_up(count); };
  together.up = seconds_of([&] {
    go(kMigrations);
    turn(std::exchange(ahead, 0));
  });
  turn = [&](std::size_t count) { bare.go_down(count); };
  together.down = seconds_of([&] {
    go(0);
    turn(std::exchange(ahead, 0));
  });
  return {bare.took(), {together.up - bare.took().up, together.down - bare.took().down}};
}

Round on_postgres(const std::vector<Migration>& all, PostgresCluster& cluster, bool shares_waits) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb(cluster.url(fresh_database(cluster, "bare")).c_str()), PQfinish);
  BareLoop bare(all, codec::SqlDialect::kPostgreSql, shares_waits, [&](const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), sql.c_str()), PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      give_up(PQerrorMessage(connection.get()));
    }
  });
  DatabaseRef ref;
  ref.url = cluster.url(fresh_database(cluster, "ours"));
  return ours(all, ref, bare);
}

Round on_sqlite(const std::vector<Migration>& all, const std::string& directory,
                bool shares_waits) {
  sqlite3* raw = nullptr;
  sqlite3_open((directory + "/bare.db").c_str(), &raw);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(raw, sqlite3_close);
  BareLoop bare(all, codec::SqlDialect::kSqlite, shares_waits, [&](const std::string& sql) {
    if (sqlite3_exec(db.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      give_up(sqlite3_errmsg(db.get()));
    }
  });
  DatabaseRef ref;
  ref.engine = Engine::kSqlite;
  ref.path = directory + "/ours.db";
  return ours(all, ref, bare);
}

void print(const std::string& engine, const std::vector<Round>& rounds) {
  for (const auto& [name, way] : {std::pair{"up", &Pair::up}, std::pair{"down", &Pair::down}}) {
    std::vector<double> bare;
    std::vector<double> mine;
    for (const Round& round : rounds) {
      bare.push_back(round.bare.*way);
      mine.push_back(round.ours.*way);
    }
    const Ratios ratios = ratios_of(mine, bare);
    fmt::print("{:<12} {:<5} {:>10.2f} s {:>10.2f} s {:>8.2f}x   {:.2f} .. {:.2f}\n", engine, name,
               median(bare), median(mine), ratios.median, ratios.least, ratios.most);
    std::fflush(stdout);
  }
}

int bench(int rounds, int pairs) {
  const std::vector<Migration> all = corpus();
  fmt::print("{} migrations, medians of {} rounds, in turns of {} (target: at most 1.15x)\n",
             kMigrations, rounds, kTurn);
  fmt::print("{:<12} {:<5} {:>12} {:>12} {:>9}   {}\n", "engine", "way", "bare loop", "ripcord",
             "ratio", "least .. most");
  std::optional<PostgresCluster> cluster;
  if (PostgresCluster::available()) {
    cluster.emplace();
  } else {
    fmt::print("PostgreSQL: skipped, no server is installed\n");
  }
  for (const bool shares_waits : {false, true}) {
    const char* const mark = shares_waits ? " *" : "";
    std::vector<Round> measured;
    for (int i = 0; cluster && i < rounds; ++i) {
      measured.push_back(on_postgres(all, *cluster, shares_waits));
    }
    if (cluster) {
      print(std::string("PostgreSQL") + mark, measured);
    }
    measured.clear();
    for (int i = 0; i < rounds; ++i) {
      const TempDir directory;
      measured.push_back(on_sqlite(all, directory.path(), shares_waits));
    }
    print(std::string("SQLite") + mark, measured);
  }
  fmt::print("* the bare loop shares its waits for the disk likewise (no target)\n");
  compare_with_peers(all, cluster ? &*cluster : nullptr, pairs);
  return 0;
}

}  // namespace
}  // namespace ripcord

// bench_migrations [ROUNDS [PAIRS]]
int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : ripcord::kDefaultRounds;
    return ripcord::bench(rounds, argc > 2 ? std::max(1, std::atoi(argv[2])) : rounds);
  } catch (const std::exception& problem) {
    ripcord::give_up(problem.what());
  }
}
