// SPDX-License-Identifier: Apache-2.0
// Runs tests/golden/sql/postgresql through the inspector: a file a rule with what it is about and
// what only looks like it, statements that lose data, and scripts in the style of real projects
// that do no harm.
#include "adapters/pgquery/inspector.h"
#include "tests/support/sql_cases.h"
#include "tests/support/status_matchers.h"

#include <map>
#include <set>

#include <fmt/format.h>

namespace ripcord {
namespace {

const pgquery::PostgresInspector kPg;

SqlReport review(const std::string& script) {
  const auto report = kPg.review(Engine::kPostgreSql, {script});
  EXPECT_OK(report);
  return report ? *report : SqlReport{};
}

std::string listed(const SqlReport& report) {
  std::string text;
  for (const SqlFinding& each : report.findings) {
    text += fmt::format("  {} {} {}:{} {}\n", to_string(each.severity), each.rule, each.line,
                        each.column, each.message);
  }
  return text;
}

bool about(const SqlCase& each, const SqlFinding& finding) {
  const SqlRule& rule = *find_sql_rule(each.file);
  return finding.rule == rule.id && !finding.waived &&
         finding.severity >= std::min(rule.severity, SqlSeverity::kWarning);
}

// "warning", or "warning 2:1" with line and column.
bool matches(const std::string& expected, const SqlFinding& finding) {
  const std::string severity(to_string(finding.severity));
  return expected == severity ||
         expected == fmt::format("{} {}:{}", severity, finding.line, finding.column);
}

TEST(PostgresRules, FindWhatTheyAreAboutWhereItStandsAndNothingThatOnlyLooksLikeIt) {
  for (const SqlCase& each : sql_cases("postgresql/rules")) {
    ASSERT_NE(find_sql_rule(each.file), nullptr) << each.file;
    const SqlReport report = review(each.script);
    const auto& found = report.findings;
    for (const SqlFinding& finding : found) {
      EXPECT_THAT(finding.message, ::testing::HasSubstr("Instead: ")) << each.script;
    }
    const bool ok = each.expected == "clean"
                        ? std::none_of(found.begin(), found.end(),
                                       [&](const auto& f) { return about(each, f); })
                        : std::any_of(found.begin(), found.end(), [&](const auto& f) {
                            return f.rule == each.file && matches(each.expected, f);
                          });
    EXPECT_TRUE(ok) << each.file << ": " << each.expected << "\n"
                    << each.script << "found:\n"
                    << listed(report);
  }
}

TEST(PostgresRules, HaveCasesOfBothKindsEach) {
  std::map<std::string, std::pair<int, int>> cases;
  for (const SqlCase& each : sql_cases("postgresql/rules")) {
    (each.expected == "clean" ? cases[each.file].second : cases[each.file].first)++;
  }
  // Those of phases are found by lint itself.
  const std::set<std::string_view> elsewhere = {"mysql-ddl", "sqlite-table-rebuild", "bad-phase",
                                                "not-additive", "not-idempotent"};
  for (const SqlRule& rule : sql_rules()) {
    if (!elsewhere.contains(rule.id)) {
      const auto [found, clean] = cases[std::string(rule.id)];
      EXPECT_GT(found, 0) << rule.id;
      EXPECT_GT(clean, 0) << rule.id;
    }
  }
}

TEST(PostgresInspector, FindsEveryStatementThatLosesDataAndNamesWhatIsLost) {
  const auto cases = sql_cases("postgresql/losing.sql");
  EXPECT_GE(cases.size(), 20U);
  for (const SqlCase& each : cases) {
    const SqlReport report = review(each.script);
    std::string lost;
    DataEffect worst = DataEffect::kLossless;
    for (const SqlStatement& statement : report.statements) {
      worst = std::max(worst, statement.effect);
      for (const DataLoss& loss : statement.effects.loses) {
        lost += (lost.empty() ? "" : ", ") + to_string(loss);
      }
    }
    EXPECT_EQ(lost, each.expected) << each.script;
    EXPECT_GE(worst, DataEffect::kLossy) << each.script;
    const bool said = std::any_of(
        report.findings.begin(), report.findings.end(),
        [](const SqlFinding& finding) { return finding.severity >= SqlSeverity::kWarning; });
    EXPECT_TRUE(said) << each.script;
  }
}

TEST(PostgresInspector, RaisesNoAlarmOverScriptsThatDoNoHarm) {
  std::size_t statements = 0;
  for (const SqlCase& each : sql_cases("postgresql/safe")) {
    const SqlReport report = review(each.script);
    statements += report.statements.size();
    for (const SqlFinding& finding : report.findings) {
      EXPECT_EQ(finding.severity, SqlSeverity::kNote)
          << each.file << " " << each.expected << ": " << finding.message;
    }
    for (const SqlStatement& statement : report.statements) {
      EXPECT_EQ(to_string(statement.effect), to_string(DataEffect::kLossless))
          << each.file << " " << each.expected << ": " << statement.text << "\n"
          << describe(statement.effects);
    }
  }
  EXPECT_GE(statements, 200U);
}

}  // namespace
}  // namespace ripcord
