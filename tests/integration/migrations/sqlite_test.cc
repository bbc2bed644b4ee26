// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/migrations/harness.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

class SqliteMigrations : public ::testing::Test {
 protected:
  std::string sql(const std::string& text) {
    const RunResult result = run({.argv = {"sqlite3", path_, text}});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }

  TempDir directory_;
  const std::string path_ = directory_ / "app.db";
};

TEST_F(SqliteMigrations, AdoptsTheTableOfGolangMigrate) {
  sql("CREATE TABLE schema_migrations (version uint64,dirty bool); CREATE UNIQUE INDEX "
      "version_unique ON schema_migrations (version); INSERT INTO schema_migrations VALUES (1, 0); "
      "CREATE TABLE t1 (a)");
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE t1 (a)", "DROP TABLE t1"),
                                      migration(2, "CREATE TABLE t2 (a)", "DROP TABLE t2")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(sql("SELECT version, dirty, typeof(version) FROM schema_migrations"), "2|0|integer\n");
  harness.go(0);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(sql("SELECT count(*) FROM schema_migrations"), "0\n");
}

TEST_F(SqliteMigrations, LeavesTheTableOfAnotherToolAlone) {
  sql("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)");
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE t (a)")});
  harness.go(1);
  EXPECT_THAT(harness.verdict(), HasSubstr("ForeignTable"));
  EXPECT_EQ(sql("SELECT count(*) FROM sqlite_master WHERE name LIKE 'ripcord%'"), "0\n");
}

TEST_F(SqliteMigrations, RebuildsATableThatOthersReferTo) {
  Harness harness(
      sqlite_ref(path_),
      {migration(
           1,
           "CREATE TABLE a (id integer PRIMARY KEY, x text); CREATE TABLE b (a integer "
           "REFERENCES a (id) ON DELETE CASCADE); INSERT INTO a VALUES (1, 'x'); INSERT INTO b "
           "VALUES (1)"),
       migration(
           2,
           "PRAGMA foreign_keys = off; CREATE TABLE a_new (id integer PRIMARY KEY, x text NOT "
           "NULL); INSERT INTO a_new SELECT * FROM a; DROP TABLE a; ALTER TABLE a_new RENAME TO "
           "a")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(sql("SELECT count(*) FROM b"), "1\n") << "the cascade must not have run";
}

TEST_F(SqliteMigrations, RefusesAMigrationThatLeavesDanglingReferences) {
  Harness harness(
      sqlite_ref(path_),
      {migration(1,
                 "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (a integer "
                 "REFERENCES a (id)); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)"),
       migration(2, "DELETE FROM a")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(2)));
  EXPECT_THAT(harness.verdict(), HasSubstr("ForeignKeyViolated"));
  EXPECT_EQ(sql("SELECT count(*) FROM a; SELECT version FROM schema_migrations"), "1\n1\n");
}

TEST_F(SqliteMigrations, NamesTheProcessThatHoldsTheLock) {
  SystemClock clock;
  sqlite::SqliteSchemas databases(clock);
  auto database = databases.open(sqlite_ref(path_));
  ASSERT_OK(database);
  auto session = (*database)->lock(std::chrono::seconds(1), {});
  ASSERT_OK(session);
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE t (a)")});
  harness.set_patience(std::chrono::milliseconds(50));
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr(fmt::format("process {}", ::getpid())));
}

TEST_F(SqliteMigrations, RunnersAtOnceRunEachMigrationOnce) {
  std::vector<std::jthread> runners;
  std::vector<std::string> verdicts(3);
  for (std::string& verdict : verdicts) {
    runners.emplace_back([this, &verdict] {
      Harness harness(sqlite_ref(path_), sqlite_corpus());
      harness.go(5);
      verdict = harness.verdict();
    });
  }
  runners.clear();
  for (const std::string& verdict : verdicts) {
    EXPECT_EQ(verdict, "Ready");
  }
  EXPECT_EQ(sql("SELECT group_concat(what, ' ') FROM (SELECT what FROM log ORDER BY id)"),
            "up1 up2 up3a up3b trigger up4 up5\n");
}

TEST_F(SqliteMigrations, RecordsThePlanOfTheUndoBesideIt) {
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE t (a)", "\nDROP TABLE t;\nVACUUM"),
                                      migration(2, "CREATE TABLE u (a)")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(sql("SELECT r.version, json_extract(p.value, '$.line'), json_extract(p.value, "
                "'$.effect'), json_extract(p.value, '$.needs_no_transaction'), "
                "json_extract(p.value, '$.statement') FROM ripcord_applied r, json_each(r.plan) p"),
            "1|2|Lossy|0|DROP TABLE t\n1|3|Lossless|1|VACUUM\n");
}

TEST_F(SqliteMigrations, ForgetsWhatAnotherToolWentDownPast) {
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE a (x)", "DROP TABLE a"),
                                      migration(2, "CREATE TABLE b (x)", "DROP TABLE b")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  sql("UPDATE schema_migrations SET version = 1; DROP TABLE b");
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  // Up again with a file that was changed.
  sql("UPDATE schema_migrations SET version = 2; CREATE TABLE c (x)");
  Harness changed(sqlite_ref(path_), {migration(1, "CREATE TABLE a (x)", "DROP TABLE a"),
                                      migration(2, "CREATE TABLE c (x)", "DROP TABLE c")});
  changed.go(1);
  EXPECT_EQ(changed.verdict(), "Ready") << "the undo of 2 comes from its file";
  EXPECT_EQ(sql("SELECT group_concat(name) FROM sqlite_master WHERE name IN ('a', 'b', 'c')"),
            "a\n");
}

TEST_F(SqliteMigrations, StopWhereSomethingElseMovesTheVersionBetweenTwoSteps) {
  int begun = 0;
  const Trace trace = [&](std::string_view point) {
    if (point == "before BEGIN" && ++begun == 3) {
      sql("UPDATE schema_migrations SET version = 1");
    }
  };
  // A step that sets something shares no transaction: each of the three is one.
  Harness harness(sqlite_ref(path_),
                  {migration(1, "CREATE TABLE t (a)"),
                   migration(2, "CREATE TABLE u (a); PRAGMA cache_size = 100"),
                   migration(3, "CREATE TABLE v (a)")},
                  trace);
  harness.go(3);
  EXPECT_NE(harness.verdict(), "Ready");
  EXPECT_EQ(harness.status().version, 1);
  EXPECT_EQ(sql("SELECT group_concat(name) FROM sqlite_master WHERE name IN ('u', 'v')"), "u\n");
}

TEST_F(SqliteMigrations, NeedsTheDirectoryOfTheFileToBeThere) {
  Harness missing(sqlite_ref(directory_ / "nowhere/app.db"), {migration(1, "CREATE TABLE t (a)")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(missing.go(1)));
  EXPECT_THAT(missing.verdict(), HasSubstr("spec.database.path"));
  EXPECT_THAT(missing.verdict(), HasSubstr("make it, or correct"));
}

TEST_F(SqliteMigrations, RefusesToRecordAnUndoThatCouldNotRun) {
  Harness harness(sqlite_ref(path_), {migration(1, "CREATE TABLE t (a)", "DROP TABLE t;\nCOMMIT")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("down of migration 1 m1: line 2"));
}

TEST_F(SqliteMigrations, KeepTheStepsBeforeAStatementThatRollsAllBack) {
  Harness harness(sqlite_ref(path_),
                  {migration(1, "CREATE TABLE t (a PRIMARY KEY)"),
                   migration(2, "INSERT INTO t VALUES (1)"), migration(3, "CREATE TABLE u (a)"),
                   migration(4, "CREATE TABLE v (a); INSERT OR ROLLBACK INTO t VALUES (1)")});
  harness.clock().halt();  // so that the four share one transaction
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(4)));
  EXPECT_THAT(harness.verdict(), HasSubstr("UNIQUE"));
  EXPECT_EQ(sql("SELECT version FROM schema_migrations"), "3\n");
  EXPECT_EQ(sql("SELECT group_concat(name) FROM sqlite_master WHERE name IN ('t', 'u', 'v')"),
            "t,u\n");
  EXPECT_EQ(sql("SELECT count(*) FROM t"), "1\n");
}

TEST_F(SqliteMigrations, StopsBetweenMigrationsWhenAsked) {
  std::stop_source stop;
  Harness harness(sqlite_ref(path_), sqlite_corpus(), [&](std::string_view point) {
    if (point == "after a statement") {
      stop.request_stop();
    }
  });
  harness.clock().halt();
  harness.spec().version = 5;
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(harness.converge(stop.get_token())));
  EXPECT_EQ(sql("SELECT version FROM schema_migrations"), "1\n");
}

}  // namespace
}  // namespace ripcord
