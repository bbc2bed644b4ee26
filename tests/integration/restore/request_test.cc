// SPDX-License-Identifier: Apache-2.0
// Requests over SQLite with manifests: damage, the way back, drills on a simulated clock.
#include "adapters/sqlite/backup_source.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_databases.h"
#include "controller/base/time_text.h"
#include "tests/integration/restore/request_fixture.h"
#include "tests/integration/restore/restore_driver.h"

#include <cstring>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class RestoreRequests : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(catalog_);
    execute(
        "create table users (id integer primary key, name text, ratio real, raw blob); create "
        "table \"odd \"\"name\" (x); create view v as select name from users; create index i on "
        "users (name); insert into users (name, ratio, raw) values ('ann', 0.1, x'00ff'), "
        "('bob', null, ''), ('same', 1, null), ('same', 1, null); insert into \"odd \"\"name\" "
        "values (1), ('1'), (1.5)");
    requests_.spec.database = live_;
    requests_.spec.catalog_directory = catalog_;
    backup_ = take("monday");
  }
  static DatabaseRef file(const std::string& path) {
    DatabaseRef ref;
    ref.engine = Engine::kSqlite;
    ref.path = path;
    return ref;
  }
  std::string take(const std::string& name) {
    sqlite::SqliteBackups source(clock_);
    const auto path = take_backup(source, live_, catalog_, name, BackupFormat::kSqliteFile, clock_);
    EXPECT_OK(path);
    return path.value_or("");
  }
  void execute(const std::string& sql) {
    auto connection = sqlite::Connection::open(live_.path, sqlite::OpenMode::kCreate);
    ASSERT_OK(connection);
    ASSERT_OK(connection->execute(sql));
  }
  std::string users() {
    auto connection = sqlite::Connection::open(live_.path, sqlite::OpenMode::kReadOnly);
    return connection->query("select count(*) from users")->rows.at(0).at(0).value_or("?");
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), {}));
  }
  void expect_found(const std::string& reason) {
    const std::size_t before = files();
    requests_.create();
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), reason) << requests_.ready_message();
    EXPECT_EQ(files(), before);
    EXPECT_EQ(users(), "4");
    requests_.remove();
  }
  void drill_hourly() {
    requests_.spec.mode = RestoreMode::kDrill;
    requests_.spec.schedule = "0 * * * *";
    requests_.spec.approval.reset();
  }
  Duration wait_of(const Outcome& outcome) {
    const auto* later = std::get_if<RequeueAfter>(&outcome);
    return later == nullptr ? Duration(-1) : later->delay.value_or(Duration(-1));
  }
  const Condition* drill_passed() {
    status_ = requests_.status();
    return status_.conditions.find("DrillPassed");
  }
  double metric(const std::string& name) {
    const auto found = requests_.metrics.values.find(name + " default undo");
    return found == requests_.metrics.values.end() ? -1 : found->second;
  }

  TempDir directory_;
  const std::string catalog_ = directory_ / "catalog";
  const DatabaseRef live_ = file(directory_ / "shop.db");
  SimulatedClock clock_;  // at 12:00
  sqlite::SqliteRestores restores_{clock_};
  RequestFixture requests_{restores_, clock_};
  RestoreRequestStatus status_;
  std::string backup_;
};

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

TEST_F(RestoreRequests, DrillsWhenTheyAreDueAndNotBefore) {
  drill_hourly();
  requests_.create();
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(hours(1)));
  EXPECT_EQ(requests_.ready_reason(), "DrillScheduled");
  EXPECT_FALSE(requests_.status().last_drill);
  clock_.advance(minutes(59));
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(minutes(1)));
  EXPECT_FALSE(requests_.status().last_drill);
  clock_.advance(minutes(1));
  const std::size_t before = files();
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(hours(1)));
  const auto first = requests_.status().last_drill;
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->passed);
  EXPECT_EQ(first->backup, "monday");
  EXPECT_DOUBLE_EQ(*first->rpo_seconds, 3600);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(requests_.ready_reason(), "DrillSucceeded");
  EXPECT_EQ(drill_passed()->status, ConditionState::kTrue);
  EXPECT_EQ(metric("ripcord_restore_drill_passed"), 1);
  clock_.advance(minutes(30));
  requests_.reconcile();
  EXPECT_EQ(metric("ripcord_restore_drill_age_seconds"), 1800);
  EXPECT_EQ(metric("ripcord_restore_drill_overdue_seconds"), 0);
  EXPECT_EQ(requests_.status().last_drill, first);
  // Many that were missed are made up for once.
  clock_.advance(hours(72));
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(minutes(30)));
  EXPECT_EQ(requests_.status().history.size(), 2U);
}

TEST_F(RestoreRequests, ADrillThatFailsSaysSoAndIsTriedAgainWhenDue) {
  drill_hourly();
  requests_.create();
  requests_.reconcile();
  const std::string whole = read_file(backup_);
  std::string flipped = whole;
  flipped[200] = static_cast<char>(flipped[200] ^ 1);
  write_file(backup_, flipped);
  clock_.advance(hours(1));
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(hours(1)));
  EXPECT_EQ(requests_.ready_reason(), "CorruptBackup");
  EXPECT_TRUE(requests_.status().conditions.is_true(kStalled));
  ASSERT_NE(drill_passed(), nullptr);
  EXPECT_EQ(drill_passed()->status, ConditionState::kFalse);
  EXPECT_EQ(drill_passed()->reason, "CorruptBackup");
  EXPECT_EQ(metric("ripcord_restore_drill_passed"), 0);
  EXPECT_FALSE(
      requests_.metrics.values.contains("ripcord_rollbacks_total restore_request spec "
                                        "failed"));  // took nothing back
  clock_.advance(minutes(1));
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "CorruptBackup");
  write_file(backup_, whole);
  clock_.advance(minutes(59));
  requests_.reconcile();
  EXPECT_EQ(drill_passed()->status, ConditionState::kTrue);
  EXPECT_EQ(requests_.ready_reason(), "DrillSucceeded");
}

TEST_F(RestoreRequests, ABackupThatIsNotThereFailsAScheduledDrill) {
  drill_hourly();
  requests_.spec.backup = "friday";
  requests_.create();
  requests_.reconcile();
  clock_.advance(hours(1));
  requests_.reconcile();
  ASSERT_TRUE(requests_.status().last_drill);
  EXPECT_EQ(requests_.status().last_drill->reason, "BackupNotFound");
  EXPECT_EQ(metric("ripcord_restore_drill_passed"), 0);
}

TEST_F(RestoreRequests, ADrillMissesATargetByTheAgeOfItsBackup) {
  drill_hourly();
  requests_.spec.targets.rpo = minutes(90);
  requests_.create();
  requests_.reconcile();
  clock_.advance(hours(1));
  requests_.reconcile();
  EXPECT_EQ(drill_passed()->status, ConditionState::kTrue);
  clock_.advance(hours(1));
  const std::size_t before = files();
  requests_.reconcile();
  EXPECT_EQ(drill_passed()->reason, "TargetMissed");
  EXPECT_THAT(drill_passed()->message, testing::HasSubstr("7200 s old"));
  EXPECT_EQ(files(), before);
}

TEST_F(RestoreRequests, ADrillOfTheLatestBackupTakesTheNewest) {
  drill_hourly();
  requests_.spec.backup = "Latest";
  requests_.spec.targets.rpo = minutes(90);
  requests_.create();
  requests_.reconcile();
  clock_.advance(hours(1));
  requests_.reconcile();
  EXPECT_EQ(requests_.status().last_drill->backup, "monday.db");
  clock_.advance(minutes(30));
  take("tuesday");
  clock_.advance(minutes(30));
  requests_.reconcile();
  EXPECT_EQ(requests_.status().last_drill->backup, "tuesday.db");
  EXPECT_TRUE(requests_.status().last_drill->passed);
  EXPECT_EQ(requests_.status().source->name, "tuesday.db");
}

TEST_F(RestoreRequests, AnotherScheduleCountsFromNow) {
  drill_hourly();
  requests_.create();
  requests_.reconcile();
  requests_.edit([](RestoreRequestSpec& spec) { spec.schedule = "0 3 * * *"; });
  EXPECT_EQ(wait_of(requests_.reconcile()), Duration(hours(15)));
  EXPECT_EQ(format_time(*requests_.status().next_drill_at), "2024-01-16T03:00:00Z");
}

TEST_F(RestoreRequests, ADrillThatWasKilledGoesOnAndIsNoSecondOne) {
  drill_hourly();
  requests_.create();
  requests_.reconcile();
  clock_.advance(hours(1));
  // As it was when the process died: loaded, and not counted yet.
  const std::size_t before = files();
  auto opened = restores_.open(live_, requests_.uid());
  ASSERT_OK(opened);
  const auto backup = BackupDirectory().find(catalog_, "monday");
  ASSERT_OK(backup);
  ASSERT_OK(opened->target->load(*backup, {}));
  requests_.change_status([&](RestoreRequestStatus& status) {
    status.phase = RestorePhase::kLoading;
    status.requested_at = clock_.wall_now();
    status.source = RestoreSource{"monday", true, {}, backup->taken_at};
  });
  execute("insert into users (name) values ('late')");
  requests_.reconcile();
  EXPECT_TRUE(requests_.status().last_drill->passed);
  EXPECT_EQ(requests_.status().history.size(), 1U);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(users(), "5");
  requests_.reconcile();
  EXPECT_EQ(requests_.status().history.size(), 1U);
}

// Holds the load until a status with progress was published.
class SlowLoads final : public RestoreDatabases {
 public:
  explicit SlowLoads(RestoreDatabases& real) : real_(real) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override {
    ASSIGN_OR_RETURN(OpenedRestore opened, real_.open(order));
    opened.target = std::make_unique<Target>(std::move(opened.target), seen);
    return opened;
  }
  std::function<bool()> seen;

 private:
  class Target final : public RestoreTarget {
   public:
    Target(std::unique_ptr<RestoreTarget> real, const std::function<bool()>& seen)
        : real_(std::move(real)), seen_(seen) {}
    Result<RestoreState> read() override { return real_->read(); }
    Status load(const Backup& backup, std::stop_token stop) override {
      RETURN_IF_ERROR(real_->load(backup, stop));
      return eventually(seen_) ? ok_status() : Status(StatusCode::kInternal, "no progress shown");
    }
    Result<std::vector<TableRows>> count(std::stop_token stop) override {
      return real_->count(stop);
    }
    Result<std::int64_t> query(const std::string& sql, std::stop_token stop) override {
      return real_->query(sql, stop);
    }
    Result<SwapReport> swap(std::stop_token stop) override { return real_->swap(stop); }

   private:
    std::unique_ptr<RestoreTarget> real_;
    const std::function<bool()>& seen_;
  };

  RestoreDatabases& real_;
};

TEST_F(RestoreRequests, ShowsHowFarTheLoadIs) {
  SlowLoads slow(restores_);
  RequestFixture requests(slow, clock_);
  requests.spec.database = live_;
  requests.spec.catalog_directory = catalog_;
  std::optional<RestoreProgress> shown;
  slow.seen = [&] {
    shown = requests.status().progress;
    return shown.has_value();
  };
  requests.create();
  requests.reconcile();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->phase, "Load");
  EXPECT_EQ(shown->bytes, shown->bytes_total);
  EXPECT_GT(shown->bytes, 0);
  EXPECT_EQ(shown->rows_total, 7);
  EXPECT_TRUE(shown->eta_seconds);
  EXPECT_EQ(requests.ready_reason(), "Restored");
  EXPECT_FALSE(requests.status().progress);
  EXPECT_FALSE(requests.metrics.values.contains("ripcord_restore_progress_ratio default undo"));
}

TEST_F(RestoreRequests, ADrillThatCannotReachItsTargetFailsInsteadOfTryingForEver) {
  class Unreachable final : public RestoreDatabases {
   public:
    explicit Unreachable(RestoreDatabases& real) : real_(real) {}
    using RestoreDatabases::open;
    Result<OpenedRestore> open(const RestoreOrder& order) override {
      ASSIGN_OR_RETURN(OpenedRestore opened, real_.open(order));
      opened.checks = std::make_unique<Checks>();
      return opened;
    }

   private:
    class Checks final : public RestoreChecks {
     public:
      Status preflight(const Backup&, std::stop_token) override {
        return {StatusCode::kUnavailable, "the server does not answer", "ConnectFailed"};
      }
      Result<SurveyedDatabase> survey(std::stop_token) override { return SurveyedDatabase{}; }
      Result<std::vector<TableRows>> count_live(std::stop_token) override {
        return std::vector<TableRows>{};
      }
    };
    RestoreDatabases& real_;
  };
  Unreachable unreachable(restores_);
  RequestFixture requests(unreachable, clock_);
  drill_hourly();
  requests.spec = requests_.spec;
  requests.spec.targets.rto = minutes(30);
  requests.create();
  requests.reconcile();
  clock_.advance(hours(1));
  requests.reconcile();
  EXPECT_EQ(requests.ready_reason(), "ConnectFailed");
  EXPECT_FALSE(requests.status().last_drill);
  clock_.advance(minutes(20));
  requests.reconcile();
  EXPECT_FALSE(requests.status().last_drill);
  clock_.advance(minutes(11));
  requests.reconcile();
  ASSERT_TRUE(requests.status().last_drill);
  EXPECT_FALSE(requests.status().last_drill->passed);
  EXPECT_EQ(requests.status().last_drill->reason, "ConnectFailed");
}

}  // namespace
}  // namespace ripcord
