// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/proof.h"

#include <gmock/gmock.h>

namespace ripcord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrialStage stage(std::map<std::string, std::string> objects, ShadowContent content = {}) {
  return {{std::move(objects), {}}, std::move(content)};
}

MigrationTrial same(const TrialStage& everywhere) {
  return {.before = everywhere,
          .left_by_up = everywhere.content,
          .after_up = everywhere,
          .after_down = everywhere,
          .after_again = everywhere};
}

TEST(MigrationProof, RowsThatAreAddedMeanwhileAreNoLoss) {
  MigrationTrial trial = same(stage({{"table t", ""}}, {{"t", {{"a"}, {{"1"}}}}}));
  trial.after_down.content["t"].rows = {{"2"}, {"1"}};
  EXPECT_EQ(judge(trial).result, Reversibility::kLossless);
}

TEST(MigrationProof, ARowCountsAsOftenAsItWasThere) {
  MigrationTrial trial = same(stage({}, {{"t", {{"a"}, {{"1"}, {"1"}}}}}));
  trial.after_down.content["t"].rows = {{"1"}, {"2"}};
  EXPECT_THAT(judge(trial).what, ElementsAre("content of t.a, by the up"));
}

TEST(MigrationProof, NullIsAValueOfItsOwn) {
  MigrationTrial trial = same(stage({}, {{"t", {{"a"}, {{std::nullopt}}}}}));
  trial.after_down.content["t"].rows = {{""}};
  EXPECT_EQ(judge(trial).result, Reversibility::kLossy);
}

TEST(MigrationProof, SeesValuesThatChangedPlacesBetweenRows) {
  MigrationTrial trial = same(stage({}, {{"t", {{"a", "b"}, {{"1", "x"}, {"2", "y"}}}}}));
  trial.after_down.content["t"].rows = {{"1", "y"}, {"2", "x"}};
  EXPECT_THAT(judge(trial).what, ElementsAre("rows of t are no longer what they were, by the up"));
}

TEST(MigrationProof, AColumnMayStandAnywhere) {
  MigrationTrial trial = same(stage({}, {{"t", {{"a", "b"}, {{"1", "x"}}}}}));
  trial.after_down.content["t"] = {{"b", "a"}, {{"x", "1"}}};
  trial.before.catalog.column_order["t"] = "a, b";
  trial.after_down.catalog.column_order["t"] = "b, a";
  const MigrationProof proof = judge(trial);
  EXPECT_EQ(proof.result, Reversibility::kLossless);
  EXPECT_THAT(proof.what, ElementsAre("the columns of t come back as b, a; they were a, b"));
}

TEST(MigrationProof, ASchemaThatIsNotBackOutweighsWhatBecameOfRows) {
  MigrationTrial trial = same(stage({{"table t", ""}}, {{"t", {{"a"}, {{"1"}}}}}));
  trial.after_down = stage({});
  const MigrationProof proof = judge(trial);
  EXPECT_EQ(proof.result, Reversibility::kIrreversible);
  EXPECT_THAT(proof.what, ElementsAre("down does not bring back table t"));
}

TEST(MigrationProof, NamesAtMostTwentyFindings) {
  MigrationTrial trial = same(stage({}));
  for (int i = 0; i < 30; ++i) {
    trial.before.catalog.objects["table t" + std::to_string(i)] = "";
  }
  const MigrationProof proof = judge(trial);
  EXPECT_EQ(proof.what.size(), 20U);
  EXPECT_EQ(proof.what.back(), "and 11 more");
}

TEST(MigrationProof, WhatWasNotSeenIsNotCalledLossless) {
  MigrationTrial trial = same(stage({{"table t", ""}}));
  trial.unseeded = {{"t", "no"}};
  EXPECT_EQ(judge(trial).result, Reversibility::kLossless)
      << "the migration has nothing to do with it";
  trial.changes_rows = true;
  EXPECT_EQ(judge(trial).result, Reversibility::kUnproven);
  trial.changes_rows = false;
  trial.after_up.catalog.objects["column t.b"] = "int";
  trial.after_again = trial.after_up;
  EXPECT_EQ(judge(trial).result, Reversibility::kUnproven);
  EXPECT_THAT(judge(trial).what.front(), HasSubstr("no row could be put into t"));
}

TEST(MigrationProof, HoldsOnlyWhereItIsRequiredAndTheVersionIsNotApproved) {
  const std::vector<MigrationProof> proofs = {{1, Reversibility::kLossy, {"x"}, ""},
                                              {2, Reversibility::kUnproven, {"y"}, ""}};
  MigrationPolicy policy;
  EXPECT_FALSE(proof_hold(policy, proofs, std::nullopt));
  policy.proof = ProofPolicy::kWarn;
  EXPECT_FALSE(proof_hold(policy, proofs, std::nullopt));
  policy.proof = ProofPolicy::kRequire;
  const auto hold = proof_hold(policy, proofs, MigrationApproval{1});
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->at, 1U);
  EXPECT_EQ(hold->hold.reason, "NotReversible");
  EXPECT_THAT(hold->hold.message, HasSubstr("migration 2 is Unproven: y; mend its down"));
  EXPECT_FALSE(proof_hold(policy, proofs, MigrationApproval{2}));
}

}  // namespace
}  // namespace ripcord
