// SPDX-License-Identifier: Apache-2.0
// docs/sql-rules.md and the table of rules say the same.
#include "controller/model/sql_rules.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

std::string page() {
  std::ostringstream text;
  text << std::ifstream(source_dir() + "/docs/sql-rules.md").rdbuf();
  return text.str();
}

TEST(SqlRules, AreThoseOfTheirPageWithNumberIdAndSeverity) {
  static const std::regex kHeading(R"(### (\d+)\. `([a-z0-9-]+)`\n\n(Error|Warning|Note)\.)");
  const std::string text = page();
  std::vector<std::string> described;
  for (std::sregex_iterator it(text.begin(), text.end(), kHeading), end; it != end; ++it) {
    std::string severity = (*it)[3];
    severity[0] = static_cast<char>(severity[0] - 'A' + 'a');
    described.push_back(fmt::format("{} {} {}", (*it)[1].str(), (*it)[2].str(), severity));
  }
  std::vector<std::string> table;
  for (const SqlRule& rule : sql_rules()) {
    table.push_back(fmt::format("{} {} {}", rule.number, rule.id, to_string(rule.severity)));
  }
  EXPECT_THAT(described, ::testing::ElementsAreArray(table));
}

TEST(SqlRules, AreNumberedOneByOneWithIdsOfTheirOwnAndASafeWay) {
  std::set<std::string_view> ids;
  int number = 0;
  for (const SqlRule& rule : sql_rules()) {
    EXPECT_EQ(rule.number, ++number);
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_FALSE(rule.danger.empty()) << rule.id;
    EXPECT_FALSE(rule.safe.empty()) << rule.id;
    EXPECT_EQ(find_sql_rule(rule.id), &rule);
  }
  EXPECT_GE(number, 36);
  EXPECT_EQ(find_sql_rule("drop"), nullptr);
}

TEST(SqlRules, ShowOnTheirPageTheSafeWayOfEach) {
  std::string text = page();
  std::replace(text.begin(), text.end(), '\n', ' ');
  for (const SqlRule& rule : sql_rules()) {
    EXPECT_THAT(text, ::testing::HasSubstr(fmt::format("**Instead:** {}.", rule.safe)));
  }
}

}  // namespace
}  // namespace ripcord
