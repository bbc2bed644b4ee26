// SPDX-License-Identifier: Apache-2.0
// Scripts torn anywhere and mixed at random: whatever comes, both inspectors answer, and places are
// inside the text.
#include "adapters/pgquery/inspector.h"
#include "adapters/sqlite/inspector.h"
#include "tests/support/sql_cases.h"
#include "tests/support/status_matchers.h"

#include <algorithm>
#include <random>

namespace ripcord {
namespace {

void look(const SqlInspector& inspector, Engine engine, const std::string& script) {
  const auto report = inspector.review(engine, {script, Direction::kDown, script});
  if (!report) {
    EXPECT_EQ(report.error().code(), StatusCode::kInvalidArgument) << script;
    return;
  }
  const auto lines = std::count(script.begin(), script.end(), '\n') + 1;
  for (const SqlFinding& finding : report->findings) {
    EXPECT_GE(finding.line, 1);
    EXPECT_LE(finding.line, lines) << script;
    EXPECT_GE(finding.column, 1);
    EXPECT_LE(finding.column, static_cast<std::int32_t>(script.size()) + 1) << script;
  }
}

std::vector<std::string> all_scripts() {
  std::vector<std::string> scripts;
  for (const char* folder : {"postgresql/rules", "postgresql/safe", "postgresql/losing.sql",
                             "sqlite/rules.sql", "sqlite/safe.sql"}) {
    for (const SqlCase& each : sql_cases(folder)) {
      scripts.push_back(each.script);
    }
  }
  return scripts;
}

TEST(Inspectors, AnswerToScriptsTornAnywhere) {
  const pgquery::PostgresInspector postgres;
  const sqlite::SqliteInspector lite;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto scripts = all_scripts();
  const auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  for (int i = 0; i < 1500; ++i) {
    const std::string& a = scripts[pick(scripts.size())];
    const std::string& b = scripts[pick(scripts.size())];
    std::string script = a.substr(0, pick(a.size() + 1)) + b.substr(pick(b.size() + 1));
    if (i % 3 == 0 && !script.empty()) {
      script[pick(script.size())] = "'\"$;()-/*"[pick(9)];
    }
    look(postgres, Engine::kPostgreSql, script);
    look(lite, Engine::kSqlite, script);
  }
}

}  // namespace
}  // namespace ripcord
