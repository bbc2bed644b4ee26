// SPDX-License-Identifier: Apache-2.0
// The controller is killed at every point of a switch, enumerated, and started again on the same
// API server: it ends as an undisturbed one does, and the Service or HTTPRoute went through the
// same changes.
#include "tests/integration/cluster_router_crash/router_shop.h"

#include <csignal>
#include <cstdio>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using Change = std::function<void(ObjectStore&)>;

void switch_to_green(ObjectStore& store) {
  TrafficTargetSpec spec = spec_in(store);
  spec.active = "green";
  put_spec(store, spec);
}

void share_with_green(ObjectStore& store) {
  TrafficTargetSpec spec = spec_in(store);
  spec.active.clear();
  spec.weights = {{"blue", 70}, {"green", 30}};
  put_spec(store, spec);
}

void override_to_green(ObjectStore& store) {
  override_to(store, "green");
}

struct Switch {
  const char* name;
  Driver driver;
  Change change;
  const char* broken;      // environment whose answers are errors
  const char* changes_of;  // the router, undisturbed
  int at_least;            // points
};

class RouterCrash : public testing::TestWithParam<Switch> {
 protected:
  void SetUp() override {
    REQUIRE_CONTROLLERS();
    set_up_shop(plane());
  }
  static ControlPlane& plane() { return shared_control_plane(); }

  // Each of these is a process of its own. A new object, everything on blue.
  int start_over() {
    return run_forked([&] {
      RouterController controller(plane(), GetParam().driver, "");
      (void)controller.store().remove(kShop);
      if (const Status sent = controller.send_all_to("blue"); !sent.ok()) {
        std::fprintf(stderr, "%s\n", to_string(sent).c_str());
        return 2;
      }
      put_spec(controller.store(), shop_spec(GetParam().driver, "blue"));
      controller.loop().settle();
      write_file(version_, controller.version());
      return ready(controller.loop().status()) == "Ready=True Serving" &&
                     controller.loop().status().active == "blue"
                 ? 0
                 : 1;
    });
  }
  // 128 + SIGKILL when the point was reached.
  int run_until(int point) {
    return run_forked([&] {
      int seen = 0;
      Mutex mutex;
      RouterController controller(plane(), GetParam().driver, GetParam().broken,
                                  [&](std::string_view) {
                                    const MutexLock lock(mutex);
                                    if (++seen == point) {
                                      raise(SIGKILL);
                                    }
                                  });
      GetParam().change(controller.store());
      controller.loop().settle();
      return 0;
    });
  }
  // What a new process makes of it, as one text so that it crosses the fork.
  std::string recover() {
    const int code = run_forked([&] {
      RouterController controller(plane(), GetParam().driver, GetParam().broken);
      controller.loop().settle();
      const TrafficTargetStatus status = controller.loop().status();
      std::string text = ready(status) + " active=" + status.active + "\n";
      for (const auto& [environment, weight] : status.weights) {
        text += environment + "=" + std::to_string(weight) + "\n";
      }
      for (const std::string& change : changes(status)) {
        text += change + "\n";
      }
      text += "drift repairs: " + std::to_string(status.drift_repairs) + "\n";
      text += "router: " + controller.lived_through(read_file(version_)) + "\n";
      write_file(end_, text);
      return 0;
    });
    return code == 0 ? read_file(end_) : "recovery ended with " + std::to_string(code);
  }

 private:
  const TempDir dir_;
  const std::string version_ = dir_ / "version";
  const std::string end_ = dir_ / "end";
};

TEST_P(RouterCrash, AtAnyPointEndsAsNone) {
  const GatewayProcess gateway;
  ASSERT_EQ(start_over(), 0);
  ASSERT_EQ(run_until(0), 0);
  const std::string want = recover();
  EXPECT_THAT(want, testing::HasSubstr(std::string("router: ") + GetParam().changes_of + "\n"));
  EXPECT_THAT(want, testing::HasSubstr("drift repairs: 0\n"));
  int point = 1;
  for (;; ++point) {
    ASSERT_LT(point, 100);
    ASSERT_EQ(start_over(), 0);
    const int code = run_until(point);
    if (code == 0) {
      break;
    }
    ASSERT_EQ(code, 128 + SIGKILL) << "point " << point;
    EXPECT_EQ(recover(), want) << "killed at point " << point;
  }
  EXPECT_GE(point - 1, GetParam().at_least) << "the points were not reached";
}

constexpr const char* kGreenByRoute = "shop-blue=0,shop-green=100,experiment=7,shop-canary=0";
constexpr const char* kThereAndBackByRoute =
    "shop-blue=0,shop-green=100,experiment=7,shop-canary=0; "
    "shop-blue=100,shop-green=0,experiment=7,shop-canary=0";

INSTANTIATE_TEST_SUITE_P(
    Cluster, RouterCrash,
    testing::Values(Switch{"OfAServiceBySpec", Driver::kService, switch_to_green, "", "green", 9},
                    Switch{"OfAServiceByOverride", Driver::kService, override_to_green, "", "green",
                           9},
                    Switch{"OfAServiceThatIsTakenBack", Driver::kService, switch_to_green, "green",
                           "green; blue", 15},
                    Switch{"OfSharesOfAnHttpRoute", Driver::kHttpRoute, share_with_green, "",
                           "shop-blue=70,shop-green=30,experiment=7,shop-canary=0", 9},
                    Switch{"OfAnHttpRouteByOverride", Driver::kHttpRoute, override_to_green, "",
                           kGreenByRoute, 9},
                    Switch{"OfAnHttpRouteThatIsTakenBack", Driver::kHttpRoute, switch_to_green,
                           "green", kThereAndBackByRoute, 15}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ripcord
