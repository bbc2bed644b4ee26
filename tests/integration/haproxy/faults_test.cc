// SPDX-License-Identifier: Apache-2.0
// A real HAProxy that reloads, restarts, or is written to by somebody else.
#include "tests/integration/haproxy/shop.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kAllGreen = {"b1 drain 256", "g1 ready 256"};

class HaproxyFaults : public testing::Test {
 protected:
  void go(const std::string& active) {
    put_spec(shop.store, shop.spec(active));
    controller.loop.settle();
    ASSERT_EQ(controller.loop.status().active, active);
    ASSERT_EQ(ready(controller.loop.status()), "Ready=True Serving");
  }
  // "b1 drain 256" or "b1 drain 1": a drained server keeps the weight it had.
  std::string server(std::size_t index) const { return shop.haproxy.servers().at(index); }

  Shop shop;
  Controller controller{shop};
};

TEST_F(HaproxyFaults, AReloadKeepsTheSwitchByTheStateFile) {
  go("green");
  const std::vector<std::string> before = shop.haproxy.servers();
  shop.haproxy.reload();
  EXPECT_EQ(shop.haproxy.servers(), before);
  controller.loop.settle();
  EXPECT_EQ(controller.loop.status().drift_repairs, 0);
}

TEST_F(HaproxyFaults, ARestartThatLostTheStateIsRepairedAndIsNoSwitch) {
  go("green");
  shop.haproxy.stop();
  std::filesystem::remove(shop.haproxy.state_file());
  shop.haproxy.start();
  ASSERT_THAT(server(1), HasSubstr("maint"));  // as configured: all on blue
  controller.loop.settle();
  const TrafficTargetStatus status = controller.loop.status();
  EXPECT_THAT(server(0), HasSubstr("drain"));
  EXPECT_EQ(server(1), "g1 ready 256");
  EXPECT_EQ(status.drift_repairs, 1);
  EXPECT_TRUE(status.conditions.is_true("DriftRepaired"));
  EXPECT_THAT(changes(status), ElementsAre("blue>green Spec Succeeded"));
  EXPECT_EQ(ready(status), "Ready=True Serving");
}

TEST_F(HaproxyFaults, ALostStateFileIsWrittenAgain) {
  go("green");
  std::filesystem::remove(shop.haproxy.state_file());
  controller.loop.settle();
  shop.haproxy.reload();
  EXPECT_EQ(server(1), "g1 ready 256");
}

TEST_F(HaproxyFaults, AForeignFileInPlaceOfTheStateFileIsNotOverwrittenButTrafficMoves) {
  go("blue");
  write_file(shop.haproxy.state_file(), "somebody's notes\n");
  override_to(shop.store, "green");
  const Outcome outcome = controller.loop.settle();
  EXPECT_TRUE(std::holds_alternative<Stalled>(outcome));
  EXPECT_EQ(ready(controller.loop.status()), "Ready=False StateFileNotOurs");
  EXPECT_EQ(server(1), "g1 ready 256");
  EXPECT_THAT(server(0), HasSubstr("drain"));
  EXPECT_EQ(read_file(shop.haproxy.state_file()), "somebody's notes\n");
  std::filesystem::remove(shop.haproxy.state_file());
  controller.loop.settle();
  EXPECT_EQ(ready(controller.loop.status()), "Ready=True Overridden");
  EXPECT_THAT(changes(controller.loop.status()), ElementsAre("blue>green Override Succeeded"));
}

TEST_F(HaproxyFaults, ARestartBetweenCommandAndVerificationIsNoticed) {
  go("blue");
  bool done = false;
  Controller restarting(shop, [&](std::string_view point) {
    if (point == "after moving traffic" && !done) {
      done = true;
      shop.haproxy.stop();
      std::filesystem::remove(shop.haproxy.state_file());
      shop.haproxy.start();
    }
  });
  put_spec(shop.store, shop.spec("green"));
  restarting.loop.settle();
  const TrafficTargetStatus status = restarting.loop.status();
  EXPECT_TRUE(done);
  EXPECT_EQ(ready(status), "Ready=True Serving");
  EXPECT_EQ(server(1), "g1 ready 256");
  EXPECT_THAT(changes(status), ElementsAre("blue>green Spec Succeeded"));
}

TEST_F(HaproxyFaults, AReloadBetweenTwoCommandsIsNoticed) {
  go("blue");
  bool done = false;
  Controller reloading(shop, [&](std::string_view point) {
    if (point == "after set server shop/g1 state ready" && !done) {
      done = true;
      shop.haproxy.reload();  // takes the old state from the file
    }
  });
  put_spec(shop.store, shop.spec("green"));
  reloading.loop.settle();
  EXPECT_TRUE(done);
  EXPECT_EQ(ready(reloading.loop.status()), "Ready=True Serving");
  EXPECT_EQ(server(1), "g1 ready 256");
  EXPECT_THAT(server(0), HasSubstr("drain"));
  shop.haproxy.reload();
  EXPECT_EQ(server(1), "g1 ready 256");
}

// Somebody else insists on blue. Each look repairs once and then leaves the pace to the queue.
TEST_F(HaproxyFaults, ASecondWriterIsRepairedReportedAndNotSpunAgainst) {
  go("green");
  for (int round = 1; round <= 5; ++round) {
    shop.haproxy.command("set server shop/b1 state ready");
    shop.haproxy.command("set server shop/g1 state drain");
    const Outcome outcome = controller.loop.reconcile();
    const auto* again = std::get_if<RequeueAfter>(&outcome);
    ASSERT_NE(again, nullptr);
    EXPECT_FALSE(again->delay.has_value());  // the key's own exponential back-off
    const TrafficTargetStatus status = controller.loop.status();
    EXPECT_EQ(status.drift_repairs, round);
    EXPECT_EQ(status.active, "green");
    EXPECT_THAT(status.conditions.find("DriftRepaired")->message,
                HasSubstr(std::to_string(round) + " times"));
    EXPECT_EQ(status.history.size(), 1U);
  }
  EXPECT_TRUE(std::holds_alternative<Done>(controller.loop.reconcile()));
}

// It writes right after every command of ours: the switch never verifies, and says so.
TEST_F(HaproxyFaults, AWriterThatUndoesEveryCommandIsNamedInTheReadBack) {
  go("blue");
  Controller fought(shop, [&](std::string_view point) {
    if (point.starts_with("after set server shop/b1 state drain")) {
      shop.haproxy.command("set server shop/b1 state ready");
    }
  });
  put_spec(shop.store, shop.spec("green"));
  const Outcome outcome = fought.loop.reconcile();
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  const TrafficTargetStatus status = fought.loop.status();
  EXPECT_EQ(ready(status), "Ready=False ReadBackMismatch");
  EXPECT_THAT(status.conditions.find(kReady)->message,
              HasSubstr("`set server shop/b1 state drain`"));
  EXPECT_THAT(status.conditions.find(kReady)->message, HasSubstr("ready weight"));
  controller.loop.settle();
  EXPECT_THAT(changes(controller.loop.status()), ElementsAre("blue>green Spec Succeeded"));
}

TEST_F(HaproxyFaults, WhileHaproxyIsDownTheConditionSaysSoAndItGoesOnAfterwards) {
  go("blue");
  shop.haproxy.stop();
  override_to(shop.store, "green");
  const Outcome outcome = controller.loop.reconcile();
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(ready(controller.loop.status()), "Ready=False RouterUnavailable");
  shop.haproxy.start();
  controller.loop.settle();
  EXPECT_EQ(ready(controller.loop.status()), "Ready=True Overridden");
  EXPECT_EQ(controller.loop.status().active, "green");
}

}  // namespace
}  // namespace ripcord
