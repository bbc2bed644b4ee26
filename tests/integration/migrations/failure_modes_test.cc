// SPDX-License-Identifier: Apache-2.0
// What was seen to go wrong with other runners, and does not with us. Further ones are in the
// neighbouring files: crash_test.cc (killed at every point), postgres_test.cc (locks, invalid
// indexes), histories_test.cc (empty downs, order), tests/golden/migrations (two sections in one
// file).
#include "tests/integration/migrations/harness.h"
#include "tests/support/migration_tools/migration_tools.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <filesystem>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

class FailureModes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "modes");
  }
  std::string psql(const std::string& sql) const { return shared_cluster().psql(name_, sql); }
  DatabaseRef ref() const { return postgres_ref(shared_cluster().url(name_)); }

  std::string name_;
};

// Others leave a server at work for a client that is dead: it commits, and nobody records it.
TEST_F(FailureModes, AKilledRunnersStatementIsCancelledAndNothingOfItStays) {
  psql("CREATE TABLE pace AS SELECT 600 AS seconds");
  const std::vector<Migration> files = {
      migration(1, "CREATE TABLE done (a int); SELECT pg_sleep(seconds) FROM pace")};
  const pid_t child = ::fork();
  if (child == 0) {
    Harness doomed(ref(), files);
    doomed.go(1);
    ::_exit(0);
  }
  const std::string runners =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ripcord migrations' AND "
      "datname = current_database()";
  const bool sleeping =
      eventually([&] { return psql(runners + " AND query LIKE '%sleep%'") == "1"; });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(sleeping);
  EXPECT_TRUE(eventually([&] { return psql(runners) == "0"; }));
  EXPECT_EQ(psql("SELECT to_regclass('done') IS NULL"), "t");
  EXPECT_EQ(psql("SELECT count(*) FROM schema_migrations"), "0") << "and no dirty row";
  psql("UPDATE pace SET seconds = 0");
  Harness second(ref(), files);
  second.go(1);
  EXPECT_EQ(second.verdict(), "Ready") << "its locks went with it";
}

// Others split at every semicolon.
TEST_F(FailureModes, SemicolonsInBodiesAndLiteralsAreNoEnds) {
  Harness harness(
      ref(),
      {migration(1,
                 "CREATE TABLE t (a text); CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql "
                 "AS $b$ BEGIN INSERT INTO t VALUES ('x;y'); PERFORM 1; END; $b$; SELECT "
                 "f(); CREATE INDEX CONCURRENTLY t_a ON t (a);\nINSERT INTO t VALUES ('z;')",
                 "DROP FUNCTION f(); DROP TABLE t")});
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT string_agg(a, ' ' ORDER BY a) FROM t"), "x;y z;");
}

// golang-migrate marks its table dirty while it works, as when it dies: who is told to force a
// version meanwhile, does harm.
TEST_F(FailureModes, AToolThatIsAtWorkIsWaitedForAndNotCalledDirty) {
  const auto tool = golang_migrate_tool();
  if (!tool) {
    GTEST_SKIP() << "golang-migrate is not built: run tests/migration_tools/build";
  }
  const TempDir directory;
  const ToolPlace place{ToolEngine::kPostgres, ref().url + "?sslmode=disable", directory.path()};
  tool->write(place, 1, "SELECT pg_advisory_lock(4711); CREATE TABLE a (x int);", "DROP TABLE a;");
  ChildProcess gate({.argv = {"psql", "-X", "-A", "-t", ref().url}, .pipe_stdin = true});
  gate.write_stdin("SELECT pg_advisory_lock(4711); SELECT 'there';\n");
  for (auto line = gate.read_line(); line && *line != "there"; line = gate.read_line()) {
  }
  RunResult ran;
  std::jthread at_work([&] { ran = tool->up(place); });
  ASSERT_TRUE(eventually([&] {
    return psql("SELECT to_regclass('schema_migrations') IS NOT NULL") == "t" &&
           psql("SELECT count(*) FROM schema_migrations WHERE dirty") == "1";
  }));
  Harness harness(ref(), {});
  harness.spec().source.directory = directory.path();
  harness.set_patience(std::chrono::milliseconds(100));
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("Locked"));
  gate.write_stdin("SELECT pg_advisory_unlock(4711);\n");
  at_work.join();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  harness.go(1);
  EXPECT_EQ(harness.verdict(), "Ready");
}

// Others count a down that is not there as done: the version moves, the table stays.
TEST_F(FailureModes, ADownThatIsNotThereMovesNothing) {
  const TempDir directory;
  write_file(directory / "1_a.up.sql", "CREATE TABLE a (x int);");
  write_file(directory / "2_b.up.sql", "CREATE TABLE b (x int);");
  Harness harness(ref(), {});
  harness.spec().source.directory = directory.path();
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("Irreversible"));
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "2|f");
  EXPECT_EQ(psql("SELECT to_regclass('b') IS NOT NULL"), "t");
}

// Others report a migration as applied before they know.
TEST_F(FailureModes, AMigrationThatFailsIsNowhereCalledApplied) {
  Harness harness(ref(), {migration(1, "CREATE TABLE a (x int)", "DROP TABLE a"),
                          migration(2, "CREATE TABLE b (x int); SELECT 1 / 0", "DROP TABLE b")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(2)));
  EXPECT_THAT(harness.verdict(), HasSubstr("nothing of this migration took effect"));
  EXPECT_EQ(harness.status().version, 1);
  EXPECT_THAT(harness.status().pending, ::testing::ElementsAre("up 2 m2"));
  EXPECT_EQ(harness.status().history.at(0).result, "Failed");
  EXPECT_EQ(psql("SELECT string_agg(version::text, ' ') FROM ripcord.applied"), "1");
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "1|f");
}

// Others write the version that they go to before they go.
TEST_F(FailureModes, ADownThatFailsLeavesTheVersionWhereTheSchemaIs) {
  Harness harness(ref(),
                  {migration(1, "CREATE TABLE a (x int)", "DROP TABLE a"),
                   migration(2, "CREATE TABLE b (x int)", "DROP TABLE b; DROP TABLE nowhere")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("nowhere"));
  EXPECT_EQ(harness.status().history.at(0).result, "Failed");
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "2|f");
  EXPECT_EQ(psql("SELECT to_regclass('b') IS NOT NULL"), "t");
}

// Others truncate their table, which waits for a backup that reads it.
TEST_F(FailureModes, ABackupThatReadsTheVersionTableHoldsUpNothing) {
  Harness harness(ref(), {migration(1, "CREATE TABLE a (x int)", "DROP TABLE a"),
                          migration(2, "CREATE TABLE b (x int)", "DROP TABLE b")});
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  ChildProcess backup({.argv = {"psql", "-X", "-A", "-t", ref().url}, .pipe_stdin = true});
  backup.write_stdin("BEGIN; LOCK TABLE schema_migrations IN ACCESS SHARE MODE; SELECT 'there';\n");
  for (auto line = backup.read_line(); line && *line != "there"; line = backup.read_line()) {
  }
  for (const int version : {2, 0, 2}) {
    harness.go(version);
    EXPECT_EQ(harness.verdict(), "Ready");
  }
}

// Others hold their lock in an open transaction, for which CREATE INDEX CONCURRENTLY waits for
// ever.
TEST_F(FailureModes, AConcurrentIndexIsBuiltUnderTheLocksOfAllTools) {
  const TempDir directory;
  write_file(directory / "V1__t.sql", "CREATE TABLE t (a int);");
  write_file(directory / "V2__index.sql", "CREATE INDEX CONCURRENTLY t_a ON t (a);");
  Harness harness(ref(), {});
  harness.spec().source.directory = directory.path();
  harness.spec().policy.statement_timeout = std::chrono::seconds(30);
  harness.go(20000);
  EXPECT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass"), "t");
}

// Others deadlock each other over a concurrent index, and leave it invalid and the version dirty.
TEST_F(FailureModes, RunnersBesideGolangMigrateBuildAConcurrentIndexOnce) {
  const auto tool = golang_migrate_tool();
  if (!tool) {
    GTEST_SKIP() << "golang-migrate is not built: run tests/migration_tools/build";
  }
  const TempDir directory;
  const ToolPlace place{ToolEngine::kPostgres, ref().url + "?sslmode=disable", directory.path()};
  tool->write(place, 1, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 20000);",
              "DROP TABLE t;");
  tool->write(place, 2, "CREATE INDEX CONCURRENTLY t_a ON t (a);", "DROP INDEX t_a;");
  Harness first(ref(), {});
  first.spec().source.directory = directory.path();
  first.go(1);
  ASSERT_EQ(first.verdict(), "Ready");
  std::vector<std::string> verdicts(5);
  std::vector<std::jthread> runners;
  for (std::string& verdict : verdicts) {
    runners.emplace_back([&] {
      Harness harness(ref(), {});
      harness.spec().source.directory = directory.path();
      eventually([&] {
        harness.go(2);
        return harness.verdict() == "Ready";
      });
      verdict = harness.verdict();
    });
  }
  // It queues in the server for our locks; it may lose a deadlock to us, but comes after us then.
  eventually([&] { return tool->up(place).exit_code == 0; });
  runners.clear();
  EXPECT_THAT(verdicts, ::testing::Each("Ready"));
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "2|f");
  EXPECT_EQ(psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  EXPECT_EQ(psql("SELECT count(*) FROM pg_class WHERE relname = 't_a'"), "1");
}

}  // namespace
}  // namespace ripcord
