// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/migration_history.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class PostgresMigrations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "mig");
  }
  std::string psql(const std::string& sql) { return shared_cluster().psql(name_, sql); }
  DatabaseRef ref() { return postgres_ref(shared_cluster().url(name_)); }
  // A session of somebody else that runs `sql` and then stays.
  std::unique_ptr<ChildProcess> other_session(const std::string& sql) {
    auto session = std::make_unique<ChildProcess>(ProcessOptions{
        .argv = {"psql", "-X", "-A", "-t", shared_cluster().url(name_)}, .pipe_stdin = true});
    session->write_stdin(sql + ";\nSELECT 'there';\n");
    while (true) {
      const auto line = session->read_line();
      if (!line) {
        ADD_FAILURE() << session->err();
        break;
      }
      if (*line == "there") {
        break;
      }
    }
    return session;
  }

  std::string name_;
};

TEST_F(PostgresMigrations, LocksUnderTheIdsThatGolangMigrateUses) {
  EXPECT_EQ(codec::golang_migrate_lock("public", "schema_migrations", "/x"), 895096441);
  EXPECT_EQ(codec::golang_migrate_lock("public", "schema_migrations", "x"), 750960408);
}

TEST_F(PostgresMigrations, AdoptsTheTableOfGolangMigrateAndLeavesItRight) {
  psql(
      "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
      "NULL);"
      "INSERT INTO schema_migrations VALUES (2, false); CREATE TABLE t1 (); CREATE TABLE t2 ()");
  const std::vector<Migration> files = {migration(1, "CREATE TABLE t1 ()", "DROP TABLE t1"),
                                        migration(2, "CREATE TABLE t2 ()", "DROP TABLE t2"),
                                        migration(3, "CREATE TABLE t3 ()", "DROP TABLE t3")};
  Harness harness(ref(), files);
  harness.go(3);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "3|f");
  // golang-migrate comes back and goes to 4 and down to 2, in its own way.
  psql(
      "BEGIN; TRUNCATE schema_migrations; INSERT INTO schema_migrations VALUES (2, false); DROP "
      "TABLE t3; COMMIT");
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready") << "the undo of 2 comes from its file";
  EXPECT_EQ(psql("SELECT version, dirty FROM schema_migrations"), "1|f");
  EXPECT_EQ(psql("SELECT to_regclass('t2') IS NULL"), "t");
  harness.go(3);
  ASSERT_EQ(harness.verdict(), "Ready");
  harness.go(0);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT count(*) FROM schema_migrations"), "0");
}

TEST_F(PostgresMigrations, RecordsThePlanOfTheUndoBesideIt) {
  Harness harness(ref(), {migration(1, "CREATE TABLE t (a int); CREATE INDEX t_a ON t (a)",
                                    "DROP INDEX CONCURRENTLY t_a;\nDROP TABLE t"),
                          migration(2, "CREATE TABLE u (a int)")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT string_agg(concat_ws(' ', p->>'line', p->>'effect', "
                 "p->>'needs_no_transaction', p->>'statement'), '; ') FROM ripcord.applied, "
                 "jsonb_array_elements(plan) p WHERE version = 1"),
            "1 Lossless true DROP INDEX CONCURRENTLY t_a; 2 Lossy false DROP TABLE t");
  EXPECT_EQ(psql("SELECT plan IS NULL FROM ripcord.applied WHERE version = 2"), "t");
}

TEST_F(PostgresMigrations, RecordsAsItselfWhatABodyDidInAnotherRole) {
  const std::string role = name_ + "_app";
  psql(fmt::format("CREATE ROLE {0}; GRANT CREATE ON SCHEMA public TO {0}", role));
  Harness harness(ref(), {migration(1, fmt::format("SET ROLE {}; CREATE TABLE t ()", role)),
                          migration(2, "CREATE TABLE u ()")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' AND "
                 "tablename IN ('t', 'u') ORDER BY 1"),
            fmt::format("t|{}\nu|{}", role, psql("SELECT current_user")));
  psql(fmt::format("DROP OWNED BY {0}; DROP ROLE {0}", role));
}

TEST_F(PostgresMigrations, RecordsABodyThatDeallocatesWhatTheSessionHadPrepared) {
  Harness harness(
      ref(), {migration(1, "CREATE TABLE t ()"), migration(2, "CREATE TABLE u (); DEALLOCATE ALL"),
              migration(3, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"),
              migration(4, "CREATE TABLE v ()")});
  harness.go(4);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT string_agg(version::text, ' ' ORDER BY version) FROM ripcord.applied"),
            "1 2 3 4");
}

TEST_F(PostgresMigrations, StopWhereSomethingElseMovesTheVersionBetweenTwoSteps) {
  int begun = 0;
  const Trace trace = [&](std::string_view point) {
    if (point == "before BEGIN" && ++begun == 3) {
      psql("UPDATE schema_migrations SET version = 1");
    }
  };
  Harness harness(ref(),
                  {migration(1, "CREATE TABLE t ()"), migration(2, "CREATE TABLE u ()"),
                   migration(3, "CREATE TABLE v ()")},
                  trace);
  harness.go(3);
  EXPECT_NE(harness.verdict(), "Ready");
  EXPECT_EQ(harness.status().version, 1);
  EXPECT_EQ(psql("SELECT to_regclass('u') IS NOT NULL, to_regclass('v') IS NULL"), "t|t");
}

TEST_F(PostgresMigrations, WaitForTheDiskOnceForSeveralAndAlwaysForTheLast) {
  psql(
      "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
      "NULL); CREATE TABLE log (version bigint, waits text);"
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES "
      "(new.version, current_setting('synchronous_commit')); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON schema_migrations DEFERRABLE "
      "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()");
  Harness harness(
      ref(),
      {migration(1, "CREATE TABLE a (i int)"), migration(2, "CREATE TABLE b ()"),
       migration(3, "CREATE INDEX CONCURRENTLY a_i ON a (i)"), migration(4, "CREATE TABLE c ()"),
       migration(5, "SET synchronous_commit = local"), migration(6, "CREATE TABLE d ()")});
  harness.clock().halt();
  harness.go(6);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT string_agg(version || ' ' || waits, ', ' ORDER BY version) FROM log"),
            "1 off, 2 on, 3 off, 4 off, 5 off, 6 on")
      << "before what is no transaction all is on disk, and no setting of a body stays";
}

TEST_F(PostgresMigrations, AreOnDiskWhenALaterOneFails) {
  psql(
      "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
      "NULL); CREATE TABLE log (version bigint, lsn pg_lsn);"
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES "
      "(new.version, pg_current_wal_insert_lsn()); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON schema_migrations DEFERRABLE "
      "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()");
  const auto write_late = [](const std::string& setting) {
    shared_cluster().psql("postgres", "ALTER SYSTEM " + setting);
    shared_cluster().psql("postgres", "SELECT pg_reload_conf()");
  };
  write_late("SET wal_writer_delay = '10s'");
  Harness harness(ref(), {migration(1, "CREATE TABLE a ()"), migration(2, "CREATE TABLE b ()"),
                          migration(3, "SELECT 1 / 0")});
  harness.clock().halt();
  harness.go(3);
  EXPECT_EQ(psql("SELECT max(version), bool_and(pg_current_wal_flush_lsn() > lsn) FROM log"),
            "2|t");
  EXPECT_THAT(harness.verdict(), HasSubstr("division by zero"));
  write_late("RESET wal_writer_delay");
}

TEST_F(PostgresMigrations, AreLostOnlyFromTheEndWhenTheServerCrashesBetweenTwo) {
  PostgresCluster cluster;
  cluster.psql("postgres", "ALTER SYSTEM SET wal_writer_delay = '10s'");
  cluster.psql("postgres", "SELECT pg_reload_conf()");
  const std::vector<Migration> all{
      migration(1, "CREATE TABLE log (v int); INSERT INTO log VALUES (1)"),
      migration(2, "INSERT INTO log VALUES (2)"), migration(3, "INSERT INTO log VALUES (3)"),
      migration(4, "INSERT INTO log VALUES (4)")};
  int committed = 0;
  Harness harness(postgres_ref(cluster.url()), all, [&](std::string_view point) {
    if (point == "after COMMIT" && ++committed == 3) {
      cluster.kill9();
    }
  });
  harness.clock().halt();
  harness.go(4);
  EXPECT_NE(harness.verdict(), "Ready");
  cluster.start();
  const std::string version = cluster.psql("postgres", "SELECT version FROM schema_migrations");
  if (version.empty()) {
    EXPECT_EQ(cluster.psql("postgres", "SELECT to_regclass('log') IS NULL"), "t");
  } else {
    EXPECT_EQ(cluster.psql("postgres", "SELECT array_agg(v) = ARRAY(SELECT generate_series(1, " +
                                           version + ")) FROM log"),
              "t");
  }
  harness.go(4);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(cluster.psql("postgres", "SELECT string_agg(v::text, ' ' ORDER BY v) FROM log"),
            "1 2 3 4");
}

TEST_F(PostgresMigrations, ForgetsWhatAnotherToolWentDownPast) {
  Harness harness(ref(), {migration(1, "CREATE TABLE a ()", "DROP TABLE a"),
                          migration(2, "CREATE TABLE b ()", "DROP TABLE b")});
  harness.go(2);
  ASSERT_EQ(harness.verdict(), "Ready");
  const auto moved = [&](int version, const std::string& body) {
    psql(
        fmt::format("BEGIN; TRUNCATE schema_migrations; INSERT INTO schema_migrations VALUES ({}, "
                    "false); {}; COMMIT",
                    version, body));
  };
  moved(1, "DROP TABLE b");
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT string_agg(version::text, ' ') FROM ripcord.applied"), "1");
  moved(2, "CREATE TABLE c ()");  // up again with a file that was changed
  Harness changed(ref(), {migration(1, "CREATE TABLE a ()", "DROP TABLE a"),
                          migration(2, "CREATE TABLE c ()", "DROP TABLE c")});
  changed.go(1);
  EXPECT_EQ(changed.verdict(), "Ready") << "the undo of 2 comes from its file";
  EXPECT_EQ(psql("SELECT to_regclass('a') IS NOT NULL, to_regclass('c') IS NULL"), "t|t");
}

TEST_F(PostgresMigrations, DoubtsAnUndoThatAnotherToolMayHaveOutdatedUnseen) {
  Harness harness(ref(), {migration(1, "CREATE TABLE a (x int)", "ALTER TABLE a RENAME TO b")});
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  psql(
      "BEGIN; DROP TABLE a; CREATE TABLE c (x int); TRUNCATE schema_migrations; INSERT INTO "
      "schema_migrations VALUES (1, false); COMMIT");
  Harness changed(ref(), {migration(1, "CREATE TABLE c (x int)", "ALTER TABLE c RENAME TO d")});
  changed.spec().override.emplace().version = 0;
  changed.converge();
  EXPECT_THAT(changed.verdict(), HasSubstr("ApprovalRequired"));
  EXPECT_THAT(changed.verdict(), HasSubstr("its up was changed since"));
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "1");
}

TEST_F(PostgresMigrations, LeavesTheTableOfAnotherToolAlone) {
  psql("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)");
  Harness harness(ref(), {migration(1, "CREATE TABLE t ()")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("ForeignTable"));
  EXPECT_THAT(harness.verdict(), HasSubstr("dbmate"));
  EXPECT_EQ(psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'ripcord'"), "0");
}

TEST_F(PostgresMigrations, StopsAtADirtyDatabaseAndSaysWhatToDo) {
  psql(
      "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
      "NULL);"
      "INSERT INTO schema_migrations VALUES (1, true)");
  Harness harness(ref(), {migration(1, "CREATE TABLE t ()")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(1)));
  EXPECT_THAT(harness.verdict(), HasSubstr("migrate force"));
}

TEST_F(PostgresMigrations, StaysOutWhileGolangMigrateHoldsEitherOfItsLocks) {
  for (const std::string& spelling : {"/" + name_, name_}) {
    const auto id = codec::golang_migrate_lock("public", "schema_migrations", spelling);
    auto holder = other_session(
        fmt::format("SET application_name = 'migrate cli'; SELECT pg_advisory_lock({})", id));
    Harness harness(ref(), {migration(1, "CREATE TABLE t ()")});
    harness.set_patience(milliseconds(100));
    const Outcome outcome = harness.go(1);
    const auto* again = std::get_if<RequeueAfter>(&outcome);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->cause.reason(), "Locked");
    EXPECT_THAT(again->cause.message(), HasSubstr("migrate cli"));
    EXPECT_EQ(psql("SELECT to_regclass('t') IS NULL"), "t");
  }
}

TEST_F(PostgresMigrations, TwoRunnersAtOnceRunEachMigrationOnce) {
  std::vector<std::jthread> runners;
  std::vector<std::string> verdicts(3);
  for (std::string& verdict : verdicts) {
    runners.emplace_back([this, &verdict] {
      Harness harness(ref(), postgres_corpus());
      harness.go(5);
      verdict = harness.verdict();
    });
  }
  runners.clear();
  for (const std::string& verdict : verdicts) {
    EXPECT_EQ(verdict, "Ready");
  }
  EXPECT_EQ(psql("SELECT string_agg(what, ' ' ORDER BY id) FROM log"),
            "up1 up2 up3a up3b up4; up5");
}

TEST_F(PostgresMigrations, TriesAgainWhenATableIsLockedForLongerThanLockTimeout) {
  psql("CREATE TABLE busy (a int)");
  auto holder = other_session("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE");
  Harness harness(ref(), {migration(1, "ALTER TABLE busy ADD COLUMN b int")});
  harness.spec().policy.lock_timeout = milliseconds(100);
  std::jthread release([&] {
    std::this_thread::sleep_for(milliseconds(600));
    holder->write_stdin("ROLLBACK;\n");
  });
  harness.go(1);
  EXPECT_EQ(harness.verdict(), "Ready");
}

TEST_F(PostgresMigrations, GivesUpForNowWhenTheTableStaysLocked) {
  psql("CREATE TABLE busy (a int)");
  auto holder = other_session("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE");
  Harness harness(ref(), {migration(1, "ALTER TABLE busy ADD COLUMN b int")});
  harness.spec().policy.lock_timeout = milliseconds(10);
  const Outcome outcome = harness.go(1);
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_THAT(harness.verdict(), HasSubstr("LockTimeout"));
  EXPECT_EQ(psql("SELECT count(*) FROM schema_migrations"), "0");
}

TEST_F(PostgresMigrations, RebuildsTheInvalidIndexThatAKilledRunnerLeft) {
  Harness first(ref(), postgres_corpus());
  first.go(2);
  ASSERT_EQ(first.verdict(), "Ready");
  // CREATE INDEX CONCURRENTLY waits for this writer.
  auto writer = other_session("BEGIN; INSERT INTO users VALUES (1000, 'x')");
  const pid_t child = ::fork();
  if (child == 0) {
    Harness doomed(ref(), postgres_corpus());
    doomed.go(3);
    ::_exit(0);
  }
  const std::string invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
  const bool built = eventually([&] { return psql(invalid) == "1"; });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(built);
  ASSERT_TRUE(eventually([&] {
    return psql(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ripcord "
               "migrations'") == "0";
  })) << "the server must notice that the client is gone";
  EXPECT_EQ(psql(invalid), "1");
  writer->write_stdin("COMMIT;\n");
  Harness second(ref(), postgres_corpus());
  second.go(3);
  ASSERT_EQ(second.verdict(), "Ready");
  EXPECT_EQ(psql(invalid), "0");
  EXPECT_EQ(psql("SELECT count(*) FROM pg_index WHERE indexrelid = 'users_email'::regclass AND "
                 "indisvalid"),
            "1");
  EXPECT_EQ(psql("SELECT string_agg(what, ' ' ORDER BY id) FROM log"), "up1 up2 up3a up3b");
}

TEST_F(PostgresMigrations, LeavesNothingBehindWhenAConcurrentIndexCannotBeBuilt) {
  Harness harness(ref(), {migration(1, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)"),
                          migration(2, "CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)")});
  EXPECT_TRUE(std::holds_alternative<Stalled>(harness.go(2)));
  EXPECT_THAT(harness.verdict(), HasSubstr("could not create unique index"));
  EXPECT_EQ(psql("SELECT to_regclass('t_a') IS NULL, (SELECT count(*) FROM ripcord.journal)"),
            "t|0");
  EXPECT_EQ(harness.status().version, 1);
  EXPECT_EQ(harness.status().history.at(0).result, "Failed");
}

TEST_F(PostgresMigrations, GoesDownFromTheRecordWhenAllFilesAreGone) {
  Harness with_files(ref(), postgres_corpus());
  with_files.go(5);
  ASSERT_EQ(with_files.verdict(), "Ready");
  Harness without(ref(), {});
  without.spec().source.directory = "/nonexistent";
  without.go(1);
  EXPECT_EQ(without.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "1");
}

TEST_F(PostgresMigrations, WaitsForApprovalAndNamesWhatWouldRun) {
  Harness harness(ref(), postgres_corpus());
  harness.go(5);
  harness.spec().policy.down = DownPolicy::kApprove;
  harness.spec().version = 4;
  harness.spec().approval.reset();
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(harness.converge()));
  const Condition* held = harness.status().conditions.find("ApprovalRequired");
  ASSERT_NE(held, nullptr);
  EXPECT_THAT(held->message, HasSubstr("ALTER TABLE users DROP COLUMN visits"));
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "5");
  harness.go(4);
  EXPECT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(harness.status().conditions.find("ApprovalRequired"), nullptr);
  EXPECT_EQ(harness.status().history.at(0).from, "5");
  EXPECT_EQ(harness.status().history.at(0).to, "4");
}

TEST(PostgresMigrationsServer, ComesThroughAServerThatDiesInMidMigration) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  PostgresCluster cluster;
  for (const std::string_view point :
       {"before COMMIT", "after a statement", "before a statement outside a transaction"}) {
    SCOPED_TRACE(point);
    const std::string name = fresh_database(cluster, "die");
    bool died = false;
    Harness doomed(postgres_ref(cluster.url(name)), postgres_corpus(), [&](std::string_view at) {
      if (at == point && !died) {
        died = true;
        cluster.kill9();
      }
    });
    const Outcome outcome = doomed.go(5);
    ASSERT_TRUE(died);
    EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome)) << doomed.verdict();
    cluster.start();
    Harness again(postgres_ref(cluster.url(name)), postgres_corpus());
    again.go(5);
    EXPECT_EQ(again.verdict(), "Ready");
    EXPECT_EQ(cluster.psql(name, "SELECT string_agg(what, ' ' ORDER BY id) FROM log"),
              "up1 up2 up3a up3b up4; up5");
  }
}

TEST(PostgresMigrationsServer, ShowsNoPasswordInAnyMessage) {
  for (const std::string url : {"postgresql://u:hunter2@127.0.0.1:1/x",
                                "postgresql://u:hunter2@[bad/x", "hunter2 nonsense"}) {
    Harness harness(postgres_ref(url), {});
    harness.go(1);
    EXPECT_NE(harness.verdict(), "Ready");
    EXPECT_THAT(harness.verdict(), ::testing::Not(HasSubstr("hunter2"))) << url;
  }
}

}  // namespace
}  // namespace ripcord
