// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/object_states.h"

#include "controller/strategies/rollback_metrics.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The series that a scrape would see now.
class SeriesSink final : public MetricSink {
 public:
  void add(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void set(const MetricDescriptor& gauge, LabelValues labels, double value) override {
    EXPECT_EQ(gauge.name, metric::kObjectState.name);
    EXPECT_EQ(value, 1);
    series.insert(text(labels));
  }
  void remove(const MetricDescriptor&, LabelValues labels) override { series.erase(text(labels)); }
  std::set<std::string> series;

 private:
  static std::string text(LabelValues labels) {
    std::string all;
    for (const std::string_view label : labels) {
      all += std::string(all.empty() ? "" : " ") + std::string(label);
    }
    return all;
  }
};

class ObjectStatesTest : public testing::Test {
 protected:
  void show() { states_.show(flag_, now_); }
  FeatureFlagSpec& spec() { return std::get<FeatureFlagSpec>(flag_.spec); }
  ConditionSet& conditions() { return common(flag_.status).conditions; }

  SeriesSink sink_;
  ObjectStates states_{sink_};
  WallTime now_{std::chrono::hours(24)};
  Resource flag_ = make_resource(Kind::kFeatureFlag, "checkout");
};

TEST_F(ObjectStatesTest, HasNoSeriesForAnObjectThatIsAsDeclared) {
  conditions().set_ready("Serving", "", 1, now_);
  show();
  EXPECT_THAT(sink_.series, IsEmpty());
}

TEST_F(ObjectStatesTest, ShowsAnOverrideUntilItIsLifted) {
  conditions().set_ready("Overridden", "", 1, now_);
  spec().override = FeatureFlagOverride{{"INC-1", "alice", {}}, false, {}};
  show();
  EXPECT_THAT(sink_.series, ElementsAre("feature_flag default checkout overridden "));
  spec().override.reset();
  show();
  EXPECT_THAT(sink_.series, IsEmpty());
}

TEST_F(ObjectStatesTest, DoesNotShowAnOverrideThatHasEnded) {
  spec().override = FeatureFlagOverride{{"INC-1", "alice", now_}, false, {}};
  show();
  EXPECT_THAT(sink_.series, IsEmpty());
}

TEST_F(ObjectStatesTest, NamesTheReasonAndReplacesItWhenItChanges) {
  conditions().set_reconciling("NotVerified", "", 1, now_);
  show();
  EXPECT_THAT(sink_.series, ElementsAre("feature_flag default checkout not_ready NotVerified"));
  conditions().set_stalled("UnknownVariant", "", 1, now_);
  show();
  EXPECT_THAT(sink_.series, ElementsAre("feature_flag default checkout stalled UnknownVariant"));
  conditions().set_stalled("KeyTaken", "", 1, now_);
  show();
  EXPECT_THAT(sink_.series, ElementsAre("feature_flag default checkout stalled KeyTaken"));
}

TEST_F(ObjectStatesTest, ShowsWhatWaitsForApprovalAndWhatCannotGoBack) {
  conditions().set(
      {"ApprovalRequired", ConditionState::kTrue, "ApprovalRequired", "approve it", 1, {}}, now_);
  conditions().set(
      {"RollbackAvailable", ConditionState::kFalse, "UnknownAddress", "no server", 1, {}}, now_);
  show();
  EXPECT_THAT(sink_.series,
              ElementsAre("feature_flag default checkout approval_required ApprovalRequired",
                          "feature_flag default checkout no_way_back UnknownAddress"));
}

TEST_F(ObjectStatesTest, SaysOfASuspendedObjectOnlyThat) {
  spec().suspend = true;
  conditions().set({"Ready", ConditionState::kUnknown, "Suspended", "", 1, {}}, now_);
  show();
  EXPECT_THAT(sink_.series, ElementsAre("feature_flag default checkout suspended Suspended"));
}

TEST_F(ObjectStatesTest, ForgetsAnObjectThatIsGone) {
  conditions().set_stalled("KeyTaken", "", 1, now_);
  show();
  states_.forget(flag_.key());
  EXPECT_THAT(sink_.series, IsEmpty());
}

}  // namespace
}  // namespace ripcord
