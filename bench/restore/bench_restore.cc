// SPDX-License-Identifier: Apache-2.0
// A whole restore of a 1,000,000-row table (load, count, verify, swap) beside the plain floor: an
// empty database, pg_restore -j2 and the same counts by a bare client. Ripcord's load also
// analyzes; what that costs alone is shown. The backup is one of `ripcord backup`: what comparing
// it with its manifest costs, before the load and after it, has lines of its own. A round is a
// pair, and what comes first alternates; the figure is the median of the pairs' ratios. A first
// pair warms up and is not counted.
//
//   bench_restore [ROWS [ROUNDS]]
#include "adapters/backupdir/backup_directory.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/process/child_runner.h"
#include "bench/support/figures.h"
#include "controller/policy/backup_contents.h"
#include "tests/support/paths/paths.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr const char* kVerification = "select count(*) from users where id % 2 = 0";

constexpr const char* kAnalyze = "not in the floor: analyze";

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

void run_or_throw(std::vector<std::string> argv) {
  const RunResult result = run({.argv = std::move(argv)}, {}, std::chrono::minutes(10));
  if (result.exit_code != 0) {
    throw std::runtime_error(result.err);
  }
}

class Bench {
 public:
  Bench(std::int64_t rows, int rounds) : rows_(rows), rounds_(rounds) {
    const std::string source = fresh_database(pg_, "source");
    pg_.psql(source, fmt::format("create table users (id bigint primary key, email text, created "
                                 "timestamptz, note text); insert into users select i, 'user' || i "
                                 "|| '@example.org', now(), md5(i::text) from generate_series(1, "
                                 "{}) i; create index on users (email)",
                                 rows_));
    run_or_throw({bin_dir() + "/ripcord", "backup", "--database", pg_.url(source), "--catalog",
                  directory_.path().string(), "--name", "users"});
    backup_ = require(catalog_.find(directory_.path().string(), "users"));
    pg_.psql("postgres", "drop database " + source + "; checkpoint");
  }

  void run_all() {
    for (int round = 0; round <= rounds_; ++round) {
      if (round == 1) {
        times_.clear();
        order_.clear();
        windows_.clear();
      }
      if (round % 2 == 0) {
        floor_round();
        ripcord_round(round);
      } else {
        ripcord_round(round);
        floor_round();
      }
    }
    print();
  }

 private:
  void floor_round() {
    std::string database;
    took("floor: create database", [&] { database = fresh_database(pg_, "floor"); });
    took("floor: pg_restore -j2", [&] {
      run_or_throw({"/usr/lib/postgresql/15/bin/pg_restore", "--jobs=2", "--exit-on-error", "-d",
                    pg_.url(database), backup_.path});
    });
    took("floor: count and verify", [&] {
      auto connection = require(postgres::Connection::open(pg_.url(database)));
      require(connection.query("select count(*) from users"));
      require(connection.query(kVerification));
    });
    took(kAnalyze, [&] {
      auto connection = require(postgres::Connection::open(pg_.url(database)));
      require(connection.execute("analyze"));
    });
    pg_.psql("postgres", "drop database " + database + "; checkpoint");
  }

  void ripcord_round(int round) {
    DatabaseRef ref;
    const std::string live = fresh_database(pg_, "live");
    ref.url = pg_.url(live);
    auto opened = require(restores_.open(ref, fmt::format("{:08x}-bench", round + 1)));
    took("check: files and server", [&] {
      require(catalog_.check(backup_, {}));
      require(opened.checks->preflight(backup_, {}));
    });
    took("ripcord: load", [&] { require(opened.target->load(backup_, {})); });
    took("ripcord: count", [&] {
      if (require(opened.target->count({})).at(0).rows != rows_) {
        throw std::runtime_error("rows are missing");
      }
    });
    took("ripcord: verify", [&] { require(opened.target->query(kVerification, {})); });
    took("check: counts and sums of all tables", [&] {
      const SurveyedDatabase found = require(opened.checks->survey({}));
      require(compare_contents(*backup_.manifest, found.contents, found.server_version));
    });
    took("ripcord: swap",
         [&] { windows_.push_back(to_seconds(require(opened.target->swap({})).window)); });
    require(opened.leftovers->drop_previous());
    pg_.psql("postgres", "drop database " + live + "; checkpoint");
  }

  void took(const std::string& what, const std::function<void()>& work) {
    if (!times_.contains(what)) {
      order_.push_back(what);
    }
    times_[what].push_back(seconds_of(work));
  }

  std::vector<double> totals(const std::string& side) const {
    std::vector<double> sums(static_cast<std::size_t>(rounds_), 0.0);
    for (const auto& [what, values] : times_) {
      for (std::size_t i = 0; what.starts_with(side) && i < values.size(); ++i) {
        sums[i] += values[i];
      }
    }
    return sums;
  }

  void print() const {
    fmt::print("restore of {} rows, {} rounds, medians\n", rows_, rounds_);
    fmt::print("| step | seconds | min | max |\n|---|---|---|---|\n");
    const auto row = [](const std::string& what, const std::vector<double>& values) {
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      fmt::print("| {} | {:.3f} | {:.3f} | {:.3f} |\n", what, median(values), *least, *most);
    };
    for (const auto& what : order_) {
      row(what, times_.at(what));
    }
    row("floor", totals("floor"));
    row("ripcord", totals("ripcord"));
    row("checks", totals("check"));
    row("window in which clients could not work", windows_);
    const std::vector<double> analyzes = times_.at(kAnalyze);
    print_ratio("ratio less the analyze (target: at most 1.05)", less(totals("ripcord"), analyzes));
    print_ratio("ratio", totals("ripcord"));
    std::vector<double> checked = totals("ripcord");
    const std::vector<double> checks = totals("check");
    for (std::size_t i = 0; i < checked.size(); ++i) {
      checked[i] += checks[i];
    }
    print_ratio("ratio with the checks", checked);
  }

  static std::vector<double> less(std::vector<double> values, const std::vector<double>& off) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] -= off.at(i);
    }
    return values;
  }

  void print_ratio(const char* what, const std::vector<double>& ours) const {
    const Ratios ratios = ratios_of(ours, totals("floor"));
    fmt::print("{}: {:.2f} (median of {} pairs, {:.2f} to {:.2f})\n", what, ratios.median, rounds_,
               ratios.least, ratios.most);
  }

  const std::int64_t rows_;
  const int rounds_;
  TempDir directory_;
  PostgresCluster pg_;
  SystemClock clock_;
  ChildRunner runner_;
  BackupDirectory catalog_;
  postgres::PostgresRestores restores_{runner_, clock_};
  Backup backup_;
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> times_;
  std::vector<double> windows_;
};

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  try {
    const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
    ripcord::Bench(rows, std::max(rounds, 1)).run_all();
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_restore: {}\n", problem.what());
    return 1;
  }
  return 0;
}
