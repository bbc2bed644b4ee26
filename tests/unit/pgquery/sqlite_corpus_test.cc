// SPDX-License-Identifier: Apache-2.0
// Runs tests/golden/sql/sqlite through SQLite's inspector.
#include "adapters/sqlite/inspector.h"
#include "tests/support/sql_cases.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

const sqlite::SqliteInspector kLite;

SqlReport review(const SqlScript& script) {
  const auto report = kLite.review(Engine::kSqlite, script);
  EXPECT_OK(report);
  return report ? *report : SqlReport{};
}

std::string lost(const SqlReport& report) {
  std::string text;
  for (const SqlStatement& statement : report.statements) {
    for (const DataLoss& loss : statement.effects.loses) {
      text += (text.empty() ? "" : ", ") + to_string(loss);
    }
  }
  return text;
}

std::vector<std::string> listed(const SqlReport& report) {
  std::vector<std::string> all;
  for (const SqlFinding& each : report.findings) {
    if (!each.waived) {
      all.push_back(
          fmt::format("{} {} {}:{}", to_string(each.severity), each.rule, each.line, each.column));
    }
  }
  return all;
}

TEST(SqliteInspector, FindsEveryStatementThatLosesDataAndNamesWhatIsLost) {
  for (const SqlCase& each : sql_cases("sqlite/losing.sql")) {
    EXPECT_EQ(lost(review({each.script})), each.expected) << each.script;
  }
}

TEST(SqliteInspector, RaisesNoAlarmOverScriptsThatDoNoHarm) {
  for (const SqlCase& each : sql_cases("sqlite/safe.sql")) {
    const SqlReport report = review({each.script});
    EXPECT_THAT(listed(report), ::testing::IsEmpty()) << each.expected;
    for (const SqlStatement& statement : report.statements) {
      EXPECT_EQ(to_string(statement.effect), to_string(DataEffect::kLossless))
          << statement.text << "\n"
          << describe(statement.effects);
    }
  }
}

TEST(SqliteInspector, HoldsScriptsAgainstItsRules) {
  for (const SqlCase& each : sql_cases("sqlite/rules.sql")) {
    const auto found = listed(review({each.script}));
    if (each.expected.rfind("clean ", 0) == 0) {
      const std::string rule = " " + each.expected.substr(6) + " ";
      EXPECT_THAT(found, ::testing::Not(::testing::Contains(::testing::HasSubstr(rule))))
          << each.script;
    } else {
      EXPECT_THAT(found, ::testing::Contains(each.expected)) << each.script;
    }
  }
}

TEST(SqliteInspector, TakesTheSchemaFromTheMigrationsBefore) {
  const SqlScript typo{"UPDATE t SET colour = 1", Direction::kUp, {}, {"CREATE TABLE t (color)"}};
  EXPECT_EQ(review(typo).statements[0].effects.unknown, "no such column: colour");
}

TEST(SqliteInspector, KnowsFromItsUpWhatADownTakesBack) {
  const SqlScript down{"DROP TABLE t", Direction::kDown, "CREATE TABLE t (a)", {}};
  EXPECT_THAT(listed(review(down)), ::testing::ElementsAre("note drop-table 1:1"));
  EXPECT_EQ(lost(review(down)), "table t");
}

TEST(SqliteInspector, RunsNothingThatCouldReachOutOrGoOnForEver) {
  const SqlReport report = review(
      {"ATTACH 'stolen.db' AS other; CREATE TABLE n AS WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL "
       "SELECT i + 1 FROM x) SELECT i FROM x; PRAGMA writable_schema = ON; SELECT "
       "load_extension('x')"});
  ASSERT_EQ(report.statements.size(), 4U);
  EXPECT_EQ(report.statements[0].effect, DataEffect::kUnknown);
  EXPECT_EQ(report.statements[2].effect, DataEffect::kUnknown);
  EXPECT_EQ(report.statements[3].effect, DataEffect::kUnknown);
  EXPECT_FALSE(std::filesystem::exists("stolen.db"));
}

}  // namespace
}  // namespace ripcord
