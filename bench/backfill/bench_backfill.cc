// SPDX-License-Identifier: Apache-2.0
// A column of a large table is filled: by the whole strategy (batches of 10,000 rows, each with its
// cursor in one transaction, progress published once a second), and by one big UPDATE of the same
// rows in a table of its own, with the same trigger of a sync on it, in the same server. Rounds of
// the two alternate; the ratio is the median of the rounds' ratios. Beside either a client updates
// one row after the other: the longest that it waited is what a user would have seen.

#include "adapters/migrationdir/migration_directory.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "controller/strategies/migration_version.h"
#include "tests/support/postgres_cluster.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kDefaultRows = 500000;
constexpr int kDefaultRounds = 3;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_backfill: {}\n", why);
  std::exit(1);
}

double seconds_of(const std::function<void()>& work) {
  const auto began = Steady::now();
  work();
  return std::chrono::duration<double>(Steady::now() - began).count();
}

// One client of one of the two engines.
class Client {
 public:
  explicit Client(const DatabaseRef& ref) {
    if (ref.engine == Engine::kPostgreSql) {
      auto opened = postgres::Connection::open(ref.url);
      if (!opened) {
        give_up(to_string(opened.error()));
      }
      pg_ = std::make_unique<postgres::Connection>(std::move(*opened));
      return;
    }
    auto opened =
        sqlite::Connection::open(ref.path, sqlite::OpenMode::kCreate, std::chrono::seconds(60));
    if (!opened) {
      give_up(to_string(opened.error()));
    }
    lite_ = std::make_unique<sqlite::Connection>(std::move(*opened));
  }
  void run(const std::string& sql) {
    const Status done = pg_ ? postgres::status_of_rows(pg_->execute(sql)) : lite_->execute(sql);
    if (!done.ok()) {
      give_up(sql.substr(0, 80) + ": " + to_string(done));
    }
  }

 private:
  std::unique_ptr<postgres::Connection> pg_;
  std::unique_ptr<sqlite::Connection> lite_;
};

std::string fill_sql(bool pg, int rows) {
  const std::string pad(60, 'x');
  return pg ? fmt::format(
                  "INSERT INTO users (id, email, pad) SELECT g, 'User' || g, '{}' FROM "
                  "generate_series(1, {}) g",
                  pad, rows)
            : fmt::format(
                  "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i "
                  "< {}) INSERT INTO users (id, email, pad) SELECT i, 'User' || i, '{}' "
                  "FROM g",
                  rows, pad);
}

// A MigrationVersion whose version 3 adds a column, by the real drivers.
class Subject {
 public:
  Subject(const DatabaseRef& ref, int rows, bool with_backfill)
      : pg_(ref.engine == Engine::kPostgreSql),
        strategy_({pg_ ? static_cast<SchemaDatabases&>(schemas_) : lite_schemas_, source_,
                   pg_ ? static_cast<const SqlInspector&>(inspector_) : lite_inspector_, metrics_,
                   clock_}) {
    auto& spec = std::get<MigrationVersionSpec>(object_.spec);
    spec.database = ref;
    const auto add = [&](std::int64_t version, const std::string& up) {
      spec.source.inline_migrations.push_back({version, "m", up, std::nullopt, "", ""});
    };
    add(1, "CREATE TABLE users (id integer PRIMARY KEY, email text, pad text)");
    add(2, fill_sql(pg_, rows));
    add(3, "ALTER TABLE users ADD COLUMN address text");
    Transition transition;
    transition.name = "email";
    transition.expand = 3;
    transition.sync = TransitionSync{"users", "email", "address", "lower(email)", ""};
    if (with_backfill) {
      transition.backfill = TransitionBackfill{.table = "users",
                                               .set = "address = lower(email)",
                                               .where = "address IS NULL",
                                               .key = "id"};
    }
    spec.transitions = {transition};
  }

  void go(std::int64_t version) {
    std::get<MigrationVersionSpec>(object_.spec).version = version;
    while (true) {
      const ReconcileRequest request{object_.key(), "bench", {}, {}};
      Reconcile reconcile{object_, request, [] { return ok_status(); }};
      const Outcome outcome = strategy_.converge(reconcile);
      if (std::holds_alternative<Done>(outcome)) {
        return;
      }
      const auto* again = std::get_if<RequeueAfter>(&outcome);
      if (again == nullptr || !again->cause.ok()) {
        const auto& status = std::get<MigrationVersionStatus>(object_.status);
        const Condition* ready = status.conditions.find(kReady);
        give_up(ready == nullptr ? "no condition" : ready->message);
      }
    }
  }

 private:
  bool pg_;
  SystemClock clock_;
  NullMetricSink metrics_;
  postgres::PostgresSchemas schemas_{clock_};
  sqlite::SqliteSchemas lite_schemas_{clock_};
  pgquery::PostgresInspector inspector_;
  sqlite::SqliteInspector lite_inspector_;
  migrationdir::MigrationDirectory source_;
  Resource object_ = make_resource(Kind::kMigrationVersion, "bench");
  MigrationVersionStrategy strategy_;
};

// Updates rows one by one while `work` runs; the longest that one update took, in milliseconds.
double longest_wait(const DatabaseRef& ref, int rows, const std::function<void()>& work) {
  std::atomic<bool> over = false;
  double longest = 0;
  {
    const std::jthread writer([&] {
      Client client(ref);
      for (int n = 0; !over; ++n) {
        const int id = 1 + static_cast<int>((n * 7919LL) % rows);
        longest = std::max(
            longest, 1000 * seconds_of([&] {
                       client.run(fmt::format("UPDATE users SET pad = '{}' WHERE id = {}", n, id));
                     }));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    work();
    over = true;
  }
  return longest;
}

struct Side {
  double seconds = 0;
  double waited = 0;  // ms
};
struct Round {
  Side bare;
  Side ours;
};

using Fresh = std::function<DatabaseRef()>;

// What filling the table has left to do is not measured.
void settle(Client& client, bool pg) {
  client.run(pg ? "VACUUM ANALYZE users" : "ANALYZE");
  if (pg) {
    client.run("CHECKPOINT");
  }
}

Side one_update(const DatabaseRef& ref, int rows, bool pg) {
  Subject subject(ref, rows, false);
  subject.go(3);
  Client client(ref);
  settle(client, pg);
  Side side;
  // A trigger that the backfill does not wake must not slow this one either.
  const std::string update = "UPDATE users SET address = lower(email) WHERE address IS NULL";
  side.waited = longest_wait(ref, rows, [&] {
    side.seconds = seconds_of([&] {
      client.run(pg ? "BEGIN; SET LOCAL ripcord.backfill = 'on'; " + update + "; COMMIT" : update);
    });
  });
  return side;
}

Side in_batches(const DatabaseRef& ref, int rows, bool pg) {
  Subject subject(ref, rows, true);
  subject.go(2);
  Client client(ref);
  settle(client, pg);
  Side side;
  side.waited = longest_wait(ref, rows, [&] { side.seconds = seconds_of([&] { subject.go(3); }); });
  return side;
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void print(const std::string& engine, int rows, const std::vector<Round>& rounds) {
  std::vector<double> bare;
  std::vector<double> ours;
  std::vector<double> ratios;
  double bare_waited = 0;
  double ours_waited = 0;
  for (const Round& round : rounds) {
    bare.push_back(rows / round.bare.seconds);
    ours.push_back(rows / round.ours.seconds);
    ratios.push_back(ours.back() / bare.back());
    bare_waited = std::max(bare_waited, round.bare.waited);
    ours_waited = std::max(ours_waited, round.ours.waited);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  fmt::print(
      "{:<11} {:>10.0f} /s {:>10.0f} /s {:>6.2f}   {:.2f} .. {:.2f} {:>9.0f} ms {:>9.0f} ms\n",
      engine, median(bare), median(ours), median(ratios), *least, *most, bare_waited, ours_waited);
  std::fflush(stdout);
}

void measure(const std::string& engine, bool pg, int rows, int rounds, const Fresh& fresh) {
  std::vector<Round> measured;
  for (int i = 0; i < rounds; ++i) {
    Round round;
    // Who goes first alternates: the second finds a warmer machine.
    for (const bool bare : {i % 2 == 0, i % 2 != 0}) {
      (bare ? round.bare : round.ours) =
          bare ? one_update(fresh(), rows, pg) : in_batches(fresh(), rows, pg);
    }
    measured.push_back(round);
  }
  print(engine, rows, measured);
}

int bench(int rows, int rounds) {
  fmt::print("{} rows, medians of {} rounds; the target of the ratio is 0.9\n", rows, rounds);
  fmt::print("{:<11} {:>13} {:>13} {:>6}   {:<12} {:>12} {:>12}\n", "engine", "one UPDATE",
             "backfill", "ratio", "least .. most", "a writer", "waited");
  if (PostgresCluster::available()) {
    PostgresCluster cluster;
    std::vector<std::string> made;
    measure("PostgreSQL", true, rows, rounds, [&] {
      for (const std::string& name : made) {
        cluster.psql("postgres", "DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
      }
      made = {fresh_database(cluster, "backfill")};
      DatabaseRef ref;
      ref.url = cluster.url(made.back());
      return ref;
    });
  }
  std::unique_ptr<TempDir> directory;
  measure("SQLite", false, rows, rounds, [&] {
    directory = std::make_unique<TempDir>();
    DatabaseRef ref;
    ref.engine = Engine::kSqlite;
    ref.path = *directory / "app.db";
    return ref;
  });
  return 0;
}

}  // namespace
}  // namespace ripcord

// bench_backfill [ROWS [ROUNDS]]
int main(int argc, char** argv) {
  const int rows = argc > 1 ? std::max(1000, std::atoi(argv[1])) : ripcord::kDefaultRows;
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : ripcord::kDefaultRounds;
  return ripcord::bench(rows, rounds);
}
