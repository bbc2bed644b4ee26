// SPDX-License-Identifier: Apache-2.0
#include "bench/migrations/peers.h"

#include "bench/migrations/corpus.h"
#include "bench/migrations/ripcord_process.h"
#include "bench/support/figures.h"
#include "tests/support/migration_tools/migration_tools.h"

#include <cstdio>
#include <stdexcept>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr double kEnough = 30;  // seconds for one peer and engine
constexpr int kSingly = 20;     // downs of a tool that starts a process for each

struct Peer {
  const char* name;
  std::unique_ptr<MigrationTool> (*make)();
};
constexpr Peer kPeers[] = {{"golang-migrate", golang_migrate_tool},
                           {"goose", goose_tool},
                           {"dbmate", dbmate_tool},
                           {"sql-migrate", sql_migrate_tool}};

struct Way {
  std::vector<double> theirs;
  std::vector<double> ours;
};

struct Sample {
  Way up;
  Way down;
};

// An empty database; gone with the object.
class Fresh {
 public:
  explicit Fresh(PostgresCluster* cluster) : cluster_(cluster) {
    if (cluster_ != nullptr) {
      name_ = fresh_database(*cluster_, "peer");
      ref_.url = cluster_->url(name_);
    } else {
      ref_.engine = Engine::kSqlite;
      ref_.path = directory_ / "app.db";
      write_file(ref_.path, "");
    }
  }
  ~Fresh() {
    if (cluster_ != nullptr) {
      run({.argv = {"/usr/lib/postgresql/15/bin/dropdb", "--force", "--maintenance-db",
                    cluster_->url(), name_}});
    }
  }
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;

  const DatabaseRef& ref() const { return ref_; }
  ToolPlace place(const std::string& migrations) const {
    return cluster_ != nullptr
               ? ToolPlace{ToolEngine::kPostgres, ref_.url + "?sslmode=disable", migrations}
               : ToolPlace{ToolEngine::kSqlite, ref_.path, migrations};
  }
  // How many of the corpus's tables are there.
  int tables() const {
    return cluster_ != nullptr
               ? std::stoi(cluster_->psql(
                     name_, "select count(*) from pg_tables where tablename ~ '^t[0-9]+$'"))
               : count_in_file();
  }

 private:
  int count_in_file() const {
    sqlite3* raw = nullptr;
    sqlite3_open(ref_.path.c_str(), &raw);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(raw, sqlite3_close);
    int count = 0;
    const auto take = [](void* into, int, char** values, char**) {
      *static_cast<int*>(into) = std::stoi(values[0]);
      return 0;
    };
    sqlite3_exec(raw,
                 "select count(*) from sqlite_master where type = 'table' and name glob 't[0-9]*'",
                 take, &count, nullptr);
    return count;
  }

  PostgresCluster* cluster_;
  TempDir directory_;
  std::string name_;
  DatabaseRef ref_;
};

void require_tables(const Fresh& database, int wanted, const std::string& who) {
  if (const int there = database.tables(); there != wanted) {
    throw std::runtime_error(fmt::format("{}: {} tables are there, not {}", who, there, wanted));
  }
}

void require(const RunResult& result, const std::string& who) {
  if (result.exit_code != 0) {
    throw std::runtime_error(fmt::format("{}: exit code {}: {}{}", who, result.exit_code,
                                         result.out.substr(0, 2000), result.err.substr(0, 2000)));
  }
}

// One tool and Ripcord, each with a database.
class Match {
 public:
  Match(const MigrationTool& tool, std::string name, PostgresCluster* cluster,
        std::string migrations)
      : tool_(tool),
        name_(std::move(name)),
        migrations_(std::move(migrations)),
        theirs_(cluster),
        ours_(cluster) {}

  void up(bool we_begin, Way& way) {
    in_turns(
        we_begin, way, [&] { return tool_up(); },
        [&] { return ripcord_process(ours_.ref(), migrations_, kMigrations); });
    require_tables(theirs_, kMigrations / kPerTable, name_);
    require_tables(ours_, kMigrations / kPerTable, "ripcord");
  }
  void down(bool we_begin, Way& way) {
    in_turns(
        we_begin, way, [&] { return tool_down(); },
        [&] { return ripcord_process(ours_.ref(), migrations_, 0); });
    require_tables(theirs_, singly_ ? (kMigrations - kSingly) / kPerTable : 0, name_);
    require_tables(ours_, 0, "ripcord");
  }
  bool singly() const { return singly_; }

 private:
  template <class Theirs, class Ours>
  static void in_turns(bool we_begin, Way& way, const Theirs& theirs, const Ours& ours) {
    if (we_begin) {
      way.ours.push_back(ours());
    }
    way.theirs.push_back(theirs());
    if (!we_begin) {
      way.ours.push_back(ours());
    }
  }
  double tool_up() const {
    return seconds_of([&] { require(tool_.up(theirs_.place(migrations_)), name_ + " up"); });
  }
  double tool_down() {
    const ToolPlace place = theirs_.place(migrations_);
    std::optional<RunResult> all;
    const double took = seconds_of([&] { all = tool_.down_all(place); });
    if (all) {
      require(*all, name_ + " down");
      return took;
    }
    singly_ = true;
    return kMigrations / kSingly * seconds_of([&] {
             for (int i = 0; i < kSingly; ++i) {
               require(tool_.down_one(place), name_ + " down");
             }
           });
  }

  const MigrationTool& tool_;
  const std::string name_;
  const std::string migrations_;
  const Fresh theirs_;
  const Fresh ours_;
  bool singly_ = false;
};

const char* name_of(const PostgresCluster* cluster) {
  return cluster != nullptr ? "PostgreSQL" : "SQLite";
}

void print(const char* engine, const char* way, const std::string& name, const Way& measured) {
  const Ratios ratios = ratios_of(measured.ours, measured.theirs);
  fmt::print("{:<12} {:<5} {:<16} {:>9.2f} s {:>9.2f} s {:>8.2f}x   {:.2f} .. {:.2f} {:>6}\n",
             engine, way, name, median(measured.theirs), median(measured.ours), ratios.median,
             ratios.least, ratios.most, measured.ours.size());
  std::fflush(stdout);
}

// Whether Ripcord is ahead both ways.
bool compare(const Peer& peer, const MigrationTool& tool, PostgresCluster* cluster,
             const std::vector<Migration>& all, int pairs) {
  const TempDir directory;
  const ToolPlace files{cluster != nullptr ? ToolEngine::kPostgres : ToolEngine::kSqlite, "",
                        directory.path().string()};
  for (const Migration& migration : all) {
    tool.write(files, static_cast<int>(migration.version), *migration.up + ";",
               *migration.down + ";");
  }
  Sample sample;
  bool singly = false;
  double spent = 0;
  for (int i = 0; i < pairs && (i == 0 || spent < kEnough); ++i) {
    spent += seconds_of([&] {
      Match match(tool, peer.name, cluster, files.directory);
      match.up(i % 2 == 1, sample.up);
      match.down(i % 2 == 1, sample.down);
      singly = match.singly();
    });
  }
  print(name_of(cluster), "up", peer.name, sample.up);
  print(name_of(cluster), "down", peer.name + std::string(singly ? " *" : ""), sample.down);
  return ratios_of(sample.up.ours, sample.up.theirs).median < 1 &&
         ratios_of(sample.down.ours, sample.down.theirs).median < 1;
}

}  // namespace

void compare_with_peers(const std::vector<Migration>& all, PostgresCluster* cluster, int pairs) {
  fmt::print(
      "\nwhole processes on the same files, in turns (target: ahead of every one, ratio < 1)\n");
  fmt::print("{:<12} {:<5} {:<16} {:>11} {:>11} {:>9}   {:<12} {:>6}\n", "engine", "way", "peer",
             "peer", "ripcord", "ratio", "least .. most", "pairs");
  std::vector<PostgresCluster*> engines{nullptr};
  if (cluster != nullptr) {
    engines.insert(engines.begin(), cluster);
  }
  std::string behind;
  for (const Peer& peer : kPeers) {
    const auto tool = peer.make();
    if (!tool) {
      fmt::print("{}: skipped, not installed (tests/migration_tools/build, .ci/install)\n",
                 peer.name);
      continue;
    }
    for (PostgresCluster* engine : engines) {
      if (!compare(peer, *tool, engine, all, pairs)) {
        behind += fmt::format("{}{} on {}", behind.empty() ? "" : ", ", peer.name, name_of(engine));
      }
    }
  }
  fmt::print("* one process a down: {} were run, and their time multiplied\n", kSingly);
  fmt::print("ahead of every one: {}\n", behind.empty() ? "yes" : "no, not of " + behind);
}

}  // namespace ripcord
