// SPDX-License-Identifier: Apache-2.0
// The strategy under the common reconciler, with a store, a catalog directory and SQLite databases.
#include "adapters/backupdir/backup_directory.h"
#include "adapters/memory/object_store.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_databases.h"
#include "controller/codec/codec.h"
#include "controller/strategies/restore_request.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <map>

namespace ripcord {
namespace {

using std::chrono::hours;

class QuietEvents final : public EventSink {
 public:
  void record(const Event& event) override { reasons.push_back(event.reason); }
  std::vector<std::string> reasons;
};

class SumMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    values[named(metric, labels)] += delta;
  }
  void set(const MetricDescriptor& metric, LabelValues labels, double value) override {
    values[named(metric, labels)] = value;
  }
  void observe(const MetricDescriptor& metric, LabelValues labels, double) override {
    values[named(metric, labels)] += 1;
  }
  void remove(const MetricDescriptor&, LabelValues) override {}
  std::map<std::string, double> values;

 private:
  static std::string named(const MetricDescriptor& metric, LabelValues labels) {
    std::string name(metric.name);
    for (const auto& label : labels) {
      name += " " + std::string(label);
    }
    return name;
  }
};

class RestoreStrategy : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_ / "backups");
    make("shop.db", 2);
    make("backups/monday.db", 5);
    Resource request = make_resource(Kind::kRestoreRequest, "undo");
    auto& spec = std::get<RestoreRequestSpec>(request.spec);
    spec.database.engine = Engine::kSqlite;
    spec.database.path = directory_ / "shop.db";
    spec.backup = "monday";
    spec.catalog_directory = directory_ / "backups";
    spec.approval = RestoreApproval{"monday", "alice"};
    spec.verification.queries = {{"select count(*) from users", 5, 5}};
    spec_ = spec;
  }
  void create() {
    Resource request = make_resource(Kind::kRestoreRequest, "undo");
    request.spec = spec_;
    ASSERT_OK(store_.create(request));
  }
  void make(const std::string& name, int users) {
    auto connection = sqlite::Connection::open(directory_ / name, sqlite::OpenMode::kCreate);
    ASSERT_OK(connection);
    ASSERT_OK(connection->execute("create table users (name text)"));
    for (int i = 0; i < users; ++i) {
      ASSERT_OK(connection->execute("insert into users values ('u')"));
    }
  }
  int users() {
    auto connection = sqlite::Connection::open(directory_ / "shop.db", sqlite::OpenMode::kReadOnly);
    return std::stoi(
        connection->query("select count(*) from users")->rows.at(0).at(0).value_or("-1"));
  }
  Outcome reconcile(std::stop_token stop = {}) {
    return reconciler_.reconcile({key_, "r1", std::move(stop), {}});
  }
  RestoreRequestStatus status() {
    return std::get<RestoreRequestStatus>((*store_.get(key_))->status);
  }
  std::string ready_reason() { return status().conditions.find(kReady)->reason; }
  void edit(const std::function<void(RestoreRequestSpec&)>& change) {
    Resource object = **store_.get(key_);
    change(std::get<RestoreRequestSpec>(object.spec));
    ASSERT_OK(store_.update(object));
  }
  std::size_t files() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), {}));
  }

  TempDir directory_;
  const ObjectKey key_{Kind::kRestoreRequest, "default", "undo"};
  SimulatedClock clock_;
  MemoryObjectStore store_{clock_};
  QuietEvents events_;
  SumMetrics metrics_;
  BackupDirectory catalog_;
  sqlite::SqliteRestores sqlite_{clock_};
  RestoreDatabases& databases_ = sqlite_;
  RestoreRequestStrategy strategy_{{catalog_, databases_, events_, metrics_, clock_}};
  StrategyReconciler reconciler_{store_, strategy_, events_, metrics_, clock_};
  RestoreRequestSpec spec_;
};

TEST_F(RestoreStrategy, RestoresVerifiesSwapsAndReports) {
  create();
  const Outcome outcome = reconcile();
  EXPECT_EQ(users(), 5);
  const RestoreRequestStatus now = status();
  EXPECT_EQ(now.phase, RestorePhase::kCompleted);
  EXPECT_EQ(now.restored_rows, 5);
  EXPECT_GT(now.restored_bytes, 0);
  EXPECT_EQ(now.tables, (std::vector<TableRows>{{"users", 5, 2}}));
  EXPECT_EQ(now.rows_since_backup, 0);
  std::vector<std::string> phases;
  for (const auto& duration : now.durations) {
    phases.push_back(duration.phase);
  }
  EXPECT_EQ(phases, (std::vector<std::string>{"Check", "Load", "Count", "Verify", "Swap"}));
  EXPECT_TRUE(now.conditions.is_true(kReady));
  EXPECT_EQ(now.side_database, "");
  EXPECT_TRUE(std::filesystem::exists(now.previous_database));
  EXPECT_EQ(now.previous_expires_at, *now.completed_at + hours(24));
  ASSERT_EQ(now.history.size(), 1U);
  EXPECT_EQ(now.history[0].to, "monday");
  EXPECT_EQ(now.history[0].by, "alice");
  EXPECT_EQ(metrics_.values["ripcord_restored_rows_total"], 5);
  EXPECT_EQ(metrics_.values["ripcord_rollback_duration_seconds restore_request spec succeeded"], 1);
  EXPECT_EQ(metrics_.values["ripcord_rollback_stage_duration_seconds restore_request swap"], 1);
  const auto* later = std::get_if<RequeueAfter>(&outcome);
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(later->delay, Duration(hours(24)));
}

TEST_F(RestoreStrategy, MeasuresHowOldTheBackupWasAtTheSwap) {
  using FileClock = std::filesystem::file_time_type::clock;
  std::filesystem::last_write_time(directory_ / "backups/monday.db",
                                   FileClock::from_sys(clock_.wall_now() - hours(2)));
  spec_.mode = RestoreMode::kDrill;
  create();
  reconcile();
  EXPECT_FALSE(metrics_.values.contains("ripcord_restore_rpo_seconds default undo"));
  ASSERT_OK(store_.remove(key_));
  spec_.mode = RestoreMode::kSwap;
  create();
  reconcile();
  ASSERT_EQ(users(), 5);
  EXPECT_DOUBLE_EQ(metrics_.values["ripcord_restore_rpo_seconds default undo"], 7200);
}

TEST_F(RestoreStrategy, ABackupFromTheFutureIsNotOld) {
  using FileClock = std::filesystem::file_time_type::clock;
  std::filesystem::last_write_time(directory_ / "backups/monday.db",
                                   FileClock::from_sys(clock_.wall_now() + hours(2)));
  create();
  reconcile();
  ASSERT_TRUE(metrics_.values.contains("ripcord_restore_rpo_seconds default undo"));
  EXPECT_DOUBLE_EQ(metrics_.values["ripcord_restore_rpo_seconds default undo"], 0);
}

TEST_F(RestoreStrategy, WaitsForTheApprovalAndGoesOnWithIt) {
  spec_.approval = RestoreApproval{"sunday", "bob"};
  create();
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(reconcile()));
  EXPECT_EQ(users(), 2);
  EXPECT_EQ(ready_reason(), "ApprovalRequired");
  EXPECT_TRUE(status().conditions.is_true("ApprovalRequired"));
  EXPECT_EQ(status().phase, RestorePhase::kPending);
  edit([](RestoreRequestSpec& spec) { spec.approval->backup = "monday"; });
  reconcile();
  EXPECT_EQ(users(), 5);
  EXPECT_FALSE(status().conditions.is_true(kStalled));
  EXPECT_EQ(status().conditions.find("ApprovalRequired"), nullptr);
}

TEST_F(RestoreStrategy, RunsOnceEvenWhenItsStatusIsLost) {
  create();
  reconcile();
  {
    auto client = sqlite::Connection::open(directory_ / "shop.db", sqlite::OpenMode::kReadWrite);
    ASSERT_OK(client->execute("insert into users values ('since')"));
  }
  Resource object = **store_.get(key_);
  object.status = RestoreRequestStatus{};
  ASSERT_OK(store_.update_status(object));
  reconcile();
  EXPECT_EQ(users(), 6);
  EXPECT_EQ(status().phase, RestorePhase::kCompleted);
  EXPECT_NE(status().previous_database, "");
  reconcile();
  EXPECT_EQ(users(), 6);
}

TEST_F(RestoreStrategy, AnotherBackupNeedsAnotherRequest) {
  make("backups/tuesday.db", 7);
  create();
  reconcile();
  Resource object = **store_.get(key_);
  auto& spec = std::get<RestoreRequestSpec>(object.spec);
  spec.backup = spec.approval->backup = "tuesday";
  const auto refused = store_.update(object);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), ::testing::HasSubstr("create another RestoreRequest"));
  reconcile();
  EXPECT_EQ(users(), 5);
  EXPECT_TRUE(status().conditions.is_true(kReady));
}

TEST_F(RestoreStrategy, AFailedVerificationLeavesTheLiveDatabaseAndNoSide) {
  spec_.verification.queries[0].min = 6;
  spec_.verification.queries[0].max.reset();
  create();
  const std::size_t before = files();
  EXPECT_TRUE(std::holds_alternative<Stalled>(reconcile()));
  EXPECT_EQ(users(), 2);
  EXPECT_EQ(status().phase, RestorePhase::kFailed);
  EXPECT_EQ(ready_reason(), "VerificationFailed");
  EXPECT_EQ(files(), before);
  EXPECT_EQ(metrics_.values["ripcord_rollbacks_total restore_request spec failed"], 1);
  reconcile();
  EXPECT_EQ(metrics_.values["ripcord_rollbacks_total restore_request spec failed"], 1);
  EXPECT_EQ(ready_reason(), "VerificationFailed");
  edit([](RestoreRequestSpec& spec) { spec.verification.queries.clear(); });
  reconcile();
  EXPECT_EQ(users(), 5);
}

TEST_F(RestoreStrategy, ADrillSwapsNothingAndLeavesNothing) {
  spec_.mode = RestoreMode::kDrill;
  spec_.approval.reset();
  create();
  const std::size_t before = files();
  reconcile();
  EXPECT_EQ(users(), 2);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(ready_reason(), "DrillSucceeded");
  EXPECT_EQ(status().restored_rows, 5);
  EXPECT_EQ(status().previous_database, "");
}

TEST_F(RestoreStrategy, AMissingBackupIsNamedAndFoundLater) {
  spec_.backup = spec_.approval->backup = "friday";
  create();
  EXPECT_TRUE(std::holds_alternative<Stalled>(reconcile()));
  EXPECT_EQ(ready_reason(), "BackupNotFound");
  EXPECT_EQ(status().phase, RestorePhase::kPending);
  make("backups/friday.db", 5);
  reconcile();
  EXPECT_EQ(users(), 5);
}

TEST_F(RestoreStrategy, ALinkCannotLeaveTheCatalog) {
  std::filesystem::create_symlink(directory_ / "shop.db", directory_ / "backups/evil.db");
  spec_.backup = spec_.approval->backup = "evil";
  create();
  EXPECT_TRUE(std::holds_alternative<Stalled>(reconcile()));
  EXPECT_EQ(ready_reason(), "InvalidBackupName");
  EXPECT_EQ(users(), 2);
}

TEST_F(RestoreStrategy, TheStoreTakesTheExampleOfTheDocumentation) {
  const std::string page = read_file(source_dir() + "/docs/restorerequest.md");
  const auto begin = page.find("apiVersion: ripcord.dev/v1alpha1");
  const codec::ManifestFile file =
      codec::read_manifests(page.substr(begin, page.find("```", begin) - begin), "example");
  for (const auto& problem : file.errors) {
    ADD_FAILURE() << to_string(problem);
  }
  ASSERT_EQ(file.manifests.size(), 1U);
  const auto applied = codec::apply_manifest(file.manifests[0], nullptr);
  ASSERT_OK(applied);
  const auto stored = store_.create(*applied);
  ASSERT_OK(stored);
  const auto& spec = std::get<RestoreRequestSpec>((*stored)->spec);
  EXPECT_EQ(spec.backup, "users_backup_20240115");
  EXPECT_EQ(spec.approval->by, "alice");
  EXPECT_EQ(spec.keep_previous, Duration(hours(24)));
  EXPECT_EQ(spec.verification.queries.size(), 1U);
}

TEST_F(RestoreStrategy, TheStoreTakesTheDrillOfTheDocumentation) {
  const std::string page = read_file(source_dir() + "/docs/restorerequest.md");
  const auto begin = page.rfind("apiVersion: ripcord.dev/v1alpha1");
  const codec::ManifestFile file =
      codec::read_manifests(page.substr(begin, page.find("```", begin) - begin), "example");
  ASSERT_TRUE(file.errors.empty());
  const auto applied = codec::apply_manifest(file.manifests.at(0), nullptr);
  ASSERT_OK(applied);
  const auto stored = store_.create(*applied);
  ASSERT_OK(stored);
  const auto& spec = std::get<RestoreRequestSpec>((*stored)->spec);
  EXPECT_EQ(spec.schedule, "30 3 * * 1");
  EXPECT_EQ(spec.targets.rpo, Duration(hours(26)));
}

TEST_F(RestoreStrategy, DropsThePreviousDatabaseWhenItsTimeIsOver) {
  create();
  reconcile();
  const std::string previous = status().previous_database;
  clock_.advance(hours(23));
  reconcile();
  EXPECT_TRUE(std::filesystem::exists(previous));
  EXPECT_EQ(metrics_.values["ripcord_rollback_available restore_request"], 1);
  clock_.advance(hours(1));
  reconcile();
  EXPECT_FALSE(std::filesystem::exists(previous));
  EXPECT_EQ(status().previous_database, "");
  EXPECT_FALSE(status().previous_expires_at);
  EXPECT_EQ(metrics_.values["ripcord_rollback_available restore_request"], 0);
  EXPECT_TRUE(std::holds_alternative<Done>(reconcile()));
  EXPECT_EQ(users(), 5);
}

TEST_F(RestoreStrategy, AStopLeavesAStateThatIsResumed) {
  create();
  std::stop_source stop;
  stop.request_stop();
  reconcile(stop.get_token());
  EXPECT_EQ(users(), 2);
  reconcile();
  EXPECT_EQ(users(), 5);
}

TEST_F(RestoreStrategy, ThePlanTouchesNothing) {
  create();
  const std::size_t before = files();
  const auto plan = strategy_.plan(**store_.get(key_), {});
  ASSERT_OK(plan);
  ASSERT_EQ(plan->steps.size(), 5U);
  EXPECT_THAT(plan->steps[0].details[0], testing::HasSubstr("monday.db"));
  EXPECT_EQ(plan->to, "monday");
  EXPECT_EQ(files(), before);
  EXPECT_EQ(users(), 2);
}

}  // namespace
}  // namespace ripcord
