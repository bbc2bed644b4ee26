// SPDX-License-Identifier: Apache-2.0
// The selector of a real Service, with the real EndpointSlice controller behind it.
#include "adapters/kubernetes/service_router.h"

#include "controller/codec/cluster_service.h"
#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using kubernetes::RouterOptions;
using kubernetes::ServiceRouters;
using testing::AllOf;
using testing::HasSubstr;

const TrafficWeights kBlue = {{"blue", 100}, {"green", 0}, {"canary", 0}};
const TrafficWeights kGreen = {{"green", 100}};

class AServiceRouter : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROLLERS();
    world_ = std::make_unique<ClusterWorld>();
    spec_ = three_environments(*world_);
    spec_.router.kubernetes_service = KubernetesServiceRouter{"shop", "version", {}};
  }
  std::unique_ptr<TrafficRouter> opened(RouterOptions options = {}) {
    return opened_at(world_->reach(), std::move(options));
  }
  std::unique_ptr<TrafficRouter> opened_at(const kubernetes::ClusterReach& reach,
                                           RouterOptions options = {}) {
    ServiceRouters routers(reach, world_->clock(), std::move(options));
    auto router = routers.open(located(spec_, world_->ns()));
    EXPECT_OK(router);
    return std::move(*router);
  }
  std::string selector() { return world_->look("service/shop", "{.spec.selector.version}"); }

  std::unique_ptr<ClusterWorld> world_;
  TrafficTargetSpec spec_;
};

TEST_F(AServiceRouter, ChangesOneLabelOfTheSelectorAndNothingElse) {
  const std::string before = world_->look("service/shop", "{.spec}{.metadata.labels}");
  ASSERT_OK(opened()->apply(kGreen));
  std::string after = world_->look("service/shop", "{.spec}{.metadata.labels}");
  const std::size_t at = after.find(R"("version":"green")");
  ASSERT_NE(at, std::string::npos) << after;
  after.replace(at, 17, R"("version":"blue")");
  EXPECT_EQ(after, before);
  EXPECT_THAT(
      world_->look("service/shop", "{.metadata.managedFields[?(@.manager==\"ripcord\")].fieldsV1}"),
      R"({"f:spec":{"f:selector":{}}})");
}

TEST_F(AServiceRouter, IsDoneOnlyWhenTheSlicesListTheDestinationAlone) {
  const auto router = opened();
  const kubernetes::ApiObjects objects(world_->reach());
  for (const std::string to : {"green", "canary", "blue", "canary", "green"}) {
    ASSERT_OK(router->apply({{to, 100}}));
    const auto listed = codec::decode_endpoints(*objects.list(
        kubernetes::kEndpointSlices, world_->ns(), "kubernetes.io/service-name=shop"));
    ASSERT_OK(listed);
    EXPECT_FALSE(listed->empty());
    for (const codec::Endpoint& endpoint : *listed) {
      EXPECT_THAT(endpoint.name, testing::StartsWith(to + "-"));
    }
  }
}

TEST_F(AServiceRouter, SaysWhichEndpointsAreStillThere) {
  world_->apply(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: by-hand, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [10.200.0.9]}]
)");
  const auto router = opened({.patience = std::chrono::milliseconds(200)});
  const Status done = router->apply(kGreen);
  EXPECT_EQ(done.reason(), "NotPropagated");
  EXPECT_THAT(done.message(), HasSubstr("still list 10.200.0.9"));
  EXPECT_EQ(selector(), "green");
  world_->kubectl({"delete", "endpointslice", "by-hand"});
  EXPECT_OK(router->apply(kGreen));
}

TEST_F(AServiceRouter, LeavesTheServiceAloneUntilTheDestinationIsReady) {
  spec_.environments[1].backend->min_ready = 2;
  world_->set_ready("green-1", false);
  world_->await_ready("shop-green", 1);
  const auto router = opened();
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_THAT(state->not_ready,
              testing::ElementsAre(testing::Pair(
                  "green", HasSubstr("Service shop-green has 1 ready endpoints of the 2"))));
  const Status down = router->apply(kGreen);
  EXPECT_CODE(down, StatusCode::kUnavailable);
  EXPECT_EQ(down.reason(), "DestinationDown");
  EXPECT_EQ(selector(), "blue");
  world_->set_ready("green-1", true);
  world_->await_ready("shop-green", 2);
  EXPECT_OK(router->apply(kGreen));
  EXPECT_EQ(selector(), "green");
}

TEST_F(AServiceRouter, DoesNotAskForTheHealthOfWhatIsLeft) {
  world_->set_ready("blue-1", false);
  world_->kubectl({"delete", "service", "shop-blue"});
  world_->await_ready("shop", 0);
  EXPECT_OK(opened()->apply(kGreen));
}

TEST_F(AServiceRouter, RefusesASwitchThatWouldLeaveTheServiceWithoutPods) {
  spec_.environments[1].selector_value = "grean";
  const Status refused = opened()->apply(kGreen);
  EXPECT_EQ(refused.reason(), "DestinationDown");
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("selects app=shop,version=green"),
                                       HasSubstr("would select app=shop,version=grean")));
  EXPECT_EQ(selector(), "blue");
}

TEST_F(AServiceRouter, KeepsWhatSomebodyWroteInBetween) {
  int writes = 0;
  const auto router = opened({.trace = [&](std::string_view point) {
    if (point == "before patching the selector" && ++writes == 1) {
      world_->kubectl({"patch", "service", "shop", "--type=merge", "-p",
                       R"({"spec":{"sessionAffinity":"None"}})"});
    }
  }});
  ASSERT_OK(router->apply(kGreen));
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(selector(), "green");
  EXPECT_EQ(world_->look("service/shop", "{.spec.sessionAffinity}"), "None");
}

TEST_F(AServiceRouter, WaitsForNothingThatSomebodyElseHasUndone) {
  const auto router =
      opened({.patience = std::chrono::minutes(5), .trace = [&](std::string_view point) {
                if (point == "after patching the selector") {
                  world_->kubectl({"patch", "service", "shop", "--type=merge", "-p",
                                   R"({"spec":{"selector":{"version":"blue"}}})"});
                  world_->await_ready("shop", 1);
                }
              }});
  const Status undone = router->apply(kGreen);
  EXPECT_EQ(undone.reason(), "ReadBackMismatch");
  EXPECT_THAT(undone.message(), HasSubstr("something else writes to it"));
}

TEST_F(AServiceRouter, SeesAndRepairsDrift) {
  const auto router = opened();
  ASSERT_OK(router->apply(kGreen));
  world_->kubectl({"patch", "service", "shop", "--type=merge", "-p",
                   R"({"spec":{"selector":{"version":"blue"}}})"});
  auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->weights, kBlue);
  ASSERT_OK(router->apply(kGreen));
  EXPECT_EQ(selector(), "green");
}

TEST_F(AServiceRouter, AnEnvironmentOfNobodyHasNoShare) {
  world_->kubectl({"patch", "service", "shop", "--type=merge", "-p",
                   R"({"spec":{"selector":{"version":"nobody"}}})"});
  const auto router = opened();
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->weights, (TrafficWeights{{"blue", 0}, {"green", 0}, {"canary", 0}}));
  EXPECT_OK(router->apply(kGreen));
}

TEST_F(AServiceRouter, NamesTheMissingRightAndTheObject) {
  const auto router = opened_at(world_->visitor());
  const std::string ns = world_->ns();
  Status status = router->read().error();
  EXPECT_CODE(status, StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("Service " + ns + "/shop"),
                                      HasSubstr("the verb get on services in namespace " + ns)));
  world_->grant("get", "services");
  ASSERT_TRUE(eventually([&] {
    status = router->read().error();
    return status.message().find("list on endpointslices.discovery.k8s.io") != std::string::npos;
  })) << status.message();
  world_->grant("list", "endpointslices.discovery.k8s.io");
  ASSERT_TRUE(eventually([&] { return router->read().has_value(); }));
  status = router->apply(kGreen);
  EXPECT_CODE(status, StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("the verb patch on services"));
  world_->grant("patch", "services");
  EXPECT_TRUE(eventually([&] { return router->apply(kGreen).ok(); }));
}

TEST_F(AServiceRouter, NamesAServiceThatIsNotThere) {
  spec_.router.kubernetes_service->name = "absent";
  const auto state = opened()->read();
  EXPECT_CODE(state, StatusCode::kFailedPrecondition);
  EXPECT_EQ(state.error().reason(), "ServiceNotFound");
  EXPECT_THAT(state.error().message(), HasSubstr("Service " + world_->ns() + "/absent"));
}

}  // namespace
}  // namespace ripcord
