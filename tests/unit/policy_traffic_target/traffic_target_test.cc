// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/traffic_target.h"

#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr WallTime kNow = WallTime(std::chrono::hours(24 * 19737));

struct World {
  World() {
    object.meta.generation = 3;
    auto& declared = spec();
    declared.environments = {{"blue", {"b:1"}, {}}, {"green", {"g:1"}, {}}, {"red", {"r:1"}, {}}};
    declared.active = "green";
    seen.weights = {{"blue", 100}, {"green", 0}, {"red", 0}};
  }
  TrafficTargetSpec& spec() { return std::get<TrafficTargetSpec>(object.spec); }
  TrafficTargetStatus& status() { return std::get<TrafficTargetStatus>(object.status); }
  void override_to(const std::string& name, std::optional<WallTime> until = std::nullopt) {
    TrafficOverride override;
    override.active = name;
    override.by = "alice";
    override.reason = "INC-1";
    override.until = until;
    spec().override = override;
  }
  void remember(const std::string& from, const std::string& to, const std::string& result,
                Trigger trigger = Trigger::kSpec) {
    HistoryEntry entry;
    entry.from = from;
    entry.to = to;
    entry.result = result;
    entry.trigger = trigger;
    if (!result.empty()) {
      entry.completed_at = kNow;
    }
    status().remember(entry);
  }
  void cut_short(const std::string& from, const std::string& to) { remember(from, to, ""); }
  TrafficDecision decide() const { return decide_traffic(object, seen, kNow); }

  Resource object = make_resource(Kind::kTrafficTarget, "shop");
  TrafficObservation seen;
};

const Status kSick{StatusCode::kUnavailable, "GET http://g:1/healthz answered 503", "Unhealthy"};

TEST(TrafficPolicy, ADeclaredTargetThatIsNotThereIsASwitch) {
  World world;
  const TrafficDecision decision = world.decide();
  EXPECT_EQ(decision.change, TrafficChange::kSwitch);
  EXPECT_EQ(decision.goal.trigger, Trigger::kSpec);
  EXPECT_EQ(decision.plan.from, "blue");
  EXPECT_EQ(decision.plan.to, "green");
  ASSERT_EQ(decision.plan.steps.size(), 2U);
  EXPECT_EQ(decision.plan.steps[0].summary, "send 100% to green");
  EXPECT_EQ(decision.plan.steps[1].summary, "drain blue");
  EXPECT_FALSE(decision.plan.hold.has_value());
}

TEST(TrafficPolicy, AnActiveOverrideWinsAndAnExpiredOneDoesNot) {
  World world;
  world.override_to("blue");
  EXPECT_EQ(world.decide().change, TrafficChange::kNone);
  EXPECT_TRUE(world.decide().goal.overridden);
  world.override_to("red", kNow + std::chrono::seconds(1));
  EXPECT_EQ(world.decide().plan.to, "red");
  EXPECT_EQ(world.decide().goal.trigger, Trigger::kOverride);
  EXPECT_EQ(world.decide().goal.by, "alice");
  world.override_to("red", kNow);
  EXPECT_EQ(world.decide().plan.to, "green");
  EXPECT_EQ(world.decide().goal.trigger, Trigger::kSpec);
}

TEST(TrafficPolicy, OnlyEnvironmentsThatGainAreAsked) {
  const TrafficWeights both = {{"blue", 50}, {"green", 50}};
  EXPECT_THAT(gaining({{"blue", 100}}, {{"green", 100}}), ElementsAre("green"));
  EXPECT_THAT(gaining({{"blue", 100}}, both), ElementsAre("green"));
  EXPECT_THAT(gaining(both, {{"blue", 100}}), ElementsAre("blue"));
  EXPECT_THAT(gaining(both, both), ElementsAre());
  EXPECT_THAT(gaining({}, both), ElementsAre("blue", "green"));
}

TEST(TrafficPolicy, AnUnhealthyDestinationHoldsTheTrafficWhereItIs) {
  World world;
  world.seen.health["green"] = kSick;
  const TrafficDecision decision = world.decide();
  ASSERT_TRUE(decision.plan.hold.has_value());
  EXPECT_EQ(decision.plan.hold->reason, "DestinationUnhealthy");
  EXPECT_THAT(decision.plan.hold->message,
              HasSubstr("green is not healthy: GET http://g:1/healthz"));
  EXPECT_THAT(decision.plan.hold->message, HasSubstr("Traffic stays at 'blue'"));
}

// The invariant of the way back, over every health of the side that is left.
TEST(TrafficPolicy, TheSideBeingLeftDecidesNothing) {
  for (const Status& health : {ok_status(), kSick}) {
    World world;
    world.override_to("blue");
    world.seen.weights = {{"green", 100}};
    world.seen.missing["green"] = "g:1";
    world.seen.health["green"] = health;
    world.seen.health["blue"] = ok_status();
    const TrafficDecision decision = world.decide();
    EXPECT_EQ(decision.change, TrafficChange::kSwitch);
    EXPECT_FALSE(decision.plan.hold.has_value());
  }
}

TEST(TrafficPolicy, AnAddressUnknownToTheRouterHoldsOnlyItsOwnEnvironment) {
  World world;
  world.seen.missing["green"] = "g:1";
  ASSERT_TRUE(world.decide().plan.hold.has_value());
  EXPECT_EQ(world.decide().plan.hold->reason, "UnknownAddress");
  world.spec().active = "red";
  EXPECT_FALSE(world.decide().plan.hold.has_value());
}

struct ChangeCase {
  std::string what;
  std::function<void(World&)> arrange;
  TrafficChange want;
};

TEST(TrafficPolicy, DriftResumptionAndSwitchAreToldApart) {
  const TrafficWeights green = {{"green", 100}};
  const std::vector<ChangeCase> cases = {
      {"converged", [&](World& w) { w.seen.weights = green; }, TrafficChange::kNone},
      {"one server of the right side is off",
       [&](World& w) {
         w.seen.weights = green;
         w.seen.settled = false;
       },
       TrafficChange::kRepair},
      {"the last change went there and the router is elsewhere",
       [](World& w) { w.remember("blue", "green", "Succeeded"); }, TrafficChange::kRepair},
      {"found there at first, now elsewhere", [&](World& w) { w.status().weights = green; },
       TrafficChange::kRepair},
      {"the last change there failed", [](World& w) { w.remember("blue", "green", "Failed"); },
       TrafficChange::kSwitch},
      {"the last change went elsewhere", [](World& w) { w.remember("green", "blue", "Succeeded"); },
       TrafficChange::kSwitch},
      {"cut short before it began", [](World& w) { w.cut_short("blue", "green"); },
       TrafficChange::kResume},
      {"cut short after it took effect",
       [&](World& w) {
         w.cut_short("blue", "green");
         w.seen.weights = green;
       },
       TrafficChange::kResume},
      {"another one was cut short", [](World& w) { w.cut_short("blue", "red"); },
       TrafficChange::kSwitch},
  };
  for (const ChangeCase& given : cases) {
    World world;
    given.arrange(world);
    EXPECT_EQ(world.decide().change, given.want) << given.what;
  }
}

TEST(TrafficPolicy, AWindowThatDidNotEndIsWatchedAgain) {
  World world;
  world.seen.weights = {{"green", 100}};
  world.remember("blue", "green", "Succeeded");
  EXPECT_FALSE(world.decide().unverified);
  world.status().history.front().result = "";
  EXPECT_TRUE(world.decide().unverified);
  world.status().history.front().result = "Failed";
  EXPECT_TRUE(world.decide().unverified);
}

TEST(TrafficPolicy, AnAutomaticSwitchBackHoldsUntilGenerationOrTargetChange) {
  World world;
  world.remember("blue", "green", "RolledBack");
  world.remember("green", "blue", "Succeeded", Trigger::kAutomatic);
  world.status().reverted_generation = 3;
  EXPECT_TRUE(world.decide().goal.reverted);
  EXPECT_EQ(world.decide().plan.to, "blue");
  EXPECT_EQ(world.decide().change, TrafficChange::kNone);

  world.seen.weights = {{"green", 100}};  // drift is repaired towards where it was taken back to
  EXPECT_EQ(world.decide().change, TrafficChange::kRepair);
  EXPECT_EQ(world.decide().plan.to, "blue");

  World fixed = world;
  fixed.object.meta.generation = 4;
  EXPECT_EQ(fixed.decide().plan.to, "green");
  World overridden = world;
  overridden.override_to("red");
  EXPECT_EQ(overridden.decide().plan.to, "red");
  EXPECT_FALSE(overridden.decide().goal.reverted);
}

TEST(TrafficPolicy, ASwitchCutShortHalfwayRetreatsWhenItsDestinationFellSick) {
  World world;
  world.cut_short("blue", "green");
  world.seen.weights = {{"blue", 50}, {"green", 50}};
  world.seen.health["green"] = kSick;
  EXPECT_THAT(world.decide().ask_too, ElementsAre("blue"));
  EXPECT_TRUE(world.decide().plan.hold.has_value());

  world.seen.health["blue"] = ok_status();
  EXPECT_EQ(world.decide().change, TrafficChange::kRetreat);
  EXPECT_EQ(world.decide().plan.to, "blue");
  EXPECT_FALSE(world.decide().plan.hold.has_value());

  world.seen.health["blue"] = kSick;  // neither side can take it: stay and say so
  EXPECT_EQ(world.decide().change, TrafficChange::kResume);
  EXPECT_TRUE(world.decide().plan.hold.has_value());

  world.seen.weights = {{"blue", 100}};  // nothing had moved: hold, no retreat
  EXPECT_EQ(world.decide().change, TrafficChange::kResume);
  EXPECT_THAT(world.decide().ask_too, ElementsAre());
}

TEST(TrafficPolicy, SharesSurviveTheirText) {
  for (const TrafficWeights& shares :
       {TrafficWeights{{"blue", 100}}, TrafficWeights{{"blue", 90}, {"green", 10}},
        TrafficWeights{{"a-b.c_d", 1}, {"blue", 33}, {"green", 66}}, TrafficWeights{}}) {
    EXPECT_EQ(parse_shares(describe_shares(shares)), shares);
  }
  EXPECT_EQ(describe_shares({{"blue", 100}, {"green", 0}}), "blue");
  for (const std::string text : {"=", "a=", "=5", "a=b", ",,", "a=-1,b=x"}) {
    EXPECT_EQ(parse_shares(text), TrafficWeights{}) << text;
  }
}

TEST(TrafficPolicy, RollbacksAreOverridesAutomaticOnesAndWaysBack) {
  World world;
  EXPECT_FALSE(newest_is_rollback(world.status()));
  world.remember("blue", "green", "Succeeded");
  EXPECT_FALSE(newest_is_rollback(world.status()));
  world.remember("green", "red", "Succeeded");
  EXPECT_FALSE(newest_is_rollback(world.status()));
  world.remember("red", "green", "Succeeded");
  EXPECT_TRUE(newest_is_rollback(world.status()));
  world.remember("green", "red", "Succeeded", Trigger::kOverride);
  EXPECT_TRUE(newest_is_rollback(world.status()));
}

}  // namespace
}  // namespace ripcord
