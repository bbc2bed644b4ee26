// SPDX-License-Identifier: Apache-2.0
// Where nobody can go on by himself: the Stalled condition says which of {before, after, between}
// holds, and what it says to do, done to the letter, leads to the right end.
#include "tests/integration/crash_matrix/postgres_lab.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <filesystem>
#include <regex>

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kHead = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE t (a int);\n";

class StalledPostgres : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    database_.emplace(shared_lab().fresh("stalled"));
  }
  void file(const std::string& rest) { write_file(files_ / "1_half.sql", kHead + rest + "\n"); }
  // Dies when it passes `point` for the n-th time.
  void kill_at(const std::string& point, int times) {
    const int code = wait_forked(start_forked([&] {
      int passed = 0;
      Harness harness(database_->ref(), {}, [&](std::string_view at) {
        passed += at == point ? 1 : 0;
        if (passed == times) {
          ::raise(SIGKILL);
        }
      });
      harness.spec().source.directory = files_.path();
      harness.go(1);
      return exit_code_of(harness);
    }));
    ASSERT_EQ(code, 128 + SIGKILL);
    database_->wait_for_quiet();
  }
  std::string go() {
    Harness harness(database_->ref(), {});
    harness.spec().source.directory = files_.path();
    harness.go(1);
    return harness.verdict();
  }
  std::string value(const std::string& sql) { return ask_value(database_->session(), sql); }
  std::string rows() { return value("SELECT string_agg(a::text, ' ' ORDER BY a) FROM t"); }
  // What the message gives to run: the statement that begins with `word`.
  static std::string told(const std::string& message, const std::string& word) {
    std::smatch found;
    const std::regex pattern("(" + word + R"( .*?) \((it did|it did not)\))");
    return std::regex_search(message, found, pattern) ? found[1].str() : "not told: " + message;
  }

  TempDir files_;
  std::optional<WatchedDatabase> database_;
};

// Of few statements nobody can tell; a tablespace is one of them.
class UnknownOutcome : public StalledPostgres, public ::testing::WithParamInterface<bool> {};

TEST_P(UnknownOutcome, IsSettledAsTheMessageSays) {
  const bool took_effect = GetParam();
  const std::string tablespace = fmt::format("stalled_{}", took_effect);
  shared_lab().cluster().psql("postgres", "ALTER SYSTEM SET allow_in_place_tablespaces = on");
  shared_lab().cluster().psql("postgres", "SELECT pg_reload_conf()");
  file(fmt::format("CREATE TABLESPACE {} LOCATION '';\nINSERT INTO t VALUES (1);", tablespace));
  kill_at(took_effect ? "after a statement outside a transaction"
                      : "before a statement outside a transaction",
          1);
  const std::string verdict = go();
  EXPECT_THAT(verdict,
              AllOf(HasSubstr("UnknownOutcome"), HasSubstr("1_half.sql:4"),
                    HasSubstr("statement 2 of 3"), HasSubstr("before"), HasSubstr("after")));
  EXPECT_EQ(go(), verdict) << "and it stays so";
  const std::string there =
      fmt::format("SELECT count(*) FROM pg_tablespace WHERE spcname = '{}'", tablespace);
  ASSERT_EQ(value(there), took_effect ? "1" : "0");
  ask(database_->session(), told(verdict, took_effect ? "UPDATE" : "DELETE"));
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(value(there), "1");
  EXPECT_EQ(rows(), "1");
  ask(database_->session(), "DROP TABLESPACE " + tablespace);
}
INSTANTIATE_TEST_SUITE_P(BeforeAndAfter, UnknownOutcome, ::testing::Bool(),
                         [](const auto& done) { return done.param ? "ItTookEffect" : "ItDidNot"; });

TEST_F(StalledPostgres, AScriptThatWasChangedHalfWayWaitsUntilItIsBackAsItWas) {
  const std::string rest = "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);";
  file(rest);
  kill_at("after a journaled transaction", 2);
  file("INSERT INTO t VALUES (10);\nINSERT INTO t VALUES (2);");
  EXPECT_THAT(go(), AllOf(HasSubstr("ScriptChanged"), HasSubstr("statement 2"),
                          HasSubstr("bring the script back as it was")));
  EXPECT_EQ(rows(), "1");
  file(rest);
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1 2");
}

TEST_F(StalledPostgres, AFileThatIsGoneHalfWayIsAskedFor) {
  const std::string rest = "INSERT INTO t VALUES (1);\nCREATE INDEX CONCURRENTLY t_a ON t (a);";
  file(rest);
  kill_at("before a statement outside a transaction", 1);
  std::filesystem::remove(files_ / "1_half.sql");
  write_file(files_ / "2_next.sql", "-- +goose Up\nSELECT 1;\n");
  EXPECT_THAT(go(),
              AllOf(HasSubstr("UnfinishedMigration"), HasSubstr("2 of 3 statements are done"),
                    HasSubstr("CREATE INDEX CONCURRENTLY t_a"), HasSubstr("bring the file back")));
  file(rest);
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1");
  EXPECT_EQ(value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass"), "t");
}

// Once it is gone its bare name means the other one.
TEST_F(StalledPostgres, AnIndexOfTheSameNameInAnotherSchemaIsNotDroppedInstead) {
  ask(database_->session(),
      "CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE INDEX i ON app.t (a); CREATE TABLE "
      "public.u (a int); CREATE INDEX i ON public.u (a)");
  file("SET search_path = app, public;\nDROP INDEX CONCURRENTLY i;\nINSERT INTO u VALUES (1);");
  kill_at("after a statement outside a transaction", 1);
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(value("SELECT to_regclass('app.i') IS NULL AND to_regclass('public.i') IS NOT NULL"),
            "t");
  EXPECT_EQ(value("SELECT count(*) FROM u"), "1");
}

TEST_F(StalledPostgres, AStatementThatFailsHalfWaySaysWhatHolds) {
  file("INSERT INTO t VALUES (1);\nINSERT INTO missing VALUES (2);");
  EXPECT_THAT(go(), AllOf(HasSubstr("StatementFailed"), HasSubstr("1_half.sql:5"),
                          HasSubstr("2 of 3 statements hold")));
  file("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1 2");
}

}  // namespace
}  // namespace ripcord
