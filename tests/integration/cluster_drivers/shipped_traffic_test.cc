// SPDX-License-Identifier: Apache-2.0
// TrafficTargets over a Service and an HTTPRoute, with the shipped rights. The resync is an hour:
// what is put right was seen at once.
#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/integration/cluster_drivers/shipped_shop.h"

#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTarget = "traffictarget/shop";

class ATrafficTarget : public ShippedShop {
 protected:
  void SetUp() override {
    ShippedShop::SetUp();
    if (IsSkipped() || HasFatalFailure()) {
      return;
    }
    REQUIRE_CONTROLLERS();
    world_ = std::make_unique<ClusterWorld>("shop");
    three_environments(*world_);
  }
  void TearDown() override {
    ShippedShop::TearDown();
    if (world_ == nullptr) {
      return;
    }
    gateway_.reset();
    kubectl({"delete", "services", "--all"});
    kubectl({"delete", "pods", "--all", "--force", "--grace-period=0"});
    if (routed_) {
      kubectl({"delete", "httproutes", "--all"});
    }
  }

  void serve_by_service(const std::string& active) {
    apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: TrafficTarget
metadata: {{name: shop}}
spec:
  environments:
  - {{name: blue, selectorValue: blue, backend: {{service: shop-blue}}}}
  - {{name: green, selectorValue: green, backend: {{service: shop-green, minReady: 2}}}}
  active: {}
  router: {{kubernetesService: {{name: shop, selectorKey: version}}}}
)",
                      active));
  }
  void serve_by_route(const std::string& weights) {
    routed_ = true;
    install_gateway_api(plane());
    make_route(*world_);
    gateway_ = std::make_unique<SimulatedGateway>(*world_);
    apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: TrafficTarget
metadata: {{name: shop}}
spec:
  environments:
  - {{name: blue, backend: {{service: shop-blue, port: 80}}}}
  - {{name: green, backend: {{service: shop-green, port: 80}}}}
  weights: {}
  router: {{httpRoute: {{name: shop}}}}
)",
                      weights));
  }
  testing::AssertionResult is(const std::string& start) { return becomes(kTarget, "Ready", start); }
  std::string selector() { return world_->look("service/shop", "{.spec.selector.version}"); }
  std::string weights() {
    return world_->look("httproute/shop", "{.spec.rules[0].backendRefs[*].weight}");
  }
  void select(const std::string& version) {
    patch("service/shop", fmt::format(R"({{"spec":{{"selector":{{"version":"{}"}}}}}})", version));
  }
  // "blue>green Spec Succeeded; ...", newest first.
  std::string history() {
    std::string all;
    const json status = get(kTarget)["status"];
    for (const json& each : status.value("history", json::array())) {
      all += fmt::format("{}{}>{} {} {}", all.empty() ? "" : "; ", each.value("from", ""),
                         each.value("to", ""), each.value("trigger", ""), each.value("result", ""));
    }
    return all;
  }
  int fight(Duration pause);
  double available() {
    return ripcord().metric(R"(ripcord_rollback_available{strategy="traffic_target"})");
  }

  std::unique_ptr<ClusterWorld> world_;
  std::unique_ptr<SimulatedGateway> gateway_;
  bool routed_ = false;
};

TEST_F(ATrafficTarget, OverAServiceIsSwitchedOverriddenRepairedAndGivenBack) {
  run();
  serve_by_service("blue");
  EXPECT_TRUE(is("True Serving: traffic goes to 'blue'"));
  patch(kTarget, R"({"spec":{"active":"green"}})");
  EXPECT_TRUE(is("True Serving: traffic goes to 'green'"));
  EXPECT_EQ(selector(), "green");
  patch(kTarget, R"({"spec":{"override":{"active":"blue","reason":"INC-231","by":"alice"}}})");
  EXPECT_TRUE(is("True Overridden: traffic goes to 'blue' by override (INC-231)"));
  EXPECT_EQ(selector(), "blue");
  select("green");
  EXPECT_TRUE(eventually([&] { return selector() == "blue"; }));
  EXPECT_TRUE(becomes(kTarget, "DriftRepaired", "True DriftRepaired: "));
  EXPECT_THAT(condition(kTarget, "DriftRepaired"), HasSubstr("it had 'green'"));
  EXPECT_TRUE(is("True Overridden: "));
  EXPECT_EQ(get(kTarget)["status"]["driftRepairs"], 1);
  EXPECT_EQ(ripcord().metric(R"(ripcord_drift_repairs_total{strategy="traffic_target"})"), 1);
  patch(kTarget, R"({"spec":{"override":null}})");
  EXPECT_TRUE(is("True Serving: traffic goes to 'green'"));
  EXPECT_EQ(selector(), "green");
  EXPECT_EQ(history(),
            "blue>green Spec Succeeded; green>blue Override Succeeded; blue>green Spec Succeeded");
  EXPECT_THAT(ripcord().log(), Not(HasSubstr("its changes are seen at the next resync")));
}

TEST_F(ATrafficTarget, OverAnHttpRouteIsSharedOverriddenRepairedAndGivenBack) {
  run();
  serve_by_route("{blue: 90, green: 10}");
  const std::string others = world_->look("httproute/shop", "{.spec.rules[1:]}");
  EXPECT_TRUE(is("True Serving: traffic goes to 'blue=90,green=10'"));
  EXPECT_EQ(weights(), "90 10 7 0");
  patch(kTarget, R"({"spec":{"override":{"active":"blue","reason":"INC-231","by":"alice"}}})");
  EXPECT_TRUE(is("True Overridden: traffic goes to 'blue' by override (INC-231)"));
  EXPECT_EQ(weights(), "100 0 7 0");
  kubectl({"patch", "httproute", "shop", "--type=json", "-p",
           R"([{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":300}])"});
  EXPECT_TRUE(eventually([&] { return weights() == "100 0 7 0"; }));
  EXPECT_TRUE(becomes(kTarget, "DriftRepaired", "True DriftRepaired: "));
  EXPECT_THAT(condition(kTarget, "DriftRepaired"), HasSubstr("it had 'blue=25,green=75'"));
  EXPECT_TRUE(is("True Overridden: "));
  EXPECT_EQ(get(kTarget)["status"]["driftRepairs"], 1);
  patch(kTarget, R"({"spec":{"override":null}})");
  EXPECT_TRUE(is("True Serving: traffic goes to 'blue=90,green=10'"));
  EXPECT_EQ(weights(), "90 10 7 0");
  EXPECT_EQ(world_->look("httproute/shop", "{.spec.rules[1:]}"), others);
  EXPECT_EQ(history(),
            "blue>blue=90,green=10 Spec Succeeded; blue=90,green=10>blue Override Succeeded; "
            "blue>blue=90,green=10 Spec Succeeded");
  EXPECT_THAT(ripcord().log(), Not(HasSubstr("its changes are seen at the next resync")));
}

TEST_F(ATrafficTarget, SeesItsServiceGoAndComeBack) {
  run();
  serve_by_service("blue");
  EXPECT_TRUE(is("True Serving: "));
  kubectl({"delete", "service", "shop"});
  EXPECT_TRUE(is("False ServiceNotFound: "));
  apply(
      "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {ports: [{port: 80}], "
      "selector: {app: shop, version: green}}}");
  EXPECT_TRUE(is("True Serving: traffic goes to 'blue'"));
  EXPECT_EQ(selector(), "blue");
}

TEST_F(ATrafficTarget, ReportsWhetherTheWayBackIsOpenAsPodsComeAndGo) {
  run();
  serve_by_service("green");
  EXPECT_TRUE(is("True Serving: traffic goes to 'green'"));
  EXPECT_TRUE(eventually([&] { return available() == 1; }));
  world_->set_ready("blue-1", false);
  EXPECT_TRUE(eventually([&] { return available() == 0; }));
  patch(kTarget, R"({"spec":{"override":{"active":"blue"}}})");
  EXPECT_TRUE(is("False DestinationUnhealthy: "));
  EXPECT_EQ(selector(), "green");
  world_->set_ready("blue-1", true);
  EXPECT_TRUE(is("True Overridden: "));
  EXPECT_EQ(selector(), "blue");
}

// Somebody who undoes what is repaired, as a second controller would, after `pause`. How often.
int ATrafficTarget::fight(Duration pause) {
  const kubernetes::ApiObjects objects(world_->reach());
  const kubernetes::ApiName name{kubernetes::kServices, "shop", "shop"};
  int undone = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (std::chrono::steady_clock::now() < end) {
    const auto body = objects.get(name);
    if (body && json::parse(*body)["spec"]["selector"]["version"] == "blue") {
      std::this_thread::sleep_for(pause);
      undone += objects.patch(name, kubernetes::PatchType::kMerge,
                              R"({"spec":{"selector":{"version":"green"}}})")
                        .has_value()
                    ? 1
                    : 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(eventually([&] { return selector() == "blue"; }));
  EXPECT_TRUE(is("True Serving: "));
  return undone;
}

TEST_F(ATrafficTarget, ThatSomebodyElseWritesToAllTheTimeCostsABoundedNumberOfRepairs) {
  run();
  serve_by_service("blue");
  EXPECT_TRUE(is("True Serving: "));
  const int slow = fight(std::chrono::milliseconds(300));
  EXPECT_GE(slow, 3);
  EXPECT_LE(slow, 14);  // each is two changes; eight of them are seen at once, then one in 5 s
  const int fast = fight({});
  EXPECT_GE(fast, 1);
  EXPECT_LE(fast, 30);  // the back-off doubles
}

class ATrafficTargetWhoseControllerIsKilled : public ATrafficTarget,
                                              public testing::WithParamInterface<const char*> {
 protected:
  // Killed around write number `at` of a switch to green; whether it came to that.
  bool switch_with_a_crash(int at) {
    kubectl({"delete", kTarget, "--ignore-not-found"});
    select("blue");
    FaultProxy proxy(plane(), plain_client());
    run_with(proxy.kubeconfig(token()));
    serve_by_service("blue");
    EXPECT_TRUE(is("True Serving: traffic goes to 'blue'"));
    proxy.add_rule(
        fmt::format(R"({{"method":"PUT|POST|PATCH","path":"services/shop|traffictargets/shop",)"
                    R"("skip":{},"times":1,"when":"{}","kill":{}}})",
                    at, GetParam(), ripcord().pid()));
    bool died = false;
    patch(kTarget, R"({"spec":{"override":{"active":"green","reason":"INC-231","by":"alice"}}})");
    EXPECT_TRUE(eventually([&] {
      if (!ripcord().running()) {
        died = true;
        ripcord().start();
      }
      return condition(kTarget, "Ready").starts_with("True Overridden: traffic goes to 'green'");
    })) << condition(kTarget, "Ready");
    EXPECT_EQ(selector(), "green");
    EXPECT_EQ(history(), "blue>green Override Succeeded");
    EXPECT_EQ(get(kTarget)["status"].value("driftRepairs", 0), 0);
    return died;
  }
};

TEST_P(ATrafficTargetWhoseControllerIsKilled, IsSwitchedOnceAllTheSame) {
  int at = 0;
  for (bool died = true; died; ++at) {
    ASSERT_LT(at, 10);
    SCOPED_TRACE(fmt::format("killed {} write {}", GetParam(), at + 1));
    died = switch_with_a_crash(at);
  }
  EXPECT_GE(at, 4);  // intent, selector, completion
}

INSTANTIATE_TEST_SUITE_P(Shipped, ATrafficTargetWhoseControllerIsKilled,
                         testing::Values("before", "after"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ripcord
