// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_version.h"

#include "tests/unit/strategy_migration_version/migration_world.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const double kDownSeconds = to_seconds(MigrationWorld::kDownCost);

MigrationOverride down_to(std::int64_t version) {
  MigrationOverride override;
  override.version = version;
  return override;
}

std::string rollback(const std::string& metric, const std::string& labels) {
  return "ripcord_rollback" + metric + " migration_version " + labels;
}

class MigrationVersionStrategyTest : public testing::Test {
 protected:
  void declare(std::int64_t version, std::optional<MigrationApproval> approval = std::nullopt) {
    w_.edit([&](MigrationVersionSpec& spec) {
      spec.version = version;
      spec.approval = std::move(approval);
    });
  }
  void override_to(std::int64_t version) {
    w_.edit([&](MigrationVersionSpec& spec) { spec.override = down_to(version); });
  }
  void expect_done() {
    const Outcome outcome = w_.reconcile();
    EXPECT_TRUE(std::holds_alternative<Done>(outcome)) << w_.condition(kStalled);
    EXPECT_THAT(w_.condition(kReady), StartsWith("Migrated"));
  }
  // Held for a person: nothing ran, and nothing runs until the object changes.
  void expect_held(const std::string& reason) {
    const auto before = w_.status().version;
    EXPECT_TRUE(std::holds_alternative<AwaitChange>(w_.reconcile()));
    EXPECT_THAT(w_.condition(kStalled), StartsWith(reason + ": "));
    EXPECT_THAT(w_.condition("ApprovalRequired"), StartsWith(reason + ": "));
    EXPECT_EQ(w_.status().version, before);
  }
  double metric(const std::string& name) {
    return w_.metrics.values.contains(name) ? w_.metrics.values[name] : 0;
  }

  MigrationWorld w_;
};

TEST_F(MigrationVersionStrategyTest, ShowsTheVersionAndWhetherItCanGoBackAndForgetsBoth) {
  EXPECT_EQ(w_.metrics.values.count("ripcord_rollback_available migration_version"), 1U);
  expect_done();
  EXPECT_EQ(metric("ripcord_migration_version default shop"), 5);
  EXPECT_EQ(metric("ripcord_rollback_available migration_version"), 1);
  EXPECT_EQ(w_.status().version, 5);
  EXPECT_TRUE(w_.status().simulated);
  override_to(0);
  expect_done();
  EXPECT_EQ(metric("ripcord_migration_version default shop"), -1);
  EXPECT_EQ(metric("ripcord_rollback_available migration_version"), 0);
  w_.strategy.forget({Kind::kMigrationVersion, "other", "shop"});
  EXPECT_EQ(metric("ripcord_migration_version default shop"), -1) << "of another namespace";
  w_.strategy.forget({Kind::kMigrationVersion, "default", "shop"});
  EXPECT_FALSE(w_.metrics.values.contains("ripcord_migration_version default shop"));
}

TEST_F(MigrationVersionStrategyTest, ShowsNoWayBackThatItsProofRefuted) {
  const auto proven = [this](std::int64_t version, Reversibility result) {
    w_.edit_status([&](MigrationVersionStatus& status) {
      MigrationProof proof;
      proof.version = version;
      proof.result = result;
      status.proofs = {proof};
    });
    expect_done();
    return metric("ripcord_rollback_available migration_version");
  };
  EXPECT_EQ(proven(5, Reversibility::kIrreversible), 0);
  EXPECT_EQ(proven(5, Reversibility::kLossy), 1) << "it needs an approval, but it is there";
  EXPECT_EQ(proven(4, Reversibility::kIrreversible), 1) << "that is not the version that is there";
}

TEST_F(MigrationVersionStrategyTest, MeasuresAWayDownByTriggerResultAndStage) {
  override_to(3);
  expect_done();
  EXPECT_EQ(metric(rollback("_duration_seconds", "override succeeded")), 1);
  EXPECT_EQ(metric(rollback("_duration_seconds", "override succeeded sum")), 2 * kDownSeconds);
  EXPECT_EQ(metric(rollback("s_total", "override succeeded")), 1);
  EXPECT_EQ(metric(rollback("_stage_duration_seconds", "act sum")), 2 * kDownSeconds);
  for (const char* stage : {"observe", "act", "verify"}) {
    EXPECT_EQ(metric(rollback("_stage_duration_seconds", stage)), 1) << stage;
  }
  const HistoryEntry entry = w_.status().history.front();
  EXPECT_EQ(entry.from + ">" + entry.to + " " + entry.result, "5>3 Succeeded");
  EXPECT_EQ(entry.trigger, Trigger::kOverride);
  EXPECT_EQ(entry.duration_seconds, 2 * kDownSeconds);
}

TEST_F(MigrationVersionStrategyTest, MeasuresADeclaredWayDownUnderItsOwnTrigger) {
  declare(4, MigrationApproval{4, "alice"});
  expect_done();
  EXPECT_EQ(metric(rollback("s_total", "spec succeeded")), 1);
  EXPECT_EQ(metric(rollback("s_total", "override succeeded")), 0);
  EXPECT_EQ(w_.status().history.front().by, "alice");
}

TEST_F(MigrationVersionStrategyTest, DoesNotCountAWayUpAsARollback) {
  override_to(3);
  expect_done();
  w_.edit([](MigrationVersionSpec& spec) { spec.override.reset(); });
  expect_done();
  EXPECT_EQ(w_.status().version, 5);
  EXPECT_EQ(metric(rollback("s_total", "override succeeded")), 1);
  EXPECT_EQ(metric(rollback("s_total", "spec succeeded")), 0);
}

TEST_F(MigrationVersionStrategyTest, CountsAWayDownThatTheDatabaseRefused) {
  w_.hooks.before_run = [](const MigrationStep& step) {
    return step.migration.version == 4
               ? Status(StatusCode::kFailedPrecondition, "4.down.sql:1: no", "StatementFailed")
               : ok_status();
  };
  override_to(3);
  EXPECT_TRUE(std::holds_alternative<Stalled>(w_.reconcile()));
  EXPECT_EQ(metric(rollback("s_total", "override failed")), 1);
  EXPECT_EQ(metric(rollback("_duration_seconds", "override failed sum")), kDownSeconds);
  EXPECT_EQ(metric(rollback("s_total", "override succeeded")), 0);
  EXPECT_THAT(w_.condition(kStalled), StartsWith("StatementFailed: 4.down.sql:1"));
  EXPECT_EQ(w_.status().version, 4) << "the step before it took effect";
  EXPECT_EQ(w_.status().history.front().result, "Failed");
}

TEST_F(MigrationVersionStrategyTest, PublishesItsIntentFirstAndThenHowFarItIs) {
  std::vector<std::string> seen;
  w_.hooks.before_run = [&](const MigrationStep&) {
    seen.push_back(fmt::format("{} [{}]", w_.condition(kReconciling), w_.status().pending.size()));
    return ok_status();
  };
  override_to(2);
  expect_done();
  EXPECT_THAT(seen, ElementsAre("Migrating: waiting for the migration lock [3]",
                                "Migrating: 1 of 3 steps are done [2]",
                                "Migrating: 2 of 3 steps are done [1]"));
  EXPECT_THAT(w_.status().pending, IsEmpty());
  EXPECT_EQ(w_.condition(kReconciling), "");
}

TEST_F(MigrationVersionStrategyTest, EndsBetweenTwoStepsWhenTheObjectIsChangedMeanwhile) {
  int steps = 0;
  w_.hooks.before_run = [&](const MigrationStep&) {
    if (++steps == 1) {
      override_to(4);
    }
    return ok_status();
  };
  override_to(1);
  const Outcome outcome = w_.reconcile();
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(w_.status().version, 4) << "what was done is on record";
  expect_done();
  EXPECT_EQ(steps, 1) << "the new wish was there already";
  EXPECT_EQ(w_.status().target, 4);
}

TEST_F(MigrationVersionStrategyTest, RunsNothingForAnObjectThatWasChangedBeforeTheFirstStep) {
  bool changed = false;
  w_.hooks.before_read = [&] {
    if (!std::exchange(changed, true)) {
      w_.edit([](MigrationVersionSpec& spec) { spec.override.reset(); });
    }
  };
  int steps = 0;
  w_.hooks.before_run = [&](const MigrationStep&) {
    ++steps;
    return ok_status();
  };
  override_to(1);
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(w_.reconcile()));
  expect_done();
  EXPECT_EQ(steps, 0);
  EXPECT_EQ(w_.status().version, 5);
}

TEST_F(MigrationVersionStrategyTest, WaitsForAnApprovalAndUsesItUp) {
  expect_done();
  declare(4);
  expect_held("ApprovalRequired");
  EXPECT_THAT(w_.condition("ApprovalRequired"), HasSubstr("down 5 step_5: SELECT 'down 5';"));
  const MigrationApproval approval{4, "alice", false, "INC-1"};
  declare(4, approval);
  expect_done();
  EXPECT_EQ(w_.status().version, 4);
  EXPECT_EQ(w_.condition("ApprovalRequired"), "");
  ASSERT_TRUE(w_.status().used_approval);
  EXPECT_EQ(static_cast<MigrationApproval>(*w_.status().used_approval), approval);
  EXPECT_TRUE(w_.status().used_approval->used_at);

  declare(5, approval);
  expect_done();
  declare(4, approval);
  expect_held("ApprovalRequired");
  EXPECT_THAT(w_.condition("ApprovalRequired"), HasSubstr("by alice was used at 2024-01-15T"));
  declare(4, MigrationApproval{4, "alice", false, "INC-2"});
  expect_done();
  EXPECT_EQ(w_.status().used_approval->reason, "INC-2");
  declare(4);
  expect_done();
  EXPECT_FALSE(w_.status().used_approval);
}

TEST_F(MigrationVersionStrategyTest, LeavesAnApprovalUnusedThatNothingNeeded) {
  w_.edit([](MigrationVersionSpec& spec) {
    spec.approval = MigrationApproval{4, "alice"};
    spec.override = down_to(4);
  });
  expect_done();
  EXPECT_FALSE(w_.status().used_approval);
}

TEST_F(MigrationVersionStrategyTest, FinishesAnApprovedWayDownThatWasCutShort) {
  int steps = 0;
  w_.hooks.before_run = [&](const MigrationStep&) {
    return ++steps == 2 ? Status(StatusCode::kUnavailable, "gone", "ConnectionLost") : ok_status();
  };
  declare(3, MigrationApproval{3, "alice"});
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(w_.reconcile()));
  EXPECT_EQ(w_.status().version, 4);
  ASSERT_TRUE(w_.status().used_approval);
  EXPECT_FALSE(w_.status().used_approval->used_at) << "it is in use";
  expect_done();
  EXPECT_EQ(w_.status().version, 3);
  EXPECT_TRUE(w_.status().used_approval->used_at);
}

TEST_F(MigrationVersionStrategyTest, UsesUpAnApprovalWhoseProcessDiedAfterTheLastStep) {
  const MigrationApproval approval{4, "alice"};
  declare(4, approval);
  w_.reconcile_and_die();
  ASSERT_TRUE(w_.status().used_approval);
  EXPECT_FALSE(w_.status().used_approval->used_at);
  expect_done();
  EXPECT_TRUE(w_.status().used_approval->used_at);
  declare(5, approval);
  expect_done();
  declare(4, approval);
  expect_held("ApprovalRequired");
}

TEST_F(MigrationVersionStrategyTest, UsesUpTheApprovalOfAWayDownThatWasLeft) {
  const MigrationApproval approval{3, "alice"};
  w_.hooks.before_run = [](const MigrationStep& step) {
    return step.migration.version == 4
               ? Status(StatusCode::kFailedPrecondition, "no", "StatementFailed")
               : ok_status();
  };
  declare(3, approval);
  EXPECT_TRUE(std::holds_alternative<Stalled>(w_.reconcile()));
  declare(5, approval);
  expect_done();
  declare(3, approval);
  expect_held("ApprovalRequired");
}

TEST_F(MigrationVersionStrategyTest, ForbidsALossUntilThePolicyAndTheApprovalAllowIt) {
  expect_done();
  w_.inspector.effect = DataEffect::kLossy;
  override_to(4);
  expect_held("DataLossForbidden");
  w_.edit([](MigrationVersionSpec& spec) { spec.approval = MigrationApproval{4, "alice", true}; });
  expect_held("DataLossForbidden");
  w_.edit([](MigrationVersionSpec& spec) {
    spec.policy.data_loss = DataLossPolicy::kApprove;
    spec.approval->data_loss = false;
  });
  expect_held("ApprovalRequired");
  EXPECT_THAT(w_.condition("ApprovalRequired"), HasSubstr("dataLoss: true"));
  w_.edit([](MigrationVersionSpec& spec) { spec.approval->data_loss = true; });
  expect_done();
  EXPECT_EQ(w_.status().version, 4);
  EXPECT_TRUE(w_.status().used_approval->used_at);
}

TEST_F(MigrationVersionStrategyTest, CountsWhatAWayDownDestroysOnceForEachDecisionOfAPerson) {
  int counts = 0;
  w_.hooks.before_count = [&](const auto& losses) { counts += losses.empty() ? 0 : 1; };
  expect_done();
  w_.inspector.effect = DataEffect::kLossy;
  declare(3);
  expect_held("DataLossForbidden");
  EXPECT_EQ(counts, 1);
  expect_held("DataLossForbidden");
  EXPECT_EQ(counts, 1) << "a resync reads no table again";
  EXPECT_THAT(w_.condition(kStalled), HasSubstr("At risk: table orders"));
  w_.edit([&](MigrationVersionSpec& spec) { spec.policy.data_loss = DataLossPolicy::kApprove; });
  expect_held("ApprovalRequired");
  EXPECT_EQ(counts, 2) << "whoever decides now sees what is there now";
  declare(5);
  w_.reconcile();
  EXPECT_EQ(counts, 2);
}

}  // namespace
}  // namespace ripcord
