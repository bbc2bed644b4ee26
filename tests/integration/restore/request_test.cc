// SPDX-License-Identifier: Apache-2.0
// Requests over SQLite with manifests: damage, what was written since, the way back.
#include "tests/integration/restore/held_loads.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/integration/restore/sqlite_requests.h"

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(RestoreRequests, ABackupOfOurOwnComesBackProven) {
  execute("delete from users where name = 'ann'; insert into users (name) values ('x'), ('y')");
  clock_.advance(minutes(10));
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  EXPECT_EQ(users(), "4");
  const RestoreRequestStatus status = requests_.status();
  EXPECT_TRUE(status.source->manifest);
  EXPECT_EQ(status.rows_since_backup, 1);
  EXPECT_DOUBLE_EQ(*status.rpo_seconds, 600);
  EXPECT_DOUBLE_EQ(*status.rto_seconds, 0);  // nobody slept on this clock
}

TEST_F(RestoreRequests, TheRequestRunsFromItsApprovalToTheSwap) {
  requests_.spec.approval.reset();
  requests_.create();
  requests_.reconcile();
  clock_.advance(hours(5));
  requests_.edit([](RestoreRequestSpec& spec) {
    spec.approval = RestoreApproval{"monday", "bob"};
  });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored");
  EXPECT_DOUBLE_EQ(*requests_.status().rto_seconds, 0);
}

TEST_F(RestoreRequests, TheTimeThatTheRestoreTookAndTheAgeOfItsBackupAreMeasured) {
  HeldLoads slow(restores_, [this] {
    clock_.advance(seconds(90));
    return ok_status();
  });
  RequestFixture requests(slow, clock_);
  requests.spec.database = live_;
  requests.spec.catalog_directory = catalog_;
  clock_.advance(minutes(10));
  requests.create();
  requests.reconcile();
  EXPECT_DOUBLE_EQ(*requests.status().rto_seconds, 90);
  EXPECT_DOUBLE_EQ(*requests.status().rpo_seconds, 690);
  EXPECT_DOUBLE_EQ(requests.metrics.values["ripcord_restore_rto_seconds default undo"], 90);
  EXPECT_DOUBLE_EQ(requests.metrics.values["ripcord_restore_rpo_seconds default undo"], 690);
  requests.forget("other");
  EXPECT_TRUE(requests.metrics.values.contains("ripcord_restore_rpo_seconds default undo"));
  requests.forget("default");
  EXPECT_FALSE(requests.metrics.values.contains("ripcord_restore_rpo_seconds default undo"));
  EXPECT_FALSE(requests.metrics.values.contains("ripcord_restore_rto_seconds default undo"));
}

TEST_F(RestoreRequests, ShowsWhatWouldBeLostBeforeItIsApproved) {
  execute(
      "insert into users (name) values ('x'), ('y'); create table fresh (a); insert into fresh "
      "values (1)");
  requests_.spec.approval.reset();
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "ApprovalRequired");
  EXPECT_EQ(requests_.status().rows_since_backup, 3);
  const auto& tables = requests_.status().tables;
  const auto shown = std::find_if(tables.begin(), tables.end(),
                                  [](const TableRows& table) { return table.table == "users"; });
  ASSERT_NE(shown, tables.end());
  EXPECT_EQ(shown->rows, 4);
  EXPECT_EQ(shown->live_rows, 6);
  EXPECT_THAT(
      requests_.ready_message(),
      testing::EndsWith("; now the live database has 3 rows more than the backup, and other "
                        "rows in users, fresh"));
}

TEST_F(RestoreRequests, ShowsThatRowsWereChangedThoughTheyAreAsMany) {
  execute("update users set ratio = 0.2 where name = 'ann'");
  requests_.spec.approval.reset();
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.status().rows_since_backup, 0);
  EXPECT_EQ(requests_.status().tables,
            (std::vector<TableRows>{{"users", 4, 4, true}, {"odd \"name", 3, 3, false}}));
  const std::string since = "; now the live database has other rows in users";
  EXPECT_THAT(requests_.ready_message(), testing::EndsWith(since));
  requests_.reconcile();
  EXPECT_THAT(requests_.ready_message(), testing::EndsWith(since));
}

TEST_F(RestoreRequests, AnotherBackupIsNotAskedForWithWhatWasFoundBesideTheFirst) {
  execute("update users set ratio = 0.2 where name = 'ann'");
  requests_.spec.approval.reset();
  requests_.create();
  requests_.reconcile();
  std::filesystem::remove(manifest_path(take("tuesday")));
  requests_.edit([](RestoreRequestSpec& spec) { spec.backup = "tuesday"; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "ApprovalRequired");
  EXPECT_THAT(requests_.ready_message(), testing::EndsWith("spec.approval.backup: tuesday"));
  EXPECT_THAT(requests_.status().tables, testing::IsEmpty());
}

TEST_F(RestoreRequests, EveryDamageIsFoundBeforeAnythingIsLoaded) {
  const std::string whole = read_file(backup_);
  const std::string manifest = read_file(manifest_path(backup_));
  for (const std::size_t length : {whole.size() / 2, whole.size() - 1}) {
    write_file(backup_, whole.substr(0, length));
    expect_found("CorruptBackup");
  }
  for (std::size_t at = 100; at < whole.size(); at += 997) {
    SCOPED_TRACE(at);
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    write_file(backup_, flipped);
    expect_found("CorruptBackup");
  }
  write_file(backup_, whole);
  write_file(manifest_path(backup_), manifest.substr(0, manifest.size() - 20));
  expect_found("BadManifest");
  write_file(manifest_path(backup_), manifest);
  change_manifest(backup_, [](BackupManifest& m) { m.contents.tables[1].sum = "1"; });
  expect_found("ContentsDiffer");
  change_manifest(backup_, [](BackupManifest& m) { m.contents.tables[1].schema = "1"; });
  expect_found("ContentsDiffer");
  change_manifest(backup_, [](BackupManifest& m) { m.engine = Engine::kPostgreSql; });
  expect_found("WrongBackupFormat");
}

TEST_F(RestoreRequests, ABackupIsWholeOrNotThereWhereverItIsKilled) {
  const auto points = std::make_shared<int>(0);
  sqlite::SqliteBackups counted(clock_, counting(points));
  ASSERT_OK(take_backup(counted, live_, catalog_, "first", BackupFormat::kSqliteFile, clock_,
                        counting(points)));
  ASSERT_GT(*points, 5);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    const std::string name = "b" + std::to_string(point);
    const int ended = run_forked([&] {
      const Trace dying = dying_at(point);
      sqlite::SqliteBackups source(clock_, dying);
      return take_backup(source, live_, catalog_, name, BackupFormat::kSqliteFile, clock_, dying)
                 ? 0
                 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto found = BackupDirectory().find(catalog_, name);
    if (found) {
      EXPECT_OK(BackupDirectory().check(*found, {}));
    } else {
      take(name);
    }
  }
  take("last");
  for (const auto& entry : std::filesystem::directory_iterator(catalog_)) {
    EXPECT_NE(entry.path().filename().string().front(), '.') << entry.path();
  }
}

TEST_F(RestoreRequests, GoesBackWithAnApprovalOfItsOwn) {
  execute("insert into users (name) values ('late')");
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(users(), "4");
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = true; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "ApprovalRequired");
  EXPECT_THAT(requests_.ready_message(), testing::HasSubstr("spec.approval.revert: true"));
  EXPECT_EQ(users(), "4");
  requests_.edit([](RestoreRequestSpec& spec) {
    spec.approval->revert = true;
    spec.approval->backup = "sunday";
  });
  requests_.reconcile();
  EXPECT_EQ(users(), "4");
  requests_.edit([](RestoreRequestSpec& spec) { spec.approval->backup = "monday"; });
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(hours(24)));
  EXPECT_EQ(users(), "5");
  const RestoreRequestStatus status = requests_.status();
  EXPECT_EQ(status.phase, RestorePhase::kReverted);
  EXPECT_EQ(requests_.ready_reason(), "Reverted");
  EXPECT_TRUE(std::filesystem::exists(status.side_database));
  EXPECT_EQ(status.previous_database, "");
  EXPECT_EQ(status.history[0].reason, "Reverted");
  requests_.reconcile();
  EXPECT_EQ(users(), "5");
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = false; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "AlreadyReverted");
  EXPECT_EQ(users(), "5");
  clock_.advance(hours(24));
  requests_.reconcile();
  EXPECT_FALSE(std::filesystem::exists(status.side_database));
  EXPECT_EQ(requests_.status().side_database, "");
  requests_.reconcile();
  EXPECT_EQ(users(), "5");
}

TEST_F(RestoreRequests, GoesBackOnceEvenWhenItsStatusIsLost) {
  requests_.create();
  requests_.reconcile();
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = spec.approval->revert = true; });
  requests_.lose_status();
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(std::chrono::milliseconds(1)));
  requests_.reconcile();
  EXPECT_EQ(requests_.status().phase, RestorePhase::kReverted);
  execute("insert into users (name) values ('since')");
  requests_.lose_status();
  requests_.reconcile();
  EXPECT_EQ(requests_.status().phase, RestorePhase::kReverted);
  EXPECT_EQ(users(), "5");
}

TEST_F(RestoreRequests, HasNothingToGoBackToBeforeItRestoredOrWhenItsTimeIsOver) {
  requests_.spec.revert = requests_.spec.approval->revert = true;
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "NothingToRevert");
  EXPECT_EQ(requests_.status().phase, RestorePhase::kPending);
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = false; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored");
  clock_.advance(hours(25));
  requests_.reconcile();
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = true; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "NothingToRevert");
  EXPECT_EQ(users(), "4");
}

}  // namespace
}  // namespace ripcord
