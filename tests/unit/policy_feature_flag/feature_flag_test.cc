// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/feature_flag.h"

#include "tests/support/status_matchers.h"

#include <functional>

namespace ripcord {
namespace {

const WallTime kNow{std::chrono::seconds(1'705'320'000)};

Resource flag(const std::function<void(FeatureFlagSpec&)>& change = [](FeatureFlagSpec&) {}) {
  Resource resource = make_resource(Kind::kFeatureFlag, "checkout");
  resource.meta.generation = 1;
  FeatureFlagSpec spec;
  spec.key = "new_checkout";
  spec.variants = {{"on", "true"}, {"off", "false"}, {"half", "false"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  change(spec);
  resource.spec = spec;
  return resource;
}

// As it is after a reconcile of this generation.
Resource recorded(Resource resource, const FlagDecision& decision) {
  auto& status = std::get<FeatureFlagStatus>(resource.status);
  status.observed_generation = resource.meta.generation;
  status.value = decision.wanted.value;
  status.variant = decision.wanted.variant;
  status.enabled = decision.enabled;
  status.overridden = decision.overridden;
  status.remember({});
  status.conditions.set_ready("Serving", "", resource.meta.generation, kNow);
  return resource;
}

FeatureFlagOverride forced(std::optional<bool> enabled, std::optional<std::string> variant = {},
                           std::optional<WallTime> until = {}) {
  FeatureFlagOverride value;
  value.enabled = enabled;
  value.variant = std::move(variant);
  value.until = until;
  return value;
}

const FlagValue kOn{"true", "on", "STATIC"};
const FlagValue kOff{"false", "off", "STATIC"};
const FlagValue kHalf{"false", "half", "STATIC"};
const FlagValue kCodeDefault{"", "", "DISABLED"};

TEST(FeatureFlagDecision, FindsTheEffectiveValue) {
  using Spec = FeatureFlagSpec;
  const auto past = kNow - std::chrono::seconds(1);
  const auto future = kNow + std::chrono::seconds(1);
  const struct {
    const char* what;
    std::function<void(Spec&)> change;
    FlagValue wanted;
    bool enabled;
    bool overridden;
  } cases[] = {
      {"declared on", [](Spec&) {}, kOn, true, false},
      {"declared off", [](Spec& s) { s.enabled = false; }, kOff, false, false},
      {"code default",
       [](Spec& s) {
         s.enabled = false;
         s.when_disabled = WhenDisabled::kCodeDefault;
       },
       kCodeDefault, false, false},
      {"overridden off", [](Spec& s) { s.override = forced(false); }, kOff, false, true},
      {"overridden on",
       [](Spec& s) {
         s.enabled = false;
         s.override = forced(true);
       },
       kOn, true, true},
      {"overridden variant", [](Spec& s) { s.override = forced({}, "half"); }, kHalf, true, true},
      {"a variant does not enable",
       [](Spec& s) {
         s.enabled = false;
         s.override = forced({}, "half");
       },
       kOff, false, true},
      {"off beats the variant", [](Spec& s) { s.override = forced(false, "half"); }, kOff, false,
       true},
      {"not yet expired", [&](Spec& s) { s.override = forced(false, {}, future); }, kOff, false,
       true},
      {"expired", [&](Spec& s) { s.override = forced(false, {}, past); }, kOn, true, false},
      {"expires now", [&](Spec& s) { s.override = forced(false, {}, kNow); }, kOn, true, false},
      {"off needs no rule",
       [](Spec& s) {
         s.enabled = false;
         s.targeting = "{\"if\":[]}";
       },
       kOff, false, false},
      {"a forced variant needs no rule",
       [](Spec& s) {
         s.targeting = "{\"if\":[]}";
         s.override = forced({}, "half");
       },
       kHalf, true, true},
      {"an empty rule is none", [](Spec& s) { s.targeting = " { } "; }, kOn, true, false},
      {"a bare switch",
       [](Spec& s) {
         s.variants.clear();
         s.default_variant = s.off_variant = "";
       },
       kOn, true, false},
      {"a bare switch, off",
       [](Spec& s) {
         s.variants.clear();
         s.default_variant = s.off_variant = "";
         s.enabled = false;
       },
       kOff, false, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const auto decision = decide_feature_flag(flag(c.change), std::nullopt, kNow);
    ASSERT_OK(decision);
    EXPECT_EQ(decision->key, "new_checkout");
    EXPECT_EQ(decision->wanted, c.wanted);
    EXPECT_EQ(decision->enabled, c.enabled);
    EXPECT_EQ(decision->overridden, c.overridden);
  }
}

TEST(FeatureFlagDecision, TakesTheNameOfTheObjectForAKeyThatIsNotThere) {
  const auto decision =
      decide_feature_flag(flag([](FeatureFlagSpec& s) { s.key = ""; }), std::nullopt, kNow);
  ASSERT_OK(decision);
  EXPECT_EQ(decision->key, "checkout");
}

TEST(FeatureFlagDecision, SaysWhatToWriteWhenTheValueCannotBeKnown) {
  const struct {
    std::function<void(FeatureFlagSpec&)> change;
    const char* reason;
    const char* message;
  } cases[] = {
      {[](FeatureFlagSpec& s) { s.default_variant = "onn"; }, "UnknownVariant", "'on'"},
      {[](FeatureFlagSpec& s) {
         s.enabled = false;
         s.off_variant = "";
       },
       "UnknownVariant", "spec.offVariant"},
      {[](FeatureFlagSpec& s) { s.override = forced({}, "none"); }, "UnknownVariant",
       "spec.override.variant"},
      {[](FeatureFlagSpec& s) { s.targeting = "{\"if\":[true,\"on\"]}"; }, "TargetingNotSupported",
       "spec.override.variant"},
  };
  for (const auto& c : cases) {
    const auto decision = decide_feature_flag(flag(c.change), std::nullopt, kNow);
    EXPECT_CODE(decision, StatusCode::kInvalidArgument);
    EXPECT_EQ(decision.error().reason(), c.reason);
    EXPECT_THAT(decision.error().message(), testing::HasSubstr(c.message));
  }
}

TEST(FeatureFlagDecision, PlansNothingWhenTheRightValueIsServed) {
  const auto same = decide_feature_flag(flag(), kOn, kNow);
  ASSERT_OK(same);
  EXPECT_TRUE(same->plan.steps.empty());
  for (const auto& served :
       {std::optional<FlagValue>(kOff), std::optional<FlagValue>(kCodeDefault),
        std::optional<FlagValue>(FlagValue{"true", "on", "DEFAULT"}), std::optional<FlagValue>()}) {
    const auto decision = decide_feature_flag(flag(), served, kNow);
    ASSERT_OK(decision);
    EXPECT_EQ(decision->plan.from, describe(served));
    EXPECT_EQ(decision->plan.to, "on (true)");
    ASSERT_EQ(decision->plan.steps.size(), 1u);
    EXPECT_EQ(decision->plan.steps[0].summary, "serve on (true) for flag new_checkout");
    EXPECT_EQ(decision->plan.steps[0].effect, DataEffect::kLossless);
  }
}

TEST(FeatureFlagDecision, CallsADisableAndAnOverrideARollbackButNotWhatWasSoFromTheStart) {
  const Resource on = flag();
  const Resource known = recorded(on, *decide_feature_flag(on, std::nullopt, kNow));
  const auto change = [](Resource resource, const std::function<void(FeatureFlagSpec&)>& edit) {
    edit(std::get<FeatureFlagSpec>(resource.spec));
    ++resource.meta.generation;
    return *decide_feature_flag(resource, std::nullopt, kNow);
  };
  const auto disable = [](FeatureFlagSpec& s) { s.enabled = false; };
  const auto force = [](FeatureFlagSpec& s) { s.override = forced(false); };
  const auto edit = [](FeatureFlagSpec& s) { s.default_variant = "half"; };
  EXPECT_TRUE(change(known, disable).rollback);
  EXPECT_EQ(change(known, disable).trigger, Trigger::kSpec);
  EXPECT_TRUE(change(known, force).rollback);
  EXPECT_EQ(change(known, force).trigger, Trigger::kOverride);
  EXPECT_FALSE(change(known, edit).rollback);
  EXPECT_TRUE(change(known, edit).differs_from_record);
  EXPECT_FALSE(change(flag(), disable).rollback);
  EXPECT_TRUE(change(flag(), disable).differs_from_record);
  EXPECT_FALSE(decide_feature_flag(known, std::nullopt, kNow)->differs_from_record);
}

TEST(FeatureFlagDecision, CallsTheEndOfAnOverrideAutomatic) {
  const auto until = kNow + std::chrono::hours(1);
  const Resource resource =
      flag([&](FeatureFlagSpec& s) { s.override = forced(false, {}, until); });
  const Resource known = recorded(resource, *decide_feature_flag(resource, std::nullopt, kNow));
  const auto after = decide_feature_flag(known, std::nullopt, until);
  ASSERT_OK(after);
  EXPECT_EQ(after->wanted, kOn);
  EXPECT_EQ(after->trigger, Trigger::kAutomatic);
  EXPECT_TRUE(after->differs_from_record);
  EXPECT_FALSE(after->rollback);
}

// A reader of the file gets what the endpoint answers.
TEST(FeatureFlagFile, SaysTheDecidedValueWithAllVariants) {
  FeatureFlagSpec spec;
  spec.variants = {{"on", "true"}, {"off", "false"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  EXPECT_EQ(file_entry(spec, {"false", "off", "STATIC"}),
            (FlagFileEntry{true, spec.variants, "off"}));
  EXPECT_EQ(file_entry(spec, {"", "", "DISABLED"}), (FlagFileEntry{false, spec.variants, "on"}));
  EXPECT_EQ(file_entry({}, {"true", "on", "STATIC"}),
            (FlagFileEntry{true, {{"on", "true"}, {"off", "false"}}, "on"}));
}

// A suspended flag is served as it was verified, whatever its variants are by now.
TEST(FeatureFlagFile, KeepsAValueThatTheSpecNoLongerHas) {
  FeatureFlagSpec spec;
  spec.variants = {{"a", "\"x\""}, {"b", "\"y\""}};
  spec.default_variant = "a";
  EXPECT_EQ(file_entry(spec, {"\"old\"", "a", "STATIC"}),
            (FlagFileEntry{true, {{"a", "\"old\""}}, "a"}));
  EXPECT_EQ(file_entry(spec, {"\"z\"", "gone", "STATIC"}),
            (FlagFileEntry{true, {{"gone", "\"z\""}}, "gone"}));
}

}  // namespace
}  // namespace ripcord
