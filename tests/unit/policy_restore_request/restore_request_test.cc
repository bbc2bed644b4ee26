// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/restore_request.h"

#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Steps = std::vector<RestoreStep>;
using enum RestoreStep;

const WallTime kNow{std::chrono::seconds(1705320000)};

RestoreRequestSpec approved() {
  RestoreRequestSpec spec;
  spec.backup = "monday";
  spec.approval = RestoreApproval{"monday", "alice"};
  return spec;
}

RestoreRequestStatus completed(WallTime at = kNow) {
  RestoreRequestStatus status;
  status.phase = RestorePhase::kCompleted;
  status.completed_at = at;
  HistoryEntry entry;
  entry.to = "monday";
  entry.result = "Succeeded";
  status.remember(entry);
  return status;
}

RestoreFacts loaded(const std::string& backup) {
  RestoreFacts facts;
  facts.side_exists = facts.side_complete = true;
  facts.backup = backup;
  return facts;
}

TEST(RestoreDecision, StepsFollowFromWhatTheServerHas) {
  RestoreFacts half;
  half.side_exists = true;
  half.backup = "monday";
  RestoreFacts swapped;
  swapped.swapped = swapped.previous_exists = true;
  swapped.backup = "monday";
  RestoreFacts interrupted = loaded("monday");
  interrupted.swap_interrupted = true;
  const struct {
    const char* name;
    RestoreFacts facts;
    Steps steps;
  } cases[] = {
      {"nothing", {}, {kLoad, kCount, kVerify, kSwap, kComplete}},
      {"half loaded", half, {kLoad, kCount, kVerify, kSwap, kComplete}},
      {"loaded", loaded("monday"), {kCount, kVerify, kSwap, kComplete}},
      {"another backup loaded", loaded("sunday"), {kLoad, kCount, kVerify, kSwap, kComplete}},
      {"swap interrupted", interrupted, {kSwap, kCount, kComplete}},
      {"swapped", swapped, {kCount, kComplete}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const RestoreDecision decision = decide_restore(approved(), {}, 1, c.facts, kNow);
    EXPECT_EQ(decision.steps, c.steps);
    EXPECT_FALSE(decision.plan.hold);
    EXPECT_EQ(decision.plan.steps.size(), c.steps.size());
  }
}

TEST(RestoreDecision, WaitsForAnApprovalOfExactlyThisBackup) {
  for (const auto& approval :
       {std::optional<RestoreApproval>(), std::optional<RestoreApproval>({"sunday", "alice"})}) {
    RestoreRequestSpec spec = approved();
    spec.approval = approval;
    const RestoreDecision decision = decide_restore(spec, {}, 1, {}, kNow);
    EXPECT_TRUE(decision.steps.empty());
    ASSERT_TRUE(decision.plan.hold);
    EXPECT_EQ(decision.plan.hold->reason, "ApprovalRequired");
    EXPECT_THAT(decision.plan.hold->message,
                testing::HasSubstr("set spec.approval.backup: monday"));
    EXPECT_EQ(decision.plan.steps.size(), 5U) << "the plan shows what is held";
  }
}

TEST(RestoreDecision, ADrillNeedsNoApprovalAndNeverSwaps) {
  RestoreRequestSpec spec = approved();
  spec.mode = RestoreMode::kDrill;
  spec.approval.reset();
  const RestoreDecision decision = decide_restore(spec, {}, 1, {}, kNow);
  EXPECT_EQ(decision.steps, (Steps{kLoad, kCount, kVerify, kComplete, kDropSide}));
  EXPECT_FALSE(decision.plan.hold);
}

TEST(RestoreDecision, AnInterruptedSwapIsFinishedEvenWhenTheApprovalIsGone) {
  RestoreRequestSpec spec = approved();
  spec.approval.reset();
  RestoreFacts facts = loaded("monday");
  facts.swap_interrupted = true;
  const RestoreDecision decision = decide_restore(spec, {}, 1, facts, kNow);
  EXPECT_EQ(decision.steps.front(), kSwap);
  EXPECT_FALSE(decision.plan.hold);
}

TEST(RestoreDecision, ACompletedRequestNeverRunsAgain) {
  RestoreRequestSpec spec = approved();
  EXPECT_TRUE(decide_restore(spec, completed(), 1, {}, kNow).steps.empty());
  EXPECT_FALSE(decide_restore(spec, completed(), 1, {}, kNow).plan.hold);
  spec.backup = spec.approval->backup = "tuesday";
  const RestoreDecision decision = decide_restore(spec, completed(), 2, {}, kNow);
  EXPECT_TRUE(decision.steps.empty());
  ASSERT_TRUE(decision.plan.hold);
  EXPECT_EQ(decision.plan.hold->reason, "AlreadyRestored");
  EXPECT_THAT(decision.plan.hold->message, testing::HasSubstr("restored monday"));
}

TEST(RestoreDecision, AFailureIsFinalForItsGenerationOnly) {
  RestoreRequestStatus status;
  status.phase = RestorePhase::kFailed;
  status.conditions.set_stalled("LoadFailed", "bad dump", 3, kNow);
  const RestoreDecision same = decide_restore(approved(), status, 3, {}, kNow);
  EXPECT_TRUE(same.steps.empty());
  ASSERT_TRUE(same.plan.hold);
  EXPECT_EQ(same.plan.hold->reason, "LoadFailed");
  RestoreFacts left;
  left.side_exists = true;
  EXPECT_EQ(decide_restore(approved(), status, 3, left, kNow).steps, Steps{kDropSide});
  EXPECT_EQ(decide_restore(approved(), status, 4, {}, kNow).steps.front(), kLoad);
}

TEST(RestoreDecision, ThePreviousDatabaseIsDroppedWhenItsTimeIsOver) {
  RestoreFacts facts;
  facts.swapped = facts.previous_exists = true;
  facts.backup = "monday";
  const RestoreRequestSpec spec = approved();  // keepPrevious: 24h
  const RestoreDecision early = decide_restore(spec, completed(), 1, facts, kNow + hours(23));
  EXPECT_TRUE(early.steps.empty());
  EXPECT_EQ(early.look_again, Duration(hours(1)));
  const RestoreDecision late = decide_restore(spec, completed(), 1, facts, kNow + hours(24));
  EXPECT_EQ(late.steps, Steps{kDropPrevious});
  EXPECT_FALSE(late.look_again);
  EXPECT_EQ(late.plan.steps.front().effect, DataEffect::kIrreversible);
}

TEST(RestoreDecision, AClockSetBackKeepsThePreviousDatabase) {
  RestoreFacts facts;
  facts.swapped = facts.previous_exists = true;
  EXPECT_TRUE(decide_restore(approved(), completed(), 1, facts, kNow - hours(5)).steps.empty());
}

TEST(RestoreDecision, WhatIsLeftOfAPreviousDatabaseThatIsGoneIsClearedAway) {
  RestoreRequestStatus status = completed();
  status.previous_database = "shop_before_0a1b2c3d";
  RestoreFacts facts;
  facts.swapped = true;
  const RestoreDecision decision = decide_restore(approved(), status, 1, facts, kNow);
  EXPECT_EQ(decision.steps, Steps{kDropPrevious});
  EXPECT_FALSE(decision.look_again);
  status.previous_database.clear();
  EXPECT_TRUE(decide_restore(approved(), status, 1, facts, kNow).steps.empty());
}

TEST(RestoreVerificationCheck, NamesWhatWasExpectedAndFound) {
  RestoreVerification wanted;
  wanted.min_rows = 10;
  wanted.queries = {{"select 1", 5, 7}};
  const struct {
    std::int64_t rows;
    std::vector<std::int64_t> answers;
    const char* problem;  // null: none
  } cases[] = {
      {10, {5}, nullptr},
      {11, {7}, nullptr},
      {9, {5}, "minRows wants 10"},
      {10, {4}, "gave 4; min is 5"},
      {10, {8}, "gave 8; max is 7"},
      {10, {}, "0 of 1"},
  };
  for (const auto& c : cases) {
    const Status found = check_restored(wanted, c.rows, c.answers);
    EXPECT_EQ(found.ok(), c.problem == nullptr) << found.message();
    if (c.problem != nullptr) {
      EXPECT_EQ(found.reason(), "VerificationFailed");
      EXPECT_THAT(found.message(), testing::HasSubstr(c.problem));
    }
  }
}

RestoreFacts swapped_facts() {
  RestoreFacts facts;
  facts.swapped = facts.previous_exists = true;
  facts.backup = "monday";
  return facts;
}

TEST(RestoreDecision, TheWayBackNeedsAnApprovalOfItsOwn) {
  RestoreRequestSpec spec = approved();
  spec.revert = true;
  const RestoreDecision held = decide_restore(spec, completed(), 1, swapped_facts(), kNow);
  EXPECT_TRUE(held.steps.empty());
  ASSERT_TRUE(held.plan.hold);
  EXPECT_EQ(held.plan.hold->reason, "ApprovalRequired");
  spec.approval->revert = true;
  const RestoreDecision open = decide_restore(spec, completed(), 1, swapped_facts(), kNow);
  EXPECT_EQ(open.steps, (Steps{kRevert, kCompleteRevert}));
  EXPECT_FALSE(open.plan.hold);
  spec.approval->backup = "sunday";
  EXPECT_TRUE(decide_restore(spec, completed(), 1, swapped_facts(), kNow).plan.hold);
}

TEST(RestoreDecision, AWayBackThatHasBegunIsEndedWhateverTheSpecSays) {
  RestoreFacts begun = swapped_facts();
  begun.revert_interrupted = true;
  RestoreRequestSpec spec = approved();
  spec.approval.reset();
  for (const RestorePhase phase : {RestorePhase::kCompleted, RestorePhase::kReverting,
                                   RestorePhase::kPending, RestorePhase::kReverted}) {
    RestoreRequestStatus status = completed();
    status.phase = phase;
    EXPECT_EQ(decide_restore(spec, status, 1, begun, kNow).steps,
              (Steps{kRevert, kCompleteRevert}));
  }
}

TEST(RestoreDecision, WhatWasRevertedIsNeverRestoredAgain) {
  RestoreFacts reverted;
  reverted.reverted = reverted.side_exists = true;
  reverted.backup = "monday";
  RestoreRequestStatus lost;
  EXPECT_EQ(decide_restore(approved(), lost, 1, reverted, kNow).steps, (Steps{kCompleteRevert}));
  RestoreRequestStatus status;
  status.phase = RestorePhase::kReverted;
  status.previous_expires_at = kNow + hours(1);
  const RestoreDecision kept = decide_restore(approved(), status, 1, reverted, kNow);
  EXPECT_TRUE(kept.steps.empty());
  EXPECT_EQ(kept.plan.hold->reason, "AlreadyReverted");
  EXPECT_EQ(decide_restore(approved(), status, 1, reverted, kNow + hours(1)).steps,
            (Steps{kDropSide}));
  EXPECT_TRUE(decide_restore(approved(), status, 1, {}, kNow + hours(2)).steps.empty());
}

TEST(RestoreDecision, ADrillBeginsAnewWheneverItIsDue) {
  RestoreRequestSpec spec;
  spec.backup = "monday";
  spec.mode = RestoreMode::kDrill;
  spec.schedule = "0 * * * *";
  const Steps drill = {kLoad, kCount, kVerify, kComplete, kDropSide};
  for (const RestorePhase phase :
       {RestorePhase::kPending, RestorePhase::kCompleted, RestorePhase::kFailed}) {
    SCOPED_TRACE(to_string(phase));
    RestoreRequestStatus status;
    status.phase = phase;
    status.conditions.set_stalled("LoadFailed", "m", 1, kNow);
    status.next_drill_at = kNow + seconds(10);
    const RestoreDecision early = decide_restore(spec, status, 1, {}, kNow);
    EXPECT_TRUE(early.steps.empty());
    EXPECT_EQ(early.look_again, Duration(seconds(10)));
    EXPECT_FALSE(early.plan.hold);
    EXPECT_EQ(decide_restore(spec, status, 1, loaded("monday"), kNow).steps, (Steps{kDropSide}));
    // What lies there from before is loaded again: a drill restores.
    EXPECT_EQ(decide_restore(spec, status, 1, loaded("monday"), kNow + seconds(10)).steps, drill);
  }
}

TEST(RestoreDecision, TargetsAreMissedByTimeAndByAge) {
  RestoreTargets targets;
  EXPECT_OK(check_targets(targets, 1e9, std::nullopt));
  targets.rto = seconds(60);
  EXPECT_OK(check_targets(targets, 60, std::nullopt));
  EXPECT_CODE(check_targets(targets, 60.5, 1), StatusCode::kFailedPrecondition);
  targets.rpo = hours(1);
  EXPECT_OK(check_targets(targets, 1, 3600));
  EXPECT_CODE(check_targets(targets, 1, 3601), StatusCode::kFailedPrecondition);
  EXPECT_EQ(check_targets(targets, 1, std::nullopt).reason(), "TargetMissed");
}

}  // namespace
}  // namespace ripcord
