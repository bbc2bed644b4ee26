// SPDX-License-Identifier: Apache-2.0
// Swaps of databases on a real PostgreSQL: clients and other requests at work meanwhile.
#include "tests/integration/restore/postgres_restores.h"

#include <atomic>
#include <csignal>
#include <thread>

namespace ripcord {
namespace {

TEST_F(PostgresRestore, ClientsThatReconnectSeeOneWholeDatabaseAfterTheOther) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  std::atomic<bool> mixed = false;
  std::atomic<int> answers_after = 0;
  std::atomic<int> answers_before = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&](const std::stop_token& stop) {
        bool seen_new = false;
        std::optional<postgres::Connection> connection;
        while (!stop.stop_requested()) {
          if (!connection) {
            auto opened = postgres::Connection::open(pg().url(live_));
            if (!opened) {
              continue;
            }
            connection = std::move(*opened);
          }
          const auto rows = connection->query(kUsers);
          if (!rows) {
            connection.reset();
            continue;
          }
          const std::string text = rows->rows.at(0).at(0).value_or("");
          const bool is_new = text == "ann,bob,cid";
          mixed = mixed || (!is_new && (text != "old1,old2" || seen_new));
          seen_new = seen_new || is_new;
          ++(is_new ? answers_after : answers_before);
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return answers_before > 20; }));
    const auto report = restore.target->swap({});
    ASSERT_OK(report);
    EXPECT_GT(report->window, Duration::zero());
    EXPECT_TRUE(eventually([&] { return answers_after > 20; }));
  }
  EXPECT_FALSE(mixed);
  EXPECT_EQ(users(names().previous), "old1,old2");
}

// One that does not react keeps none of the others, and no RENAME waits for it: that would be 5 s.
TEST_F(PostgresRestore, SessionsAreSignalledTogetherAndNoRenameWaitsForOne) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  std::vector<postgres::Connection> idle;
  for (int i = 0; i < 40; ++i) {
    auto connection = postgres::Connection::open(pg().url(live_));
    ASSERT_OK(connection);
    idle.push_back(std::move(*connection));
  }
  const std::string of_live = " from pg_stat_activity where datname = '" + live_ + "'";
  const std::string first = pg().psql("postgres", "select pid" + of_live + " limit 1");
  pg().psql("postgres", "alter system set log_statement = 'all'");
  pg().psql("postgres", "select pg_reload_conf()");
  ASSERT_EQ(::kill(std::stoi(first), SIGSTOP), 0);
  Status swapped(StatusCode::kInternal, "not tried");
  std::jthread swapper([&] { swapped = status_of(restore.target->swap({})); });
  EXPECT_TRUE(eventually([&] {
    return pg().psql("postgres", "select coalesce(string_agg(pid::text, ' '), '')" + of_live) ==
           first;
  }));
  EXPECT_EQ(pg().psql("postgres",
                      "select count(*) from pg_stat_activity where state = 'active' and query like "
                      "'alter database%rename%'"),
            "0");
  ::kill(std::stoi(first), SIGCONT);
  swapper.join();
  EXPECT_OK(swapped);
  EXPECT_EQ(users(live_), "ann,bob,cid");
  pg().psql("postgres", "alter system reset log_statement");
  pg().psql("postgres", "select pg_reload_conf()");
  const std::string log = read_file(pg().socket_dir() + "/server.log");
  int signals = 0;
  for (std::size_t at = 0; (at = log.find("count(pg_terminate_backend", at)) != std::string::npos;
       ++at) {
    ++signals;
  }
  EXPECT_GE(signals, 1);
  EXPECT_LT(signals, 40) << "one by one";
}

TEST_F(PostgresRestore, ASwapThatCannotBeDoneIsRefusedAndTouchesNothing) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  pg().psql("postgres", "alter database " + live_ + " allow_connections false");
  const auto refused = restore.target->swap({});
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().reason(), "ConnectionsRefused");
  pg().psql("postgres", "alter database " + live_ + " allow_connections true");
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(live_), "ann,bob,cid");
}

TEST_F(PostgresRestore, AStoppedSwapGivesTheLiveDatabaseBack) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  std::stop_source stop;
  postgres::PostgresRestores stopping(runner_, clock_,
                                      {std::chrono::minutes(1), [&](std::string_view point) {
                                         if (point == "after refuse") {
                                           stop.request_stop();
                                         }
                                       }});
  // A client keeps the sessions from being gone at the first look.
  auto client = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(client);
  auto opened = stopping.open(ref(live_), kUid);
  ASSERT_OK(opened);
  const auto swapped = opened->target->swap(stop.get_token());
  if (!swapped) {
    EXPECT_CODE(swapped, StatusCode::kCancelled);
    EXPECT_EQ(users(live_), "old1,old2");
    const auto state = open().target->read();
    ASSERT_OK(state);
    EXPECT_TRUE(state->side_complete);
    EXPECT_FALSE(state->swap_interrupted);
  }
  ASSERT_OK(open().target->swap({}));
  EXPECT_EQ(users(live_), "ann,bob,cid");
}

TEST_F(PostgresRestore, PutsADatabaseBackThatIsGone) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  pg().psql("postgres", "drop database " + live_);
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup, {}));
  const auto report = restore.target->swap({});
  ASSERT_OK(report);
  EXPECT_EQ(report->previous_name, "");
  EXPECT_EQ(users(live_), "ann,bob,cid");
  EXPECT_TRUE(open().target->read()->swapped);
}

TEST_F(PostgresRestore, ASwapHoldsItsLockFromBeginningToEnd) {
  ASSERT_OK(open().target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  std::vector<std::string> without_lock;
  int points = 0;
  postgres::PostgresRestores watched(runner_, clock_,
                                     {std::chrono::minutes(1), [&](std::string_view point) {
                                        ++points;
                                        if (pg().psql("postgres",
                                                      "select not pg_try_advisory_lock("
                                                      "hashtextextended('ripcord restore ' || '" +
                                                          live_ + "', 0))") != "t") {
                                          without_lock.emplace_back(point);
                                        }
                                      }});
  auto opened = watched.open(ref(live_), kUid);
  ASSERT_OK(opened);
  ASSERT_OK(opened->target->swap({}));
  EXPECT_GT(points, 5);
  EXPECT_THAT(without_lock, testing::IsEmpty());
  points = 0;
  ASSERT_OK(opened->leftovers->drop_previous());
  EXPECT_EQ(points, 2);
  EXPECT_THAT(without_lock, testing::IsEmpty());
}

TEST_F(PostgresRestore, ALoadHoldsUpNoSwapOfAnotherRequest) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  ASSERT_OK(open().target->load(backup, {}));
  Status swapped(StatusCode::kInternal, "not tried");
  postgres::PostgresRestores loading(runner_, clock_,
                                     {std::chrono::minutes(1), [&](std::string_view point) {
                                        if (point == "before load") {
                                          const auto report = open().target->swap({});
                                          swapped = report ? ok_status() : report.error();
                                        }
                                      }});
  auto other = loading.open(ref(live_), "ffffffff-other");
  ASSERT_OK(other);
  ASSERT_OK(other->target->load(backup, {}));
  EXPECT_OK(swapped);
  EXPECT_EQ(users(live_), "ann,bob,cid");
}

TEST_F(PostgresRestore, ASideThatIsBeingLoadedIsNotDropped) {
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  Status dropped;
  SimulatedClock impatient;
  postgres::PostgresRestores dropping(runner_, impatient);
  postgres::PostgresRestores loading(
      runner_, clock_, {std::chrono::minutes(1), [&](std::string_view point) {
                          if (point == "after load") {
                            dropped = dropping.open(ref(live_), kUid)->leftovers->drop_side();
                          }
                        }});
  auto opened = loading.open(ref(live_), kUid);
  ASSERT_OK(opened);
  ASSERT_OK(opened->target->load(backup, {}));
  EXPECT_CODE(dropped, StatusCode::kUnavailable);
  EXPECT_EQ(dropped.reason(), "Locked");
  EXPECT_TRUE(open().target->read()->side_complete);
}

}  // namespace
}  // namespace ripcord
