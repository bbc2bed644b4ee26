// SPDX-License-Identifier: Apache-2.0
// `ripcord backup` of a table of 1,000,000 rows, the whole process, beside what makes the same
// files alone: pg_dump in both formats, SQLite's backup API. What Ripcord does beyond that, the
// checks (the table counted and summed up in the same snapshot, the sha256 of the files; SQLite's
// quick_check), is done once more by bare clients, one after another, so that its price is known.
// A round is all three in turns, what comes first rotates; a first round is not counted.
//
//   bench_backup [ROWS [ROUNDS]]

#include "adapters/postgres/connection.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/contents.h"
#include "bench/support/figures.h"
#include "controller/base/file_digest.h"
#include "tests/support/paths/paths.h"
#include "tests/support/postgres_cluster.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr const char* kPgDump = "/usr/lib/postgresql/15/bin/pg_dump";
constexpr auto kPatience = std::chrono::minutes(10);

template <class T>
T require(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

void run_or_throw(std::vector<std::string> argv) {
  const RunResult result = run({.argv = std::move(argv)}, {}, kPatience);
  if (result.exit_code != 0) {
    throw std::runtime_error(result.err);
  }
}

void digest_all(const std::string& path) {
  if (!std::filesystem::is_directory(path)) {
    require(sha256_of_file(path, {}));
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    require(sha256_of_file(entry.path().string(), {}));
  }
}

void execute(sqlite3* db, const std::string& sql) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(db));
  }
}

std::unique_ptr<sqlite3, decltype(&sqlite3_close)> open_file(const std::string& path) {
  sqlite3* raw = nullptr;
  sqlite3_open(path.c_str(), &raw);
  return {raw, sqlite3_close};
}

// All pages in one step, which SQLite syncs.
void copy_by_api(const std::string& from, const std::string& to) {
  const auto source = open_file(from);
  const auto target = open_file(to);
  sqlite3_backup* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (backup == nullptr || sqlite3_backup_step(backup, -1) != SQLITE_DONE ||
      sqlite3_backup_finish(backup) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(target.get()));
  }
}

// One kind of backup. Each is given the path of what it makes or looks at.
struct Subject {
  const char* name;
  const char* floor_name;
  std::vector<std::string> ripcord;  // arguments that name database and format
  std::function<void(const std::string&)> floor;
  std::function<void(const std::string&)> checks;
};

struct Times {
  std::vector<double> floor;
  std::vector<double> checks;
  std::vector<double> ripcord;
};

class Rounds {
 public:
  explicit Rounds(const Subject& subject) : subject_(subject) {}

  Times all(int rounds) {
    for (int round = 0; round <= rounds; ++round) {
      if (round == 1) {
        times_ = {};
      }
      one(round);
    }
    return times_;
  }

 private:
  void one(int round) {
    const TempDir directory;
    const std::string bare = directory / "bare";
    subject_.floor(bare);  // to be looked at; not timed, since the order of what follows changes
    const std::array<std::function<void()>, 3> parts{
        [&] {
          const std::string made = directory / "floor";
          times_.floor.push_back(seconds_of([&] { subject_.floor(made); }));
        },
        [&] { times_.checks.push_back(seconds_of([&] { subject_.checks(bare); })); },
        [&] {
          std::vector<std::string> argv{
              bin_dir() + "/ripcord",   "backup", "--name", "made", "--catalog",
              directory.path().string()};
          argv.insert(argv.end(), subject_.ripcord.begin(), subject_.ripcord.end());
          times_.ripcord.push_back(seconds_of([&] { run_or_throw(argv); }));
        }};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[(i + static_cast<std::size_t>(round)) % parts.size()]();
    }
  }

  const Subject& subject_;
  Times times_;
};

void print(const Subject& subject, const Times& times) {
  std::vector<double> alone;
  for (std::size_t i = 0; i < times.ripcord.size(); ++i) {
    alone.push_back(times.ripcord[i] - times.checks[i]);
  }
  const auto row = [](const std::string& what, const std::vector<double>& values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    fmt::print("  {:<44} {:>8.3f} {:>8.3f} {:>8.3f}\n", what, median(values), *least, *most);
  };
  const auto ratio = [&](const char* what, const std::vector<double>& ours, const char* target) {
    const Ratios ratios = ratios_of(ours, times.floor);
    fmt::print("  {:<44} {:>7.2f}x {:>7.2f}x {:>7.2f}x{}\n", what, ratios.median, ratios.least,
               ratios.most, target);
  };
  fmt::print("{}\n", subject.name);
  row(fmt::format("floor: {}", subject.floor_name), times.floor);
  row("checks alone, by bare clients", times.checks);
  row("ripcord backup", times.ripcord);
  ratio("ripcord / floor", times.ripcord, "");
  ratio("ripcord less the checks / floor", alone, "   (target: at most 1.05)");
  std::fflush(stdout);
}

void bench_postgres(std::int64_t rows, int rounds) {
  PostgresCluster cluster;
  const std::string name = fresh_database(cluster, "source");
  cluster.psql(name, fmt::format("create table users (id bigint primary key, email text, created "
                                 "timestamptz, note text); insert into users select i, 'user' || i "
                                 "|| '@example.org', now(), md5(i::text) from generate_series(1, "
                                 "{}) i; create index on users (email); vacuum analyze; checkpoint",
                                 rows));
  const std::string url = cluster.url(name);
  const auto checks = [&](const std::string& made) {
    auto connection = require(postgres::Connection::open(url));
    require(connection.execute("set timezone = 'UTC'"));
    require(
        connection.query("select count(*), sum(hashtextextended(row(created, email, id, "
                         "note)::text, 0)) from users"));
    digest_all(made);
  };
  const auto dump = [&](std::vector<std::string> options) {
    return [&, options](const std::string& made) {
      std::vector<std::string> argv{kPgDump, "-f", made, "-d", url};
      argv.insert(argv.end(), options.begin(), options.end());
      run_or_throw(argv);
    };
  };
  const Subject custom{
      "PostgreSQL, one file", "pg_dump -Fc", {"--database", url}, dump({"-Fc"}), checks};
  print(custom, Rounds(custom).all(rounds));
  const Subject directory{"PostgreSQL, directory",
                          "pg_dump -Fd -j2",
                          {"--database", url, "--format", "directory"},
                          dump({"-Fd", "-j2"}),
                          checks};
  print(directory, Rounds(directory).all(rounds));
}

void bench_sqlite(std::int64_t rows, int rounds) {
  const TempDir home;
  const std::string path = home / "source.db";
  execute(
      open_file(path).get(),
      fmt::format("create table users (id integer primary key, email text, created text, note "
                  "text); insert into users with recursive n(i) as (select 1 union all select "
                  "i + 1 from n where i < {}) select i, 'user' || i || '@example.org', "
                  "datetime('now'), hex(i * 2654435761) || hex(i) from n; create index by_email "
                  "on users (email)",
                  rows));
  const auto checks = [](const std::string& made) {
    auto copy = require(sqlite::Connection::open(made, sqlite::OpenMode::kReadOnly));
    require(copy.query("pragma quick_check(1)"));
    require(sqlite::survey(copy, {}));
    digest_all(made);
  };
  const Subject file{"SQLite",
                     "backup API, one step",
                     {"--database", path},
                     [&](const std::string& made) { copy_by_api(path, made); },
                     checks};
  print(file, Rounds(file).all(rounds));
}

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  try {
    const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
    const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
    fmt::print("backup of {} rows, {} rounds: median, least, most\n", rows, rounds);
    if (ripcord::PostgresCluster::available()) {
      ripcord::bench_postgres(rows, rounds);
    } else {
      fmt::print("PostgreSQL: skipped, no server is installed\n");
    }
    ripcord::bench_sqlite(rows, rounds);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_backup: {}\n", problem.what());
    return 1;
  }
  return 0;
}
