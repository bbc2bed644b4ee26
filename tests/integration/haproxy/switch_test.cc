// SPDX-License-Identifier: Apache-2.0
// Switching on a real HAProxy under load.
#include "tests/integration/haproxy/shop.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;

TEST(HaproxySwitch, TwentyBlueGreenSwitchesUnderLoadLoseNoRequest) {
  Shop shop;
  Controller controller(shop);
  put_spec(shop.store, shop.spec("blue"));
  controller.loop.settle();
  SteadyLoad load(shop.haproxy.port(), 4);
  for (int i = 0; i < 20; ++i) {
    TrafficTargetSpec spec = shop.spec(i % 2 == 0 ? "green" : "blue");
    spec.verification.window = std::chrono::milliseconds(100);
    put_spec(shop.store, spec);
    const Outcome outcome = controller.loop.settle();
    const TrafficTargetStatus status = controller.loop.status();
    ASSERT_TRUE(std::holds_alternative<Done>(outcome)) << i << ": " << ready(status);
    ASSERT_EQ(status.active, spec.active);
    ASSERT_EQ(status.last_switch->failures, 0);
    ASSERT_EQ(status.last_switch->downtime_seconds, 0);
    ASSERT_GT(status.last_switch->probes, 0);
    ASSERT_GT(status.last_switch->duration_seconds, 0);
  }
  load.stop();
  EXPECT_EQ(load.lost(), 0);
  EXPECT_GT(load.answered_by("blue"), 0);
  EXPECT_GT(load.answered_by("green"), 0);
  EXPECT_EQ(controller.loop.status().history.size(), kHistoryLimit);
}

TEST(HaproxySwitch, AfterASwitchOnlyTheNewSideAnswers) {
  Shop shop;
  Controller controller(shop);
  put_spec(shop.store, shop.spec("blue"));
  controller.loop.settle();
  override_to(shop.store, "green");
  controller.loop.settle();
  const std::size_t blue_before = shop.blue.hits();
  SteadyLoad load(shop.haproxy.port(), 2);
  ASSERT_TRUE(eventually([&] { return load.answered() > 200; }));
  load.stop();
  EXPECT_EQ(load.lost(), 0);
  EXPECT_EQ(load.answered_by("blue"), 0);
  EXPECT_EQ(shop.blue.hits(), blue_before);
  const TrafficTargetStatus status = controller.loop.status();
  EXPECT_EQ(ready(status), "Ready=True Overridden");
  EXPECT_TRUE(status.overridden);
  EXPECT_THAT(changes(status), ElementsAre("blue>green Override Succeeded"));
  EXPECT_EQ(controller.loop.metrics().count(
                "ripcord_rollback_duration_seconds{traffic_target,override,succeeded}"),
            1);
}

TEST(HaproxySwitch, WeightsSplitTheTrafficExactlyOverManyRequests) {
  Shop shop;
  Controller controller(shop);
  TrafficTargetSpec spec = shop.spec("");
  spec.active.clear();
  spec.weights = {{"blue", 90}, {"green", 10}};
  put_spec(shop.store, spec);
  controller.loop.settle();
  SteadyLoad load(shop.haproxy.port(), 4);
  ASSERT_TRUE(eventually([&] { return load.answered() > 2000; }));
  load.stop();
  EXPECT_EQ(load.lost(), 0);
  const double share =
      static_cast<double>(load.answered_by("green")) / static_cast<double>(load.answered());
  EXPECT_NEAR(share, 0.10, 0.02);  // round robin by weight: no chance in it but the edges
  EXPECT_EQ(controller.loop.status().active, "");
  EXPECT_EQ(controller.loop.status().weights, (TrafficWeights{{"blue", 90}, {"green", 10}}));
}

TEST(HaproxySwitch, AnUnhealthyDestinationIsRefusedAndTheOtherSideIsNeverAsked) {
  Shop shop;
  Controller controller(shop);
  put_spec(shop.store, shop.spec("blue"));
  controller.loop.settle();
  shop.green.behave("sick");
  const std::size_t asked_blue = shop.blue.hits("/healthz");
  override_to(shop.store, "green");
  const Outcome outcome = controller.loop.reconcile();
  const TrafficTargetStatus status = controller.loop.status();
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(ready(status), "Ready=False DestinationUnhealthy");
  EXPECT_TRUE(status.conditions.is_true("DestinationUnhealthy"));
  EXPECT_NE(status.conditions.find("DestinationUnhealthy")->message.find("answered 503"),
            std::string::npos);
  EXPECT_EQ(status.active, "blue");
  EXPECT_THAT(changes(status), ElementsAre());
  EXPECT_EQ(shop.green.hits("/healthz"), 1U);
  EXPECT_EQ(shop.blue.hits("/healthz"), asked_blue);

  shop.green.behave("ok");
  controller.loop.settle();
  EXPECT_EQ(ready(controller.loop.status()), "Ready=True Overridden");
  EXPECT_FALSE(controller.loop.status().conditions.is_true("DestinationUnhealthy"));
}

// The side that is left hangs, as after a bad release: it must not be asked, and nothing waits.
TEST(HaproxySwitch, AHangingSourceNeitherDelaysTheWayBackNorIsAsked) {
  constexpr auto kLong = std::chrono::minutes(5);  // whoever waits for the source waits this long
  Shop shop;
  Controller controller(shop);
  TrafficTargetSpec spec = shop.spec("green");
  spec.verification.timeout = kLong;
  spec.environments[1].health.timeout = kLong;
  put_spec(shop.store, spec);
  controller.loop.settle();
  ASSERT_EQ(controller.loop.status().active, "green");
  shop.green.behave("hang");
  const std::size_t asked = shop.green.hits("/healthz");
  override_to(shop.store, "blue");
  const Outcome outcome = controller.loop.settle();
  const TrafficTargetStatus status = controller.loop.status();
  ASSERT_TRUE(std::holds_alternative<Done>(outcome)) << ready(status);
  EXPECT_EQ(status.active, "blue");
  EXPECT_EQ(shop.green.hits("/healthz"), asked);
}

TEST(HaproxySwitch, TooManyFailuresInTheWindowSwitchBackOnceByThemselves) {
  Shop shop;
  Controller controller(shop);
  put_spec(shop.store, shop.spec("blue"));
  controller.loop.settle();
  shop.green.behave("fail");
  TrafficTargetSpec spec = shop.spec("green");
  spec.environments[1].health.expected_status = 503;  // its own health check sees nothing wrong
  put_spec(shop.store, spec);
  const Outcome outcome = controller.loop.settle();
  TrafficTargetStatus status = controller.loop.status();
  ASSERT_TRUE(std::holds_alternative<Stalled>(outcome)) << ready(status);
  EXPECT_EQ(ready(status), "Ready=False SwitchReverted");
  EXPECT_TRUE(status.conditions.is_true(kStalled));
  EXPECT_THAT(changes(status),
              ElementsAre("green>blue Automatic Succeeded", "blue>green Spec RolledBack"));
  EXPECT_EQ(status.active, "blue");
  EXPECT_GT(status.reverted_generation, 0);

  controller.loop.settle();  // a resync does not try again
  EXPECT_EQ(controller.loop.status().history.size(), 2U);
  EXPECT_EQ(ready(controller.loop.status()), "Ready=False SwitchReverted");

  shop.green.behave("ok");  // the fixed release comes with a new generation
  put_spec(shop.store, shop.spec("green"));
  controller.loop.settle();
  EXPECT_EQ(ready(controller.loop.status()), "Ready=True Serving");
  EXPECT_EQ(controller.loop.status().active, "green");
}

// The override that takes back a fresh switch does not wait for the window of that switch.
TEST(HaproxySwitch, AnOverrideEndsTheWindowOfTheSwitchItTakesBack) {
  Shop shop;
  Controller controller(shop);
  put_spec(shop.store, shop.spec("blue"));
  controller.loop.settle();
  TrafficTargetSpec spec = shop.spec("green");
  spec.verification.window = std::chrono::minutes(5);
  put_spec(shop.store, spec);
  std::jthread person([&] {
    if (eventually([&] {
          return !status_in(shop.store).history.empty() &&
                 status_in(shop.store).history.front().completed_at;
        })) {
      override_to(shop.store, "blue");
    }
  });
  controller.loop.reconcile();
  person.join();
  spec = spec_in(shop.store);
  ASSERT_TRUE(spec.override.has_value());
  spec.verification.window = std::chrono::milliseconds(100);
  put_spec(shop.store, spec);
  controller.loop.settle();
  EXPECT_THAT(changes(controller.loop.status()),
              ElementsAre("green>blue Override Succeeded", "blue>green Spec Succeeded"));
}

}  // namespace
}  // namespace ripcord
