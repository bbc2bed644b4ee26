// SPDX-License-Identifier: Apache-2.0
// Restores on a real PostgreSQL: every dump format, clients at work during the swap, what belongs
// to the database carried over, and kill -9 at every point.
#include "adapters/postgres/client_tools.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/postgres/restore_load.h"
#include "adapters/postgres/restore_site.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <atomic>
#include <thread>

namespace ripcord {
namespace {

constexpr const char* kUid = "0a1b2c3d-4e5f-6789";
constexpr const char* kUsers =
    "select coalesce(string_agg(name, ',' order by name), '') from users";

class PostgresRestore : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    // DROP DATABASE waits for a checkpoint; no test here cuts the power.
    pg().psql("postgres", "alter system set fsync = off");
    pg().psql("postgres", "select pg_reload_conf()");
    live_ = make_live();
  }

  static PostgresCluster& pg() { return shared_cluster(); }
  static std::string make_live() {
    const std::string name = fresh_database(pg(), "live");
    pg().psql(name,
              "create table users (name text primary key); insert into users values "
              "('old1'), ('old2')");
    return name;
  }
  static DatabaseRef ref(const std::string& database) {
    DatabaseRef made;
    made.url = pg().url(database);
    return made;
  }
  static std::string users(const std::string& database) { return pg().psql(database, kUsers); }

  Backup dump(const std::string& name, BackupFormat format,
              const std::vector<std::string>& more = {}) {
    const std::string source = fresh_database(pg(), "source");
    pg().psql(source,
              "create schema app; create table users (name text primary key); insert into users "
              "values ('ann'), ('bob'), ('cid'); create table app.orders (id bigserial primary "
              "key, users_name text references users, note text); insert into app.orders "
              "(users_name, note) select 'ann', E'tab\\there \\\\ back' from "
              "generate_series(1, 500); create index on app.orders (note)");
    std::vector<std::string> argv = {"pg_dump", "-f", directory_ / name, "-d", pg().url(source)};
    argv.push_back(format == BackupFormat::kPgCustom      ? "-Fc"
                   : format == BackupFormat::kPgDirectory ? "-Fd"
                                                          : "-Fp");
    argv.insert(argv.end(), more.begin(), more.end());
    const RunResult dumped = run({.argv = argv});
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
    return {name, format, directory_ / name, 1};
  }
  OpenedRestore open() {
    auto opened = restores_.open(ref(live_), kUid);
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  postgres::RestoreNames names() const { return postgres::restore_names(live_, kUid); }
  static std::string databases_like(const std::string& start) {
    return pg().psql("postgres",
                     "select coalesce(string_agg(datname, ' ' order by datname), '') "
                     "from pg_database where datname like '" +
                         start + "%'");
  }

  TempDir directory_;
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresRestores restores_{runner_, clock_};
  std::string live_;
};

TEST_F(PostgresRestore, RestoresCustomDirectoryAndPlainDumps) {
  for (const BackupFormat format :
       {BackupFormat::kPgCustom, BackupFormat::kPgDirectory, BackupFormat::kPgPlain}) {
    SCOPED_TRACE(static_cast<int>(format));
    live_ = make_live();
    const Backup backup = dump("b" + std::to_string(static_cast<int>(format)), format);
    OpenedRestore restore = open();
    ASSERT_OK(restore.target->load(backup, {}));
    const auto counted = restore.target->count({});
    ASSERT_OK(counted);
    EXPECT_EQ(*counted, (std::vector<TableRows>{{"app.orders", 500}, {"public.users", 3}}));
    ASSERT_OK(restore.target->swap({}));
    EXPECT_EQ(users(live_), "ann,bob,cid");
    EXPECT_EQ(pg().psql(live_, "select count(*) from app.orders where note like E'tab\\t%'"),
              "500");
    EXPECT_EQ(users(names().previous), "old1,old2");
  }
}

TEST_F(PostgresRestore, ATruncatedPlainDumpIsRefusedBeforeAnythingIsMade) {
  const Backup backup = dump("cut.sql", BackupFormat::kPgPlain);
  std::filesystem::resize_file(backup.path, std::filesystem::file_size(backup.path) * 3 / 4);
  OpenedRestore restore = open();
  const Status refused = restore.target->load(backup, {});
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), testing::HasSubstr("cut short"));
  EXPECT_EQ(databases_like(names().side), "");
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, ACorruptCustomDumpSaysWhatPgRestoreSaid) {
  const Backup backup = dump("corrupt.dump", BackupFormat::kPgCustom);
  std::string content = read_file(backup.path);
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(content.size()) / 2, content.end(), 'x');
  write_file(backup.path, content);
  OpenedRestore restore = open();
  const Status failed = restore.target->load(backup, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("pg_restore of backup corrupt.dump failed: "));
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, APlainDumpCannotReachBeyondTheSideDatabase) {
  for (const std::string& line : {"\\connect " + live_, std::string("\\! touch /tmp/x"),
                                  std::string("\\i /etc/passwd"), std::string("\\o |cat")}) {
    SCOPED_TRACE(line);
    write_file(directory_ / "evil.sql",
               "create table users (name text);\n" + line + "\ndrop table users;\n");
    const Status refused =
        open().target->load({"evil.sql", BackupFormat::kPgPlain, directory_ / "evil.sql", 1}, {});
    EXPECT_CODE(refused, StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.message(), testing::HasSubstr("evil.sql line 2"));
  }
  // In the middle of a line only psql itself can tell.
  write_file(directory_ / "hidden.sql", "select 1 \\! touch " + (directory_ / "touched") + "\n");
  EXPECT_FALSE(
      open()
          .target->load({"hidden.sql", BackupFormat::kPgPlain, directory_ / "hidden.sql", 1}, {})
          .ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "touched"));
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, APlainDumpThatFailsHalfwayLeavesNothingLoaded) {
  write_file(directory_ / "half.sql", "create table users (name text);\nselect 1/0;\n");
  OpenedRestore restore = open();
  const Status failed =
      restore.target->load({"half.sql", BackupFormat::kPgPlain, directory_ / "half.sql", 1}, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("division by zero"));
  EXPECT_FALSE(restore.target->read()->side_complete);
}

TEST_F(PostgresRestore, CarriesOverWhatBelongsToTheDatabase) {
  pg().psql("postgres",
            "do $$ begin if not exists (select from pg_roles where rolname = 'clerk') "
            "then create role clerk; create role \"Boss\"; end if; end $$");
  pg().psql("postgres", "alter database " + live_ + " owner to \"Boss\"; alter database " + live_ +
                            " set search_path = \"$user\", app, public; alter database " + live_ +
                            " set work_mem = '7MB'; alter database " + live_ +
                            " set app.tenant = 'it''s me'; alter role clerk in database " + live_ +
                            " set statement_timeout = '5s'; alter database " + live_ +
                            " connection limit 17; revoke connect on database " + live_ +
                            " from public; grant connect on database " + live_ +
                            " to clerk with grant option; comment on database " + live_ +
                            " is 'the shop'");
  const auto properties = [](const std::string& database) {
    return pg().psql("postgres",
                     "select pg_get_userbyid(datdba), datconnlimit, (select string_agg(setrole || "
                     "':' || c, ';' order by setrole, c) from pg_db_role_setting, "
                     "unnest(setconfig) c where setdatabase = d.oid), (select string_agg(grantee "
                     "|| privilege_type || is_grantable, ';' order by grantee, privilege_type) "
                     "from aclexplode(datacl)), datcollate, encoding, datallowconn from "
                     "pg_database d where datname = '" +
                         database + "'");
  };
  const std::string before = properties(live_);
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(live_), "ann,bob,cid");
  EXPECT_EQ(properties(live_), before);
  EXPECT_THAT(pg().psql("postgres",
                        "select shobj_description(oid, 'pg_database') from "
                        "pg_database where datname = '" +
                            live_ + "'"),
              testing::StartsWith("the shop\nripcord: uid="));
}

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

TEST_F(PostgresRestore, AServerThatIsAwayIsUnavailable) {
  DatabaseRef nowhere;
  nowhere.url = "postgresql://postgres@127.0.0.1:" + std::to_string(free_port()) + "/shop";
  auto opened = restores_.open(nowhere, kUid);
  ASSERT_OK(opened);
  EXPECT_CODE(opened->target->read(), StatusCode::kUnavailable);
}

TEST(SecretlessConninfo, AddsOptionsToThoseOfTheUrlAndKeepsThePasswordToItself) {
  const auto added = postgres::secretless_conninfo(
      "postgresql://ann:s3cret@db/shop?options=-c%20geqo%3Doff", "side", "-c jit=off");
  ASSERT_OK(added);
  EXPECT_THAT(*added, testing::HasSubstr("options='-c geqo=off -c jit=off'"));
  EXPECT_THAT(*added, testing::HasSubstr("dbname='side'"));
  EXPECT_THAT(*added, testing::Not(testing::HasSubstr("s3cret")));
}

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
