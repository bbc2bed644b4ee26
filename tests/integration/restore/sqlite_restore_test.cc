// SPDX-License-Identifier: Apache-2.0
// Restores of SQLite files: open readers and busy writers, damage, and kill -9 at every point.
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_lock.h"
#include "adapters/sqlite/restore_databases.h"
#include "adapters/sqlite/restore_site.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/support/process.h"

#include <atomic>
#include <thread>

namespace ripcord {
namespace {

constexpr const char* kUid = "0a1b2c3d-4e5f-6789";

class SqliteRestore : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    make("live.db", {"old1", "old2"}, GetParam());
    make("monday.db", {"ann", "bob", "cid"}, "delete");
    backup_ = {"monday", BackupFormat::kSqliteFile, directory_ / "monday.db", 1};
    ref_.engine = Engine::kSqlite;
    ref_.path = directory_ / "live.db";
  }
  void make(const std::string& name, const std::vector<std::string>& users, const std::string& mode,
            const std::string& before = "select 1") {
    std::filesystem::remove(directory_ / name);
    auto connection = sqlite::Connection::open(directory_ / name, sqlite::OpenMode::kCreate);
    ASSERT_OK(connection);
    ASSERT_OK(connection->execute(before));
    ASSERT_OK(connection->query("pragma journal_mode = " + mode));
    ASSERT_OK(connection->execute("create table users (name text primary key)"));
    for (const auto& user : users) {
      ASSERT_OK(connection->query("insert into users values (?1)", {user}));
    }
  }
  static std::string users(const std::string& path) {
    auto connection = sqlite::Connection::open(path, sqlite::OpenMode::kReadOnly);
    EXPECT_OK(connection);
    return users(*connection);
  }
  static std::string users(sqlite::Connection& connection) {
    const auto rows = connection.query(
        "select coalesce(group_concat(name, ','), '') from (select name from users order by name)");
    EXPECT_OK(rows);
    return rows ? rows->rows.at(0).at(0).value_or("") : "?";
  }
  OpenedRestore open() {
    auto opened = restores_.open(ref_, kUid);
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("live.db") && !name.ends_with("-shm") && !name.ends_with("-wal")) {
        names.push_back(name);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempDir directory_;
  SystemClock clock_;
  sqlite::SqliteRestores restores_{clock_};
  DatabaseRef ref_;
  Backup backup_;
};

TEST_P(SqliteRestore, AnOpenConnectionSeesTheNewContentAndKeepsItsJournalMode) {
  auto reader = sqlite::Connection::open(ref_.path, sqlite::OpenMode::kReadWrite);
  ASSERT_OK(reader);
  EXPECT_EQ(users(*reader), "old1,old2");
  ASSERT_OK(drive(restores_, ref_, kUid, backup_));
  EXPECT_EQ(users(*reader), "ann,bob,cid");
  EXPECT_EQ(reader->query("pragma journal_mode")->rows.at(0).at(0).value_or(""), GetParam());
  ASSERT_OK(reader->execute("insert into users values ('dan')"));
  EXPECT_EQ(users(ref_.path), "ann,bob,cid,dan");
  EXPECT_EQ(reader->query("pragma integrity_check")->rows.at(0).at(0).value_or(""), "ok");
}

TEST_P(SqliteRestore, AReaderInATransactionKeepsTheOldContentOrHoldsTheSwapUp) {
  auto reader = sqlite::Connection::open(ref_.path, sqlite::OpenMode::kReadOnly);
  ASSERT_OK(reader);
  ASSERT_OK(reader->execute("begin"));
  EXPECT_EQ(users(*reader), "old1,old2");
  sqlite::SqliteRestores impatient(clock_, {std::chrono::milliseconds(1), {}});
  OpenedRestore restore = std::move(*impatient.open(ref_, kUid));
  ASSERT_OK(restore.target->load(backup_, {}));
  const auto swapped = restore.target->swap({});
  EXPECT_EQ(users(*reader), "old1,old2");
  if (GetParam() == "wal") {
    ASSERT_OK(swapped);
  } else {
    EXPECT_CODE(swapped, StatusCode::kUnavailable);
    EXPECT_TRUE(restore.target->read()->side_complete);
    EXPECT_FALSE(restore.target->read()->swap_interrupted);
  }
  ASSERT_OK(reader->execute("commit"));
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(*reader), "ann,bob,cid");
}

TEST_P(SqliteRestore, WaitsForAnotherControllerAndSaysWhichProcess) {
  sqlite::SqliteRestores impatient(clock_, {std::chrono::milliseconds(1), {}});
  OpenedRestore restore = std::move(*impatient.open(ref_, kUid));
  ASSERT_OK(restore.target->load(backup_, {}));
  {
    const auto held = sqlite::FileLock::acquire(sqlite::database_lock_file(ref_.path),
                                                std::chrono::seconds(1), clock_, {});
    ASSERT_OK(held);
    const auto swapped = restore.target->swap({});
    EXPECT_CODE(swapped, StatusCode::kUnavailable);
    EXPECT_EQ(status_of(swapped).reason(), "Locked");
    EXPECT_THAT(status_of(swapped).message(),
                testing::HasSubstr("process " + std::to_string(::getpid())));
    EXPECT_EQ(users(ref_.path), "old1,old2");
  }
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(ref_.path), "ann,bob,cid");
}

TEST_P(SqliteRestore, NoWriteOfABusyClientIsLost) {
  std::atomic<int> acknowledged = 0;
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  {
    std::jthread writer([&](const std::stop_token& stop) {
      auto connection = sqlite::Connection::open(ref_.path, sqlite::OpenMode::kReadWrite);
      for (int i = 0; connection && !stop.stop_requested(); ++i) {
        if (connection->query("insert into users values (?1)", {"w" + std::to_string(i)})) {
          ++acknowledged;
        }
      }
    });
    ASSERT_TRUE(eventually([&] { return acknowledged > 10; }));
    ASSERT_OK(restore.target->swap({}));
    const int at_swap = acknowledged;
    EXPECT_TRUE(eventually([&] { return acknowledged > at_swap + 10; }));
  }
  const auto count = [](const std::string& path) {
    auto connection = sqlite::Connection::open(path, sqlite::OpenMode::kReadOnly);
    const auto rows = connection->query("select count(*) from users where name like 'w%'");
    return std::stoi(rows->rows.at(0).at(0).value_or("0"));
  };
  EXPECT_EQ(count(ref_.path) + count(restore.target->read()->previous_name), acknowledged);
}

TEST_P(SqliteRestore, ABackupOfAnotherPageSizeIsTakenOver) {
  make("monday.db", {"ann"}, "delete", "pragma page_size = 8192");
  ASSERT_OK(drive(restores_, ref_, kUid, backup_));
  EXPECT_EQ(users(ref_.path), "ann");
}

TEST_P(SqliteRestore, ADamagedBackupSaysSo) {
  auto connection = sqlite::Connection::open(backup_.path, sqlite::OpenMode::kReadWrite);
  ASSERT_OK(connection->execute(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) insert into "
      "users select 'some longer name to fill pages ' || i from n"));
  const auto size = std::filesystem::file_size(backup_.path);
  std::string content = read_file(backup_.path);
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(size / 2),
            content.begin() + static_cast<std::ptrdiff_t>(size / 2 + 9000), 'x');
  write_file(backup_.path, content);
  const Status failed = open().target->load(backup_, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("monday is damaged"));
  EXPECT_EQ(users(ref_.path), "old1,old2");
}

TEST_P(SqliteRestore, ABackupWithAWalBesideItIsNoBackup) {
  write_file(backup_.path + "-wal", "something");
  const Status failed = open().target->load(backup_, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("-wal"));
}

TEST_P(SqliteRestore, WithoutRoomNothingIsMade) {
  const std::vector<std::string> before = files();
  backup_.bytes = std::int64_t{1} << 60;
  const Status failed = open().target->load(backup_, {});
  EXPECT_CODE(failed, StatusCode::kResourceExhausted);
  EXPECT_EQ(failed.reason(), "DiskFull");
  EXPECT_EQ(files(), before);
}

TEST_P(SqliteRestore, PutsAFileBackThatIsGone) {
  std::filesystem::remove(ref_.path);
  ASSERT_OK(drive(restores_, ref_, kUid, backup_));
  EXPECT_EQ(users(ref_.path), "ann,bob,cid");
  EXPECT_EQ(open().target->read()->previous_name, "");
}

TEST_P(SqliteRestore, EndsTheSameWhereverItIsKilled) {
  const auto points = std::make_shared<int>(0);
  sqlite::SqliteRestores counted(clock_, {std::chrono::seconds(30), counting(points)});
  ASSERT_OK(drive(counted, ref_, kUid, backup_));
  const std::vector<std::string> undisturbed = files();
  ASSERT_GT(*points, 12);
  bool crashed_after_the_copy = false;
  for (int point = 1; point <= *points; ++point) {
    for (const bool client_writes : {false, true}) {
      SCOPED_TRACE(testing::Message() << "point " << point << ", client writes " << client_writes);
      for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        if (entry.path().filename().string().starts_with("live.db")) {
          std::filesystem::remove(entry.path());
        }
      }
      make("live.db", {"old1", "old2"}, GetParam());
      const int ended = run_forked([&] {
        sqlite::SqliteRestores dying(clock_, {std::chrono::seconds(30), dying_at(point)});
        return drive(dying, ref_, kUid, backup_).ok() ? 0 : 1;
      });
      ASSERT_EQ(ended, 128 + SIGKILL);
      const bool in_place = users(ref_.path) == "ann,bob,cid";
      EXPECT_TRUE(in_place || users(ref_.path) == "old1,old2");
      crashed_after_the_copy = crashed_after_the_copy || in_place;
      if (client_writes) {
        auto client = sqlite::Connection::open(ref_.path, sqlite::OpenMode::kReadWrite);
        ASSERT_OK(client->execute("insert into users values ('late')"));
      }
      ASSERT_OK(drive(restores_, ref_, kUid, backup_));
      EXPECT_EQ(users(ref_.path), in_place && client_writes ? "ann,bob,cid,late" : "ann,bob,cid");
      EXPECT_EQ(users(sqlite::restore_files(ref_.path, kUid).previous),
                !in_place && client_writes ? "late,old1,old2" : "old1,old2");
      EXPECT_EQ(files(), undisturbed);
    }
  }
  EXPECT_TRUE(crashed_after_the_copy);
}

TEST_P(SqliteRestore, TheWayBackEndsTheSameWhereverItIsKilled) {
  const auto points = std::make_shared<int>(0);
  ASSERT_OK(drive(restores_, ref_, kUid, backup_));
  sqlite::SqliteRestores counted(clock_, {std::chrono::seconds(30), counting(points)});
  ASSERT_OK((*counted.open(ref_, kUid)).reverse->revert({}));
  const std::vector<std::string> undisturbed = files();
  ASSERT_GT(*points, 8);
  for (int point = 1; point <= *points; ++point) {
    for (const bool client_writes : {false, true}) {
      SCOPED_TRACE(testing::Message() << "point " << point << ", client writes " << client_writes);
      for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        if (entry.path().filename().string().starts_with("live.db")) {
          std::filesystem::remove(entry.path());
        }
      }
      make("live.db", {"old1", "old2"}, GetParam());
      ASSERT_OK(drive(restores_, ref_, kUid, backup_));
      const int ended = run_forked([&] {
        sqlite::SqliteRestores dying(clock_, {std::chrono::seconds(30), dying_at(point)});
        return (*dying.open(ref_, kUid)).reverse->revert({}).has_value() ? 0 : 1;
      });
      ASSERT_EQ(ended, 128 + SIGKILL);
      const bool back = users(ref_.path) == "old1,old2";
      EXPECT_TRUE(back || users(ref_.path) == "ann,bob,cid");
      if (client_writes) {
        auto client = sqlite::Connection::open(ref_.path, sqlite::OpenMode::kReadWrite);
        ASSERT_OK(client->execute("insert into users values ('late')"));
      }
      ASSERT_OK(open().reverse->revert({}));
      EXPECT_EQ(users(ref_.path), back && client_writes ? "late,old1,old2" : "old1,old2");
      EXPECT_EQ(users(sqlite::restore_files(ref_.path, kUid).side),
                !back && client_writes ? "ann,bob,cid,late" : "ann,bob,cid");
      EXPECT_EQ(files(), undisturbed);
      EXPECT_TRUE(open().target->read()->reverted);
    }
  }
}

TEST_P(SqliteRestore, AVerificationQueryWithEndlessRowsIsRefused) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  const auto refused = restore.target->query(
      "with recursive t (n) as (select 1 union all select n + 1 from t) select n from t", {});
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().reason(), "TooManyRows");
}

INSTANTIATE_TEST_SUITE_P(JournalModes, SqliteRestore, testing::Values("wal", "delete"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace ripcord
