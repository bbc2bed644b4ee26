// SPDX-License-Identifier: Apache-2.0
// What the SQL inspector finds and what it costs. Found: of the catalogue's 20 statements that lose
// data (the first of tests/golden/sql/postgresql/losing.sql; the file goes on), and alarms over the
// scripts in tests/golden/sql/postgresql/safe that do no harm; beside squawk, which is installed by
// npm into a cache and skipped by name when that fails. Cost, in statements a second: review() of
// all these scripts beside libpg_query's parse alone, and of SQLite's beside SQLite preparing and
// running their statements in memory, in turns; the ratio is the median of the rounds' ratios.

#include "adapters/pgquery/inspector.h"
#include "adapters/sqlite/inspector.h"
#include "bench/support/figures.h"
#include "controller/codec/sql_lexer.h"
#include "tests/support/process.h"
#include "tests/support/sql_cases.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pg_query.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr std::size_t kCatalogue = 20;
constexpr int kPasses = 20;  // over all scripts, in one round
constexpr const char* kSquawk = "squawk-cli@2.66.0";

using Steady = std::chrono::steady_clock;
using Cases = std::vector<SqlCase>;

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

struct Score {
  std::size_t catalogue = 0;    // of the first 20
  std::size_t losing = 0;       // of all
  std::size_t alarms = 0;       // safe scripts with a finding
  std::size_t loss_alarms = 0;  // ... that speaks of lost data
};

void print(const char* who, const Score& score, std::size_t losing, std::size_t safe) {
  fmt::print("{:<10} {:>9}/{} {:>12}/{} {:>18}/{} {:>16}/{}\n", who, score.catalogue, kCatalogue,
             score.losing, losing, score.loss_alarms, safe, score.alarms, safe);
}

void add_found(Score& score, std::size_t index) {
  ++score.losing;
  score.catalogue += index < kCatalogue ? 1U : 0U;
}

bool loses(const SqlReport& report) {
  return std::any_of(report.statements.begin(), report.statements.end(),
                     [](const auto& each) { return each.effect >= DataEffect::kLossy; });
}

Score score_ours(const Cases& losing, const Cases& safe) {
  const pgquery::PostgresInspector inspector;
  Score score;
  for (std::size_t i = 0; i < losing.size(); ++i) {
    if (loses(*inspector.review(Engine::kPostgreSql, {losing[i].script}))) {
      add_found(score, i);
    }
  }
  for (const SqlCase& each : safe) {
    const SqlReport report = *inspector.review(Engine::kPostgreSql, {each.script});
    score.loss_alarms += loses(report) ? 1U : 0U;
    score.alarms += std::any_of(report.findings.begin(), report.findings.end(),
                                [](const auto& f) { return f.severity != SqlSeverity::kNote; });
  }
  return score;
}

// --- the peer

std::optional<std::string> squawk_binary() {
  const char* home = std::getenv("HOME");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const std::string prefix =
      (cache != nullptr ? std::string(cache)
                        : std::string(home == nullptr ? "/tmp" : home) + "/.cache") +
      "/ripcord/squawk";
  const std::string script = prefix + "/node_modules/.bin/squawk";
  if (!std::filesystem::exists(script)) {
    std::filesystem::create_directories(prefix);
    const RunResult installed =
        run({.argv = {"sh", "-c",
                      "command -v npm >/dev/null && npm install --silent --prefix \"$0\" \"$1\"",
                      prefix, kSquawk}});
    if (installed.exit_code != 0) {
      return std::nullopt;
    }
  }
  const std::string native = prefix + "/node_modules/@squawk-cli/linux-x64/bin/squawk";
  return std::filesystem::exists(native) ? native : script;
}

// The rules that it names for each file.
std::vector<std::set<std::string>> squawk_findings(const std::string& binary, const Cases& cases,
                                                   double& seconds) {
  const TempDir directory;
  std::vector<std::string> argv = {binary, "--reporter", "Json"};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    argv.push_back(directory / fmt::format("{:04}.sql", i));
    write_file(argv.back(), cases[i].script);
  }
  const auto begin = Steady::now();
  const RunResult result = run({.argv = argv});
  seconds = seconds_since(begin);
  std::vector<std::set<std::string>> found(cases.size());
  const auto json = nlohmann::json::parse(result.out, nullptr, false);
  for (const auto& each : json) {
    const std::string file = std::filesystem::path(each.value("file", "")).stem().string();
    found[static_cast<std::size_t>(std::stoi(file))].insert(each.value("rule_name", ""));
  }
  return found;
}

bool names_loss(const std::set<std::string>& rules) {
  static const std::set<std::string> kOfLoss = {"ban-drop-table", "ban-drop-database",
                                                "ban-drop-column", "ban-truncate-cascade",
                                                "changing-column-type"};
  return std::any_of(rules.begin(), rules.end(),
                     [](const std::string& rule) { return kOfLoss.contains(rule); });
}

Score score_squawk(const std::string& binary, const Cases& losing, const Cases& safe,
                   double& seconds) {
  Score score;
  double part = 0;
  const auto found = squawk_findings(binary, losing, part);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (names_loss(found[i])) {
      add_found(score, i);
    }
  }
  seconds = part;
  for (const auto& rules : squawk_findings(binary, safe, part)) {
    score.loss_alarms += names_loss(rules) ? 1U : 0U;
    score.alarms += rules.empty() ? 0U : 1U;
  }
  seconds += part;
  return score;
}

// --- the cost

// One statement after another in a new database in memory, as far as each can be without the tables
// of earlier migrations.
void prepare_all(const std::vector<codec::SqlPiece>& statements) {
  sqlite3* raw = nullptr;
  sqlite3_open(":memory:", &raw);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(raw, sqlite3_close);
  for (const codec::SqlPiece& each : statements) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(raw, each.text.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
  }
}

double prepare_all(const Cases& cases) {
  std::vector<std::vector<codec::SqlPiece>> scripts;
  for (const SqlCase& each : cases) {
    scripts.push_back(codec::split_sql(codec::SqlDialect::kSqlite, each.script).value());
  }
  return seconds_of([&] {
    for (int pass = 0; pass < kPasses; ++pass) {
      for (const auto& script : scripts) {
        prepare_all(script);
      }
    }
  });
}

double parse_all(const Cases& cases) {
  return seconds_of([&] {
    for (int pass = 0; pass < kPasses; ++pass) {
      for (const SqlCase& each : cases) {
        pg_query_free_parse_result(pg_query_parse(each.script.c_str()));
      }
    }
  });
}

double review_all(Engine engine, const Cases& cases, std::size_t& statements) {
  const pgquery::PostgresInspector postgres;
  const sqlite::SqliteInspector sqlite;
  const SqlInspector& inspector =
      engine == Engine::kSqlite ? static_cast<const SqlInspector&>(sqlite) : postgres;
  statements = 0;
  return seconds_of([&] {
    for (int pass = 0; pass < kPasses; ++pass) {
      for (const SqlCase& each : cases) {
        statements += inspector.review(engine, {each.script})->statements.size();
      }
    }
  });
}

void measure(const char* name, Engine engine, const Cases& cases, int rounds) {
  std::vector<double> floors;
  std::vector<double> ours;
  std::size_t statements = 0;
  for (int round = 0; round < rounds; ++round) {
    floors.push_back(engine == Engine::kSqlite ? prepare_all(cases) : parse_all(cases));
    ours.push_back(review_all(engine, cases, statements));
  }
  const Ratios ratios = ratios_of(ours, floors);
  const auto count = static_cast<double>(statements);
  fmt::print("{:<38} {:>12.0f} {:>12.0f} {:>8.2f}x {:>6.2f} .. {:.2f}\n", name,
             count / *std::min_element(floors.begin(), floors.end()),
             count / *std::min_element(ours.begin(), ours.end()), ratios.median, ratios.least,
             ratios.most);
}

Cases one_script(const Cases& cases) {
  SqlCase all;
  for (const SqlCase& each : cases) {
    all.script += each.script + ";\n";
  }
  return {all};
}

Cases with_code(const Cases& cases, bool wanted) {
  Cases some;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(some), [&](const SqlCase& each) {
    return (each.script.find("$$") != std::string::npos) == wanted;
  });
  return some;
}

int bench(int rounds) {
  const Cases losing = sql_cases("postgresql/losing.sql");
  const Cases safe = sql_cases("postgresql/safe");
  Cases all = losing;
  all.insert(all.end(), safe.begin(), safe.end());
  fmt::print("\nfound: statements that lose data; alarms: scripts that do no harm\n");
  fmt::print("{:<10} {:>12} {:>15} {:>21} {:>19}\n", "", "catalogue", "all losing",
             "alarms of data loss", "alarms of any kind");
  print("ripcord", score_ours(losing, safe), losing.size(), safe.size());
  double squawk_seconds = 0;
  const auto squawk = squawk_binary();
  if (squawk) {
    print("squawk", score_squawk(*squawk, losing, safe, squawk_seconds), losing.size(),
          safe.size());
  } else {
    fmt::print("squawk: skipped: {} could not be installed by npm\n", kSquawk);
  }
  fmt::print("\nstatements a second, {} rounds\n", rounds);
  fmt::print("{:<38} {:>12} {:>12} {:>9} {:>15}\n", "", "parse alone", "review", "ratio",
             "least .. most");
  const Engine pg = Engine::kPostgreSql;
  measure("PostgreSQL, scripts without code", pg, with_code(all, false), rounds);
  measure("PostgreSQL, scripts with DO, functions", pg, with_code(all, true), rounds);
  measure("PostgreSQL, without code, in one script", pg, one_script(with_code(all, false)), rounds);
  if (squawk) {
    std::size_t statements = 0;
    review_all(pg, all, statements);
    fmt::print("{:<38} {:>12} {:>12.0f}  two processes with all files\n", "squawk", "",
               static_cast<double>(statements) / kPasses / squawk_seconds);
  }
  Cases lite = sql_cases("sqlite/losing.sql");
  const Cases lite_safe = sql_cases("sqlite/safe.sql");
  lite.insert(lite.end(), lite_safe.begin(), lite_safe.end());
  measure("SQLite, all scripts", Engine::kSqlite, lite, rounds);
  return 0;
}

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  return ripcord::bench(argc > 1 ? std::atoi(argv[1]) : 15);
}
