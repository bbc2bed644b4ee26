// SPDX-License-Identifier: Apache-2.0
// Drills over SQLite with manifests, on a simulated clock.
#include "controller/base/time_text.h"
#include "tests/integration/restore/held_loads.h"
#include "tests/integration/restore/sqlite_requests.h"

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

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

TEST_F(RestoreRequests, ADrillMissesATargetByTheTimeThatItTook) {
  HeldLoads slow(restores_, [this] {
    clock_.advance(seconds(90));
    return ok_status();
  });
  RequestFixture requests(slow, clock_);
  drill_hourly();
  requests.spec = requests_.spec;
  requests.spec.targets.rto = seconds(90);
  requests.create();
  requests.reconcile();
  clock_.advance(hours(1));
  requests.reconcile();
  ASSERT_TRUE(requests.status().last_drill);
  EXPECT_TRUE(requests.status().last_drill->passed);
  EXPECT_DOUBLE_EQ(requests.status().last_drill->rto_seconds, 90);
  requests.edit([](RestoreRequestSpec& spec) { spec.targets.rto = seconds(89); });
  requests.reconcile();
  clock_.advance(hours(1));
  requests.reconcile();
  EXPECT_FALSE(requests.status().last_drill->passed);
  EXPECT_EQ(requests.status().last_drill->reason, "TargetMissed");
  EXPECT_THAT(requests.status().last_drill->message, testing::HasSubstr("took 90.0 s"));
  EXPECT_FALSE(requests.metrics.values.contains("ripcord_restore_rto_seconds default undo"));
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
      Result<LiveRows> count_live(std::stop_token) override { return LiveRows{}; }
      Result<SurveyedDatabase> survey_live(std::stop_token) override { return SurveyedDatabase{}; }
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
