// SPDX-License-Identifier: Apache-2.0
// The conditions follow kstatus: Reconciling and Stalled are there only while true, and never both.
#include "controller/model/condition.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::seconds;

const WallTime kThen{seconds(1000)};

TEST(ConditionSet, HasReconcilingAndStalledOnlyWhileTheyAreTrue) {
  ConditionSet conditions;
  conditions.set_reconciling("Switching", "on its way", 1, kThen);
  EXPECT_TRUE(conditions.is_true(kReconciling));
  EXPECT_EQ(conditions.find(kReady)->status, ConditionState::kFalse);
  conditions.set_stalled("Wrong", "mend it", 1, kThen);
  EXPECT_EQ(conditions.find(kReconciling), nullptr);
  EXPECT_TRUE(conditions.is_true(kStalled));
  conditions.set_ready("Serving", "all is well", 2, kThen);
  EXPECT_EQ(conditions.find(kStalled), nullptr);
  EXPECT_EQ(conditions.find(kReconciling), nullptr);
  EXPECT_TRUE(conditions.is_true(kReady));
  EXPECT_EQ(conditions.find(kReady)->observed_generation, 2);
}

TEST(ConditionSet, MovesTheTransitionTimeOnlyWhenTheStatusChanges) {
  ConditionSet conditions;
  conditions.set_reconciling("Loading", "", 1, kThen);
  conditions.set_reconciling("Verifying", "", 1, kThen + seconds(5));
  EXPECT_EQ(conditions.find(kReady)->last_transition_time, kThen);
  conditions.set_ready("Restored", "", 1, kThen + seconds(9));
  EXPECT_EQ(conditions.find(kReady)->last_transition_time, kThen + seconds(9));
}

TEST(ConditionSet, CutsAMessageThatIsLongerThanKubernetesTakesBetweenCharacters) {
  std::string message = "x";
  while (message.size() < 100'000) {
    message += "\xc3\xbc";
  }
  ConditionSet conditions;
  conditions.set_stalled("Held", message, 1, kThen);
  const std::string& kept = conditions.find(kStalled)->message;
  const std::string cut = " ... (cut)";
  ASSERT_LE(kept.size(), 32768U);
  ASSERT_GT(kept.size(), 32000U);
  ASSERT_TRUE(kept.ends_with(cut));
  EXPECT_TRUE(kept.substr(0, kept.size() - cut.size()).ends_with("\xc3\xbc"));
}

}  // namespace
}  // namespace ripcord
