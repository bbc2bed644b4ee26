// SPDX-License-Identifier: Apache-2.0
// The weights of a real HTTPRoute; the Gateway's controller is played by the test.
#include "adapters/kubernetes/http_route_router.h"

#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using kubernetes::HttpRouteRouters;
using kubernetes::RouterOptions;
using testing::AllOf;
using testing::HasSubstr;
using Mood = SimulatedGateway::Mood;

class AnHttpRouteRouter : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROLLERS();
    install_gateway_api(shared_control_plane());
    world_ = std::make_unique<ClusterWorld>();
    spec_ = three_environments(*world_);
    spec_.router.http_route = HttpRouteRouter{"shop", {}};
    make_route(*world_);
    gateway_ = std::make_unique<SimulatedGateway>(*world_);
  }
  std::unique_ptr<TrafficRouter> opened(RouterOptions options = {}) {
    return opened_at(world_->reach(), std::move(options));
  }
  std::unique_ptr<TrafficRouter> opened_at(const kubernetes::ClusterReach& reach,
                                           RouterOptions options = {}) {
    HttpRouteRouters routers(reach, world_->clock(), std::move(options));
    auto router = routers.open(located(spec_, world_->ns()));
    EXPECT_OK(router);
    return std::move(*router);
  }
  std::string spec_text() { return world_->look("httproute/shop", "{.spec}"); }
  // Weights of the first rule.
  std::string weights() {
    return world_->look("httproute/shop", "{.spec.rules[0].backendRefs[*].weight}");
  }
  void patch(const std::string& json) {
    world_->kubectl({"patch", "httproute", "shop", "--type=json", "-p", json});
  }

  std::unique_ptr<ClusterWorld> world_;
  std::unique_ptr<SimulatedGateway> gateway_;
  TrafficTargetSpec spec_;
};

void replace_once(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << text;
  text.replace(at, from.size(), to);
}

TEST_F(AnHttpRouteRouter, WritesItsWeightsAndKeepsEverythingElse) {
  std::string expected = spec_text();
  ASSERT_OK(opened()->apply({{"blue", 70}, {"canary", 30}}));
  replace_once(expected, R"("name":"shop-blue","port":80,"weight":1)",
               R"("name":"shop-blue","port":80,"weight":70)");
  replace_once(expected, R"("name":"shop-canary","port":80,"weight":0)",
               R"("name":"shop-canary","port":80,"weight":30)");
  EXPECT_EQ(spec_text(), expected);
  EXPECT_THAT(expected, HasSubstr(R"("name":"experiment","port":8080,"weight":7)"));
}

TEST_F(AnHttpRouteRouter, FindsItsBackendsAgainWhenSomebodyMovesThem) {
  int writes = 0;
  const auto router = opened({.trace = [&](std::string_view point) {
    if (point == "before patching the weights" && ++writes == 1) {
      patch(R"([{"op":"add","path":"/spec/rules/0/backendRefs/0",
                 "value":{"name":"newcomer","port":80,"weight":3}}])");
    }
  }});
  ASSERT_OK(router->apply({{"green", 100}}));
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(weights(), "3 0 100 7 0");
}

TEST_F(AnHttpRouteRouter, WaitsUntilTheGatewayHasSeenThisGeneration) {
  ASSERT_OK(opened()->apply({{"blue", 100}}));
  gateway_->feel(Mood::kMute);
  const auto router = opened({.patience = std::chrono::milliseconds(200)});
  const Status waiting = router->apply({{"green", 100}});
  EXPECT_CODE(waiting, StatusCode::kUnavailable);
  EXPECT_EQ(waiting.reason(), "NotAccepted");
  EXPECT_THAT(waiting.message(),
              AllOf(HasSubstr("HTTPRoute " + world_->ns() + "/shop"),
                    HasSubstr("Gateway web of example.com/gateway has not reported Accepted")));
  gateway_->feel(Mood::kAccepts);
  EXPECT_OK(opened()->apply({{"green", 100}}));
}

TEST_F(AnHttpRouteRouter, WaitsForNothingThatSomebodyElseHasUndone) {
  ASSERT_OK(opened()->apply({{"blue", 100}}));
  gateway_->feel(Mood::kMute);
  const auto router = opened(
      {.patience = std::chrono::minutes(5), .trace = [&](std::string_view point) {
         if (point == "after patching the weights") {
           patch(R"([{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":1}])");
         }
       }});
  EXPECT_EQ(router->apply({{"green", 100}}).reason(), "ReadBackMismatch");
}

TEST_F(AnHttpRouteRouter, SaysWhatTheGatewayRefuses) {
  ASSERT_OK(opened()->apply({{"blue", 100}}));
  gateway_->feel(Mood::kRefuses);
  const Status refused = opened()->apply({{"green", 100}});
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.reason(), "RouteRefused");
  EXPECT_THAT(refused.message(), HasSubstr("Accepted=False (UnsupportedValue): says the test"));
}

TEST_F(AnHttpRouteRouter, AnOldDefectOfTheRouteHoldsUpNoWayBack) {
  gateway_->break_references();
  patch(R"([{"op":"replace","path":"/spec/hostnames/0","value":"b.example"}])");
  ASSERT_TRUE(eventually([&] {
    return world_->look("httproute/shop", "{.status.parents[0].conditions[1].status}") == "False";
  }));
  EXPECT_OK(opened()->apply({{"green", 100}}));
}

TEST_F(AnHttpRouteRouter, ANewDefectIsReported) {
  ASSERT_OK(opened()->apply({{"blue", 100}}));
  gateway_->break_references();
  const Status refused = opened()->apply({{"green", 100}});
  EXPECT_EQ(refused.reason(), "RouteRefused");
  EXPECT_THAT(refused.message(), HasSubstr("ResolvedRefs=False (BackendNotFound)"));
}

TEST_F(AnHttpRouteRouter, AnEnvironmentThatTheRuleDoesNotNameHoldsUpNoOther) {
  patch(R"([{"op":"remove","path":"/spec/rules/0/backendRefs/1"}])");
  const auto router = opened();
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_THAT(state->missing, testing::ElementsAre(testing::Pair("green", "shop-green in rule 1")));
  EXPECT_EQ(router->apply({{"green", 100}}).reason(), "UnknownAddress");
  EXPECT_OK(router->apply({{"canary", 100}}));
  EXPECT_EQ(weights(), "0 7 100");
}

TEST_F(AnHttpRouteRouter, SeesAndRepairsWeightsWrittenByHand) {
  const auto router = opened();
  ASSERT_OK(router->apply({{"blue", 50}, {"green", 50}}));
  patch(R"([{"op":"replace","path":"/spec/rules/0/backendRefs/0/weight","value":200},
            {"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":100}])");
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->weights, (TrafficWeights{{"blue", 67}, {"green", 33}, {"canary", 0}}));
  EXPECT_FALSE(state->settled);
  ASSERT_OK(router->apply({{"blue", 50}, {"green", 50}}));
  EXPECT_EQ(weights(), "50 50 7 0");
}

TEST_F(AnHttpRouteRouter, SendsNothingToAServiceWithoutReadyEndpoints) {
  for (const std::string pod : {"green-1", "green-2"}) {
    world_->set_ready(pod, false);
  }
  world_->await_ready("shop-green", 0);
  const auto router = opened();
  EXPECT_EQ(router->apply({{"blue", 90}, {"green", 10}}).reason(), "DestinationDown");
  EXPECT_EQ(weights(), "1 0 7 0");
  EXPECT_OK(router->apply({{"blue", 90}, {"canary", 10}}));
}

TEST_F(AnHttpRouteRouter, NamesTheMissingRight) {
  world_->grant("get", "httproutes.gateway.networking.k8s.io");
  world_->grant("list", "endpointslices.discovery.k8s.io");
  const auto router = opened_at(world_->visitor());
  ASSERT_TRUE(eventually([&] { return router->read().has_value(); }));
  const Status denied = router->apply({{"green", 100}});
  EXPECT_CODE(denied, StatusCode::kPermissionDenied);
  EXPECT_THAT(denied.message(),
              AllOf(HasSubstr("HTTPRoute " + world_->ns() + "/shop"),
                    HasSubstr("the verb patch on httproutes.gateway.networking.k8s.io")));
}

}  // namespace
}  // namespace ripcord
