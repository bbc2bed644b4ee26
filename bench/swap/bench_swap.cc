// SPDX-License-Identifier: Apache-2.0
// What clients see while a restore is put in place: 100 sessions that ask without a pause, and
// connect again at once when they are thrown out. A swap of databases, the same through a real
// PgBouncer, and a swap of schemas, each beside the same renames by a bare client (the floor). A
// session's outage is the longest time between two of its answers; "nothing changes" shows what
// the load alone costs. Exit code 1 when a swap failed, or a row that promises it lost a query.
//
//   bench_swap [SESSIONS [ROUNDS]]
#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/support/pgbouncer.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr const char* kUrlVariable = "RIPCORD_BENCH_PGBOUNCER_URL";
constexpr auto kEnough = std::chrono::seconds(60);  // for one round to go on

using Steady = std::chrono::steady_clock;

void require(const Status& status) {
  if (!status.ok()) {
    throw std::runtime_error(to_string(status));
  }
}
template <class T>
T require(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

struct Seen {
  std::atomic<std::int64_t> answers = 0;
  std::atomic<std::int64_t> failed = 0;
  double longest = 0;  // seconds; read once the session has ended
};

void ask_all_the_time(const std::string& url, Seen& seen, const std::stop_token& stop) {
  std::optional<postgres::Connection> connection;
  std::optional<Steady::time_point> last;
  while (!stop.stop_requested()) {
    if (!connection) {
      auto opened = postgres::Connection::open(url, {}, stop);
      if (!opened) {
        continue;
      }
      connection = std::move(*opened);
    }
    if (!connection->query("select note from users where id = 7")) {
      ++seen.failed;
      connection.reset();
      continue;
    }
    const Steady::time_point now = Steady::now();
    if (last) {
      seen.longest = std::max(seen.longest, std::chrono::duration<double>(now - *last).count());
    }
    last = now;
    ++seen.answers;
  }
}

class Row {
 public:
  Row(std::string name, bool loses_none) : name_(std::move(name)), loses_none_(loses_none) {}

  // `swap` runs while everybody asks.
  void round(const std::string& url, int sessions, const std::function<void()>& swap) {
    std::vector<Seen> seen(static_cast<std::size_t>(sessions));
    {
      std::vector<std::jthread> clients;
      clients.reserve(seen.size());
      for (Seen& one : seen) {
        clients.emplace_back(
            [&url, &one](const std::stop_token& stop) { ask_all_the_time(url, one, stop); });
      }
      wait_for_answers(seen, 5);
      swap();
      wait_for_answers(seen, 5);
    }
    for (const Seen& one : seen) {
      answers_ += one.answers;
      failed_ += one.failed;
      outages_.push_back(one.longest);
    }
    ++rounds_;
  }

  bool print() {
    std::sort(outages_.begin(), outages_.end());
    fmt::print("| {} | {} | {} | {} | {:.1f} | {:.1f} |\n", name_, rounds_, answers_ + failed_,
               failed_, outages_.back() * 1e3, outages_.at(outages_.size() / 2) * 1e3);
    return !loses_none_ || failed_ == 0;
  }

 private:
  static void wait_for_answers(const std::vector<Seen>& seen, std::int64_t more) {
    std::vector<std::int64_t> wanted;
    for (const Seen& one : seen) {
      wanted.push_back(one.answers + more);
    }
    const bool all = eventually(
        [&] {
          for (std::size_t i = 0; i < seen.size(); ++i) {
            if (seen[i].answers < wanted[i]) {
              return false;
            }
          }
          return true;
        },
        kEnough);
    if (!all) {
      throw std::runtime_error("a session got no answer for a minute");
    }
  }

  const std::string name_;
  const bool loses_none_;
  int rounds_ = 0;
  std::int64_t answers_ = 0;
  std::int64_t failed_ = 0;
  std::vector<double> outages_;
};

class Bench {
 public:
  Bench(int sessions, int rounds) : sessions_(sessions), rounds_(rounds) {
    const std::string source = fresh_database(pg_, "source");
    pg_.psql(source, kUsers);
    backup_ = {"users", BackupFormat::kPgCustom, directory_ / "users.dump", 0};
    const RunResult dumped = run({.argv = {"/usr/lib/postgresql/15/bin/pg_dump", "-Fc", "-f",
                                           backup_.path, "-d", pg_.url(source)}});
    if (dumped.exit_code != 0) {
      throw std::runtime_error(dumped.err);
    }
  }

  bool run_all() {
    fmt::print("{} sessions, {} rounds a row\n", sessions_, rounds_);
    fmt::print(
        "| row | swaps | queries | failed | longest outage, ms | p50 of sessions, ms "
        "|\n|---|---|---|---|---|---|\n");
    bool good = rows("nothing changes", true, [&](Row& row) {
      row.round(pg_.url(make_live()), sessions_,
                [] { std::this_thread::sleep_for(std::chrono::milliseconds(500)); });
    });
    good &= rows("floor: databases renamed by a bare client", false,
                 [&](Row& row) { floor_databases(row); });
    good &= rows("ripcord: swapBy Database", false,
                 [&](Row& row) { swap_round(row, RestoreUnit::kDatabase, nullptr); });
    if (PgBouncer::available()) {
      good &= rows("ripcord: swapBy Database, through PgBouncer", true, [&](Row& row) {
        const std::string live = make_live();
        const PgBouncer pooler(pg_, live);
        swap_round(row, RestoreUnit::kDatabase, &pooler, live);
      });
    } else {
      fmt::print("skipped: through PgBouncer (pgbouncer is not installed)\n");
    }
    good &= rows("floor: schemas renamed by a bare client", true,
                 [&](Row& row) { floor_schemas(row); });
    good &= rows("ripcord: swapBy Schema", true,
                 [&](Row& row) { swap_round(row, RestoreUnit::kSchema, nullptr); });
    return good;
  }

 private:
  bool rows(std::string name, bool loses_none, const std::function<void(Row&)>& round) {
    Row row(std::move(name), loses_none);
    for (int i = 0; i < rounds_; ++i) {
      round(row);
    }
    const bool good = row.print();
    std::fflush(stdout);
    return good;
  }

  std::string make_live() {
    const std::string live = fresh_database(pg_, "live");
    pg_.psql(live, kUsers);
    return live;
  }

  void floor_databases(Row& row) {
    const std::string live = make_live();
    const std::string side = make_live();
    auto admin = require(postgres::Connection::open(pg_.url()));
    row.round(pg_.url(live), sessions_, [&] {
      require(admin.execute("alter database " + live + " allow_connections false"));
      const std::string ended =
          "select count(*), count(pg_terminate_backend(pid)) from pg_stat_activity where datname "
          "= '" +
          live + "'";
      while (require(admin.execute(ended)).rows.at(0).at(0) != "0") {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      require(admin.execute("alter database " + live + " rename to " + live +
                            "_old; alter database " + side + " rename to " + live +
                            "; alter database " + live + "_old allow_connections true"));
    });
  }

  void floor_schemas(Row& row) {
    const std::string live = make_live();
    pg_.psql(live,
             "alter schema public rename to side; create schema public;" + std::string(kUsers));
    auto admin = require(postgres::Connection::open(pg_.url(live)));
    row.round(pg_.url(live), sessions_, [&] {
      require(admin.execute(
          "begin; alter schema public rename to old; alter schema side rename to public; commit"));
    });
  }

  void swap_round(Row& row, RestoreUnit unit, const PgBouncer* pooler, std::string live = {}) {
    live = live.empty() ? make_live() : live;
    RestoreOrder order;
    order.database.url = pg_.url(live);
    order.request_uid = fmt::format("{:08x}-bench", ++made_);
    order.swap_by = unit;
    if (pooler != nullptr) {
      ::setenv(kUrlVariable, pooler->admin_url().c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
      order.pgbouncer = PgBouncerRef{kUrlVariable, ""};
    }
    OpenedRestore opened = require(restores_.open(order));
    require(opened.target->load(backup_, {}));
    if (opened.staging) {
      require(opened.staging->stage({}));
    }
    row.round(pooler != nullptr ? pooler->url() : order.database.url, sessions_,
              [&] { require(opened.target->swap({})); });
  }

  static constexpr const char* kUsers =
      "create table users (id bigint primary key, note text); insert into users select i, "
      "md5(i::text) from generate_series(1, 1000) i";

  const int sessions_;
  const int rounds_;
  int made_ = 0;
  TempDir directory_;
  PostgresCluster pg_;
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresRestores restores_{runner_, clock_};
  Backup backup_;
};

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  try {
    const int sessions = argc > 1 ? std::atoi(argv[1]) : 100;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
    return ripcord::Bench(std::max(sessions, 1), std::max(rounds, 1)).run_all() ? 0 : 1;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_swap: {}\n", problem.what());
    return 1;
  }
}
