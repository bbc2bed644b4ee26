// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/sql_lexer.h"

#include "tests/support/status_matchers.h"

#include <random>

namespace ripcord::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> texts(SqlDialect dialect, const std::string& script) {
  const auto pieces = split_sql(dialect, script);
  EXPECT_OK(pieces);
  std::vector<std::string> all;
  for (const SqlPiece& piece : pieces.value_or(std::vector<SqlPiece>{})) {
    all.push_back(piece.text);
  }
  return all;
}

struct SplitCase {
  std::string name;
  SqlDialect dialect;
  std::string script;
  std::vector<std::string> want;
};

class SqlLexerSplits : public ::testing::TestWithParam<SplitCase> {};

TEST_P(SqlLexerSplits, WhereAStatementReallyEnds) {
  EXPECT_EQ(texts(GetParam().dialect, GetParam().script), GetParam().want);
}

constexpr auto kPg = SqlDialect::kPostgreSql;
constexpr auto kLite = SqlDialect::kSqlite;

INSTANTIATE_TEST_SUITE_P(
    All, SqlLexerSplits,
    ::testing::Values(
        SplitCase{"Plain", kPg, "select 1; select 2", {"select 1", "select 2"}},
        SplitCase{"EmptyStatements", kPg, ";;  ; -- nothing\n;", {}},
        SplitCase{"Strings", kPg, "select ';''x;'; b", {"select ';''x;'", "b"}},
        SplitCase{"EscapeStrings", kPg, R"(select E'\';'; b)", {R"(select E'\';')", "b"}},
        SplitCase{"BackslashIsPlainOtherwise", kPg, R"(select '\'; b)", {R"(select '\')", "b"}},
        SplitCase{"DollarQuotes", kPg, "do $$ a; $x$ b; $$; c", {"do $$ a; $x$ b; $$", "c"}},
        SplitCase{"TaggedDollarQuotes", kPg, "x $a$ ; $$ ; $a$; y", {"x $a$ ; $$ ; $a$", "y"}},
        SplitCase{"ParametersAreNoQuotes", kPg, "select $1; b", {"select $1", "b"}},
        SplitCase{"DollarInsideAName", kPg, "select a$b; select c$d", {"select a$b", "select c$d"}},
        SplitCase{
            "NestedComments", kPg, "a /* x /* ; */ ; */ b; c", {"a /* x /* ; */ ; */ b", "c"}},
        SplitCase{"QuotedNames", kPg, R"(select "a;""b"; c)", {R"(select "a;""b")", "c"}},
        SplitCase{"RuleWithParentheses",
                  kPg,
                  "create rule r as on x do (a; b); c",
                  {"create rule r as on x do (a; b)", "c"}},
        SplitCase{"BeginAtomic",
                  kPg,
                  "create function f() returns int begin atomic select 1; select case when true "
                  "then 1 end; end; c",
                  {"create function f() returns int begin atomic select 1; select case when true "
                   "then 1 end; end",
                   "c"}},
        SplitCase{"FlatCommentsInSqlite", kLite, "a /* x /* ; */ b; c", {"a /* x /* ; */ b", "c"}},
        SplitCase{"SqliteQuotes",
                  kLite,
                  "select [a;b], `c;d`, \"e;f\"; g",
                  {"select [a;b], `c;d`, \"e;f\"", "g"}},
        SplitCase{"SqliteBackslash", kLite, R"(select '\'; b)", {R"(select '\')", "b"}},
        SplitCase{"Trigger",
                  kLite,
                  "create trigger t after insert on a begin update b set c = case when 1 then 2 "
                  "else 3 end; delete from d; end; select 1",
                  {"create trigger t after insert on a begin update b set c = case when 1 then 2 "
                   "else 3 end; delete from d; end",
                   "select 1"}},
        SplitCase{
            "TempTriggerIfNotExists",
            kLite,
            "CREATE TEMP TRIGGER IF NOT EXISTS t BEFORE DELETE ON a BEGIN SELECT 1; END; x",
            {"CREATE TEMP TRIGGER IF NOT EXISTS t BEFORE DELETE ON a BEGIN SELECT 1; END", "x"}},
        SplitCase{"ATableCalledTrigger",
                  kLite,
                  "drop trigger t; create table begin_x (end_y int); z",
                  {"drop trigger t", "create table begin_x (end_y int)", "z"}}),
    [](const auto& each) { return each.param.name; });

TEST(SqlLexer, CountsLinesOfStatementsNotOfComments) {
  const auto pieces = split_sql(kPg, "-- one\n\n/* three\n four */ select\n5;\nselect 6;");
  ASSERT_OK(pieces);
  ASSERT_EQ(pieces->size(), 2U);
  EXPECT_EQ((*pieces)[0].line, 4);
  EXPECT_EQ((*pieces)[1].line, 6);
}

TEST(SqlLexer, NamesTheLineOfWhatIsNeverClosed) {
  for (const std::string script :
       {"select 1;\n'abc", "x;\n\"abc", "x;\n/* abc", "x;\n$a$ abc $b$"}) {
    const auto pieces = split_sql(kPg, script);
    EXPECT_CODE(pieces, StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(pieces).message(), HasSubstr("line 2")) << script;
  }
}

TEST(SqlLexer, KnowsTransactionControl) {
  const auto is = [](SqlDialect dialect, const std::string& text) {
    return is_transaction_control(dialect, *tokenize_sql(dialect, text));
  };
  for (const std::string text : {"BEGIN", "commit", "End", "rollback to x", "savepoint a"}) {
    EXPECT_TRUE(is(kPg, text) && is(kLite, text)) << text;
  }
  EXPECT_TRUE(is(kPg, "start transaction"));
  EXPECT_TRUE(is(kPg, "prepare transaction 'x'"));
  EXPECT_FALSE(is(kPg, "prepare p as select 1"));
  EXPECT_FALSE(is(kPg, "create table commit_log ()"));
}

TEST(SqlLexer, NeverLosesOrInventsTextOfRandomScripts) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> parts = {"'",     "\"", "$$", "$a$",   "/*",  "*/",
                                          "--",    "\n", ";",  "(",     ")",   "E'",
                                          "\\",    "x",  " ",  "begin", "end", "create trigger ",
                                          "case ", "$1", "[",  "`"};
  for (int round = 0; round < 3000; ++round) {
    std::string script;
    for (auto n = random() % 25; n > 0; --n) {
      script += parts[random() % parts.size()];
    }
    for (const SqlDialect dialect : {kPg, kLite}) {
      const auto pieces = split_sql(dialect, script);
      if (!pieces) {
        continue;
      }
      std::size_t from = 0;
      for (const SqlPiece& piece : *pieces) {
        const std::size_t at = script.find(piece.text, from);
        ASSERT_NE(at, std::string::npos) << script;
        from = at + piece.text.size();
        const auto again = split_sql(dialect, piece.text);
        ASSERT_OK(again);
        ASSERT_EQ(again->size(), 1U) << piece.text;
      }
    }
  }
}

}  // namespace
}  // namespace ripcord::codec
