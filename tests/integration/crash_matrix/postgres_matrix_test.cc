// SPDX-License-Identifier: Apache-2.0
// The crash matrix on PostgreSQL: 30 migrations up and down in the layout of every tool, and the
// controller, its connection or the server goes away before, during and after each statement. What
// runs next finds out what holds and goes on; in the end catalogs, rows, records and the ledger of
// single changes are those of a run that nothing disturbed.
#include "tests/integration/crash_matrix/postgres_lab.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <map>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kTop = 30;
constexpr auto kLook = std::chrono::milliseconds(2);
constexpr auto kDialect = codec::SqlDialect::kPostgreSql;

class CrashMatrixPostgres : public ::testing::TestWithParam<MigrationLayout> {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    RecordProperty("seed", std::to_string(matrix_seed()));
    write_corpus(postgres_shop(), kDialect, GetParam(), files_.path());
  }
  PostgresLab& lab() { return shared_lab(); }

  // What the layouts but one get of the whole.
  static int percent(int of_others) {
    return GetParam() == MigrationLayout::kGolangMigrate ? 100 : of_others;
  }

  // The exit code of a controller that goes to `version` of the corpus.
  int controller(const WatchedDatabase& database, int version, const Trace& trace = {}) {
    Harness harness(database.ref(), {}, trace);
    harness.spec().source.directory = files_.path();
    harness.go(version_in(GetParam(), version));
    return exit_code_of(harness);
  }
  pid_t start(const WatchedDatabase& database, int version) {
    return start_forked([&] { return controller(database, version); });
  }
  void expect_ready(WatchedDatabase& database, int version) {
    ASSERT_EQ(wait_forked(start(database, version)), kConverged);
    database.wait_for_quiet();
  }

  // Runs that nothing disturbs: a database at the top, nobody in it; and what is in one at the end.
  const std::string& calm_top() {
    auto& [name, dumped] = calm_[GetParam()].up;
    if (name.empty()) {
      WatchedDatabase database = lab().fresh("calm");
      expect_ready(database, kTop);
      name = database.name();
      dumped = database.dump(GetParam());
    }
    return name;
  }
  const std::string& calm_dump(int version) {
    const std::string top = calm_top();
    Calm& calm = calm_[GetParam()];
    if (version == 0 && calm.down.second.empty()) {
      WatchedDatabase database = lab().fresh("calm", top);
      expect_ready(database, 0);
      calm.down = {database.name(), database.dump(GetParam())};
    }
    return version == 0 ? calm.down.second : calm.up.second;
  }
  WatchedDatabase at_the_start_of(int version) {
    return version == 0 ? lab().fresh("down", calm_top()) : lab().fresh("up");
  }
  void expect_calm_end(WatchedDatabase& database, int version) {
    EXPECT_EQ(differences(calm_dump(version), database.dump(GetParam())), "");
  }
  bool goes_nowhere(int version) const {
    return version == 0 && GetParam() == MigrationLayout::kAtlas;  // it has no downs
  }

  void kill_at_every_point(int version);
  void disturb_every_change(int version);
  void disturb_what_waits_for_others(int version);

  TempDir files_;

 private:
  struct Calm {
    std::pair<std::string, std::string> up;  // database, its dump
    std::pair<std::string, std::string> down;
  };
  static std::map<MigrationLayout, Calm> calm_;
};
std::map<MigrationLayout, CrashMatrixPostgres::Calm> CrashMatrixPostgres::calm_;

void CrashMatrixPostgres::kill_at_every_point(int version) {
  WatchedDatabase database = at_the_start_of(version);
  std::unique_ptr<postgres::Connection> witness;
  const auto committed = [&] {
    if (!witness) {
      auto opened = postgres::Connection::open(database.ref().url);
      witness = std::make_unique<postgres::Connection>(std::move(*opened));
    }
    return committed_in(*witness);
  };
  PointKiller killer(committed, percent(12));
  for (const int leg : legs(kTop - version, version)) {
    while (true) {
      const int code = wait_forked(start_forked([&] {
        return controller(database, leg, [&](std::string_view point) { killer.pass(point); });
      }));
      if (code == kConverged) {
        break;
      }
      ASSERT_EQ(code, 128 + SIGKILL) << "after " << killer.last();
      killer.remember();
      database.wait_for_quiet();
    }
  }
  expect_calm_end(database, version);
  EXPECT_GT(killer.kills(), whole_matrix() || percent(0) == 100 ? 200U : 10U);
  RecordProperty("kills", static_cast<int>(killer.kills()));
}

TEST_P(CrashMatrixPostgres, KilledAtEveryPointOnTheWayUp) {
  kill_at_every_point(kTop);
}
TEST_P(CrashMatrixPostgres, KilledAtEveryPointOnTheWayDown) {
  if (goes_nowhere(0)) {
    GTEST_SKIP() << "its migrations have no downs";
  }
  kill_at_every_point(0);
}

// Stops the controller in the middle of one change after the other.
void CrashMatrixPostgres::disturb_every_change(int version) {
  WatchedDatabase database = at_the_start_of(version);
  std::uniform_int_distribution<int> stride(1, whole_matrix() || percent(0) == 100 ? 1 : 25);
  std::map<Disturbance, int> done;
  int change = 1;
  std::vector<Disturbance> left;
  const std::vector<int> targets = legs(kTop - version, version);
  for (auto leg = targets.begin(); leg != targets.end();) {
    if (left.empty()) {
      left = {Disturbance::kCutConnection};
      const auto dice = matrix_random()() % 100;
      if (whole_matrix()) {
        left = {Disturbance::kKillServer, Disturbance::kKillController,
                Disturbance::kCutConnection};
      } else if (dice < 5) {
        left = {Disturbance::kKillController};
      } else if (dice < 7) {
        left = {Disturbance::kKillServer};
      }
    }
    const std::string before = database.committed();
    SCOPED_TRACE(
        fmt::format("{} during change {} after {}", to_string(left.back()), change, before));
    database.stop_at(change);
    const pid_t pid = start(database, *leg);
    std::optional<int> code;
    std::optional<int> backend;
    while (!(code = ended(pid)) && !(backend = database.stopped())) {
      std::this_thread::sleep_for(kLook);
    }
    if (code) {
      ASSERT_EQ(*code, kConverged);
      ++leg;
      change = 1;
      continue;
    }
    lab().disturb(database, left.back(), pid, *backend);
    ++done[left.back()];
    left.pop_back();
    const bool moved = database.committed() != before;
    if (left.empty() || moved) {
      left.clear();
      // Behind what was committed, the change that was disturbed is the first.
      change = (moved ? 1 : change) + stride(matrix_random());
    }
  }
  database.stop_at(0);
  database.wait_for_quiet();
  expect_calm_end(database, version);
  EXPECT_GT(done[Disturbance::kCutConnection], 2);
  for (const auto& [how, times] : done) {
    RecordProperty(std::string(to_string(how)), times);
  }
}

TEST_P(CrashMatrixPostgres, DisturbedDuringEveryChangeOnTheWayUp) {
  disturb_every_change(kTop);
}
TEST_P(CrashMatrixPostgres, DisturbedDuringEveryChangeOnTheWayDown) {
  if (goes_nowhere(0)) {
    GTEST_SKIP() << "its migrations have no downs";
  }
  disturb_every_change(0);
}

// What runs CONCURRENTLY commits half of itself, then waits for the transactions of others.
void CrashMatrixPostgres::disturb_what_waits_for_others(int version) {
  WatchedDatabase database = at_the_start_of(version);
  int waited = 0;
  for (int step = 1; step <= kTop; ++step) {
    const CorpusMigration& migration =
        postgres_shop()[static_cast<std::size_t>(version == 0 ? kTop - step : step - 1)];
    const std::string& script = version == 0 ? migration.down : migration.up;
    const int target = version == 0 ? migration.version - 1 : migration.version;
    if (script.find("CONCURRENTLY") != std::string::npos) {
      std::vector<Disturbance> all = {Disturbance::kCutConnection, Disturbance::kKillController,
                                      Disturbance::kKillServer};
      if (!whole_matrix()) {
        all.erase(all.begin() + 1 + static_cast<int>(matrix_random()() % 2));
      }
      for (const Disturbance how : all) {
        SCOPED_TRACE(fmt::format("{} at {} {}", to_string(how), migration.version, migration.name));
        WatchedDatabase writer(lab(), database.name());
        ask(writer.session(),
            "BEGIN; DO $$ DECLARE t record; BEGIN FOR t IN SELECT oid::regclass AS name FROM "
            "pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN (SELECT oid FROM "
            "pg_namespace WHERE nspname IN ('public', 'archive')) AND relname !~ "
            "'schema_migrations' LOOP EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', "
            "t.name); END LOOP; END $$");
        const pid_t pid = start(database, target);
        std::optional<int> code;
        std::optional<int> backend;
        while (!(code = ended(pid)) && !(backend = database.waits_for_others())) {
          std::this_thread::sleep_for(kLook);
        }
        if (code) {
          ASSERT_EQ(*code, kConverged) << "it waits for nobody";
          break;
        }
        ++waited;
        // The writer has to go first where the quiet of the database is waited for.
        if (how == Disturbance::kKillController) {
          ::kill(pid, SIGKILL);
          wait_forked(pid);
          ASSERT_TRUE(eventually([&] { return !database.waits_for_others(); }));
          writer.disconnect();
        } else if (how == Disturbance::kCutConnection) {
          ask(database.session(), fmt::format("SELECT pg_terminate_backend({})", *backend));
          ASSERT_EQ(wait_forked(pid), kInterrupted);
          writer.disconnect();
        } else {
          lab().disturb(database, how, pid, *backend);
        }
        database.wait_for_quiet();
      }
    }
    expect_ready(database, target);
  }
  EXPECT_GT(waited, 7);
  expect_calm_end(database, version);
}

TEST_P(CrashMatrixPostgres, DisturbedInTheMiddleOfWhatRunsConcurrently) {
  if (GetParam() != MigrationLayout::kGolangMigrate && !whole_matrix()) {
    GTEST_SKIP() << "not in the sample (RIPCORD_CRASH_MATRIX=full takes all)";
  }
  disturb_what_waits_for_others(kTop);
  if (!goes_nowhere(0)) {
    disturb_what_waits_for_others(0);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, CrashMatrixPostgres, ::testing::ValuesIn(kLayouts),
                         [](const auto& layout) { return test_name(layout.param); });

class CommitOnPostgres : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  static const std::vector<Migration>& files() {
    static const std::vector<Migration> all = {
        migration(1, "CREATE TABLE t (a int)", "DROP TABLE t"),
        migration(
            2,
            "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
            "oracle.pass(); RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER late AFTER INSERT "
            "ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit(); "
            "INSERT INTO t VALUES (7)",
            "DELETE FROM t; DROP TRIGGER late ON t; DROP FUNCTION at_commit()")};
    return all;
  }
  static int controller(const WatchedDatabase& database, int version, const Trace& trace = {}) {
    Harness harness(database.ref(), files(), trace);
    harness.go(version);
    return exit_code_of(harness);
  }
  void expect_two_applied_once(WatchedDatabase& database) {
    ASSERT_EQ(wait_forked(start_forked([&] { return controller(database, 2); })), kConverged);
    EXPECT_EQ(ask_value(database.session(), "SELECT string_agg(a::text, ' ') FROM t"), "7");
    EXPECT_EQ(ask_value(database.session(), "SELECT version FROM schema_migrations"), "2");
  }
};

TEST_F(CommitOnPostgres, ThatIsDisturbedIsRolledBackAndDoneAgain) {
  for (const Disturbance how :
       {Disturbance::kCutConnection, Disturbance::kKillController, Disturbance::kKillServer}) {
    SCOPED_TRACE(to_string(how));
    WatchedDatabase database = shared_lab().fresh("commit");
    ASSERT_EQ(wait_forked(start_forked([&] { return controller(database, 1); })), kConverged);
    database.stop_at(6);  // begin and end of two commands, before the rows, at COMMIT
    const pid_t pid = start_forked([&] { return controller(database, 2); });
    ASSERT_TRUE(eventually([&] { return database.stopped().has_value(); }));
    EXPECT_EQ(ask_value(database.session(),
                        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%COMMIT%' AND "
                        "wait_event = 'PgSleep'"),
              "1");
    shared_lab().disturb(database, how, pid, *database.stopped());
    database.stop_at(0);
    EXPECT_EQ(ask_value(database.session(), "SELECT count(*) FROM t"), "0");
    expect_two_applied_once(database);
  }
}

// The server has committed, and waits for a standby before it says so: nobody hears of it.
TEST_F(CommitOnPostgres, ThatNobodyHeardOfIsNotDoneAgain) {
  for (const Disturbance how :
       {Disturbance::kCutConnection, Disturbance::kKillController, Disturbance::kKillServer}) {
    SCOPED_TRACE(to_string(how));
    WatchedDatabase database = shared_lab().fresh("unheard");
    ASSERT_EQ(wait_forked(start_forked([&] { return controller(database, 1); })), kConverged);
    const pid_t pid = start_forked([&] {
      return controller(database, 2, [&](std::string_view point) {
        if (point == "before COMMIT") {
          shared_lab().cluster().psql("postgres",
                                      "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
          shared_lab().cluster().psql("postgres", "SELECT pg_reload_conf()");
          std::this_thread::sleep_for(
              std::chrono::milliseconds(500));  // it is read when it is read
        }
      });
    });
    const auto unheard = [&] {
      return ask_value(database.session(),
                       "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname "
                       "= current_database()");
    };
    ASSERT_TRUE(eventually([&] { return !unheard().empty(); }));
    const int backend = std::stoi(unheard());
    if (how == Disturbance::kKillController) {  // it is noticed only when the server answers
      ::kill(pid, SIGKILL);
      ask(database.session(), fmt::format("SELECT pg_terminate_backend({})", backend));
      wait_forked(pid);
    } else if (how == Disturbance::kCutConnection) {
      ask(database.session(), fmt::format("SELECT pg_terminate_backend({})", backend));
      EXPECT_EQ(wait_forked(pid), kInterrupted);
    } else {
      shared_lab().disturb(database, how, pid, backend);
    }
    shared_lab().cluster().psql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    shared_lab().cluster().psql("postgres", "SELECT pg_reload_conf()");
    EXPECT_EQ(ask_value(database.session(), "SELECT count(*) FROM t"), "1") << "it was committed";
    expect_two_applied_once(database);
  }
}

}  // namespace
}  // namespace ripcord
