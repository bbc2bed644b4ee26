// SPDX-License-Identifier: Apache-2.0
// Restores on a real PostgreSQL, and their way back, killed at every point.
#include "tests/integration/restore/postgres_restores.h"
#include "tests/integration/restore/restore_driver.h"

#include <csignal>
#include <thread>
#include <unistd.h>

namespace ripcord {
namespace {

TEST_F(PostgresRestore, AKilledControllerLeavesNoSessionAtWorkOnTheServer) {
  const std::string source = fresh_database(pg(), "source");
  pg().psql(source,
            "create function slow() returns boolean language sql as $$select pg_sleep(case when "
            "current_database() like '%ripcord%' then 300 else 0 end) is not null$$");
  for (const std::string table : {"a", "b"}) {
    pg().psql(source, "create table " + table + " (n int check (slow())); insert into " + table +
                          " values (1)");
  }
  const Backup backup{"slow.dump", BackupFormat::kPgCustom, directory_ / "slow.dump", 1};
  ASSERT_EQ(run({.argv = {"pg_dump", "-Fc", "-f", backup.path, "-d", pg().url(source)}}).exit_code,
            0);
  const auto workers = [this] {
    return pg().psql("postgres",
                     "select count(*) from pg_stat_activity where query like 'COPY%' and datname "
                     "= '" +
                         names().side + "'");
  };
  const int ended = run_forked([&] {
    const std::jthread killer([&] {
      eventually([&] { return workers() == "2"; });
      ::kill(::getpid(), SIGKILL);
    });
    return open().target->load(backup, {}).ok() ? 0 : 1;
  });
  ASSERT_EQ(ended, 128 + SIGKILL);
  EXPECT_TRUE(eventually([&] { return workers() == "0"; }));
  ASSERT_OK(open().leftovers->drop_side());
}

// The first controller dies at each point of its swap; the second request swaps before the first
// one comes back.
TEST_F(PostgresRestore, AnotherRequestMaySwapWhereverTheFirstWasKilled) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  constexpr const char* kOther = "ffffffff-other";
  const auto swap_of = [&](RestoreDatabases& databases, const char* uid) {
    auto opened = databases.open(ref(live_), uid);
    const auto report = opened->target->swap({});
    return report ? ok_status() : report.error();
  };
  const auto load_both = [&] {
    for (const char* uid : {kUid, kOther}) {
      ASSERT_OK(restores_.open(ref(live_), uid)->target->load(backup, {}));
    }
  };
  const auto points = std::make_shared<int>(0);
  load_both();
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK(swap_of(counted, kUid));
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    live_ = make_live();
    load_both();
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(runner_, clock_, {std::chrono::minutes(1), dying_at(point)});
      return swap_of(dying, kUid).ok() ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const bool first_was_done = open().target->read()->swapped;
    ASSERT_OK(swap_of(restores_, kOther));
    EXPECT_EQ(users(live_), "ann,bob,cid");
    ASSERT_OK(drive(restores_, ref(live_), kUid, backup));
    EXPECT_EQ(pg().psql("postgres", "select count(*) from pg_database where datname like '" +
                                        live_ + "%' and not datallowconn"),
              "0");
    const auto other = postgres::restore_names(live_, kOther);
    EXPECT_EQ(databases_like(live_), live_ + " " + names().previous + " " + other.previous);
    EXPECT_EQ(users(first_was_done ? names().previous : other.previous), "old1,old2");
    EXPECT_THAT(pg().psql("postgres",
                          "select shobj_description(oid, 'pg_database') from pg_database where "
                          "datname = '" +
                              live_ + "'"),
                testing::StartsWith(std::string("ripcord: uid=") +
                                    (first_was_done ? kOther : kUid) + " stage=live"));
  }
}

TEST_F(PostgresRestore, EndsTheSameWhereverItIsKilled) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  const auto points = std::make_shared<int>(0);
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK(drive(counted, ref(live_), kUid, backup));
  ASSERT_GT(*points, 13);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    live_ = make_live();
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(runner_, clock_, {std::chrono::minutes(1), dying_at(point)});
      return drive(dying, ref(live_), kUid, backup).ok() ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto crashed = open().target->read();
    ASSERT_OK(crashed);
    bool written = true;  // by a client after the crash, where it can connect
    try {
      pg().psql(live_, "insert into users values ('late')");
    } catch (const std::exception&) {
      written = false;
      EXPECT_TRUE(crashed->swap_interrupted);
    }
    ASSERT_OK(drive(restores_, ref(live_), kUid, backup));
    const std::string late_live = crashed->swapped && written ? "ann,bob,cid,late" : "ann,bob,cid";
    const std::string late_old = !crashed->swapped && written ? "late,old1,old2" : "old1,old2";
    EXPECT_EQ(users(live_), late_live);
    EXPECT_EQ(users(names().previous), late_old);
    EXPECT_EQ(databases_like(live_), live_ + " " + names().previous);
    const auto state = open().target->read();
    ASSERT_OK(state);
    EXPECT_TRUE(state->swapped);
    EXPECT_FALSE(state->swap_interrupted);
  }
}

TEST_F(PostgresRestore, TheWayBackEndsTheSameWhereverItIsKilled) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  ASSERT_OK(drive(restores_, ref(live_), kUid, backup));
  const auto points = std::make_shared<int>(0);
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK((*counted.open(ref(live_), kUid)).reverse->revert({}));
  ASSERT_GT(*points, 7);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    live_ = make_live();
    ASSERT_OK(drive(restores_, ref(live_), kUid, backup));
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(runner_, clock_, {std::chrono::minutes(1), dying_at(point)});
      return (*dying.open(ref(live_), kUid)).reverse->revert({}).has_value() ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto crashed = open().target->read();
    ASSERT_OK(crashed);
    EXPECT_TRUE(crashed->swapped || crashed->reverted);
    bool written = true;
    try {
      pg().psql(live_, "insert into users values ('late')");
    } catch (const std::exception&) {
      written = false;
      EXPECT_TRUE(crashed->revert_interrupted);  // so the next reconcile ends it
    }
    ASSERT_OK(open().reverse->revert({}));
    EXPECT_EQ(users(live_), crashed->reverted && written ? "late,old1,old2" : "old1,old2");
    EXPECT_EQ(users(names().side),
              !crashed->reverted && written ? "ann,bob,cid,late" : "ann,bob,cid");
    EXPECT_EQ(databases_like(live_), live_ + " " + names().side);
    EXPECT_TRUE(open().target->read()->reverted);
  }
}

TEST_F(PostgresRestore, TheWayBackKeepsWhatWasSetSinceAndEndsSessionsOfBoth) {
  ASSERT_OK(drive(restores_, ref(live_), kUid, dump("b.dump", BackupFormat::kPgCustom)));
  pg().psql("postgres", "alter database " + live_ + " set work_mem = '9MB'");
  auto reader = postgres::Connection::open(pg().url(names().previous));
  auto client = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(reader);
  ASSERT_OK(client);
  const auto back = open().reverse->revert({});
  ASSERT_OK(back);
  EXPECT_GT(back->window, Duration::zero());
  EXPECT_EQ(pg().psql(live_, "show work_mem"), "9MB");
  EXPECT_FALSE(client->execute("select 1").has_value());
  EXPECT_FALSE(reader->execute("select 1").has_value());
}

TEST_F(PostgresRestore, AWayBackThatWasKilledDoesNotStopTheNextRestore) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  ASSERT_OK(drive(restores_, ref(live_), kUid, backup));
  const int ended = run_forked([&] {
    const Trace dying = [](std::string_view point) {
      if (point == "after refuse") {
        ::kill(::getpid(), SIGKILL);
      }
    };
    postgres::PostgresRestores restores(runner_, clock_, {std::chrono::minutes(1), dying});
    return (*restores.open(ref(live_), kUid)).reverse->revert({}).has_value() ? 0 : 1;
  });
  ASSERT_EQ(ended, 128 + SIGKILL);
  ASSERT_OK(drive(restores_, ref(live_), "99999999-next", backup));
  EXPECT_EQ(users(live_), "ann,bob,cid");
}

}  // namespace
}  // namespace ripcord
