// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/http_route_router.h"
#include "adapters/kubernetes/service_router.h"
#include "tests/contract/traffic_router/traffic_router_contract.h"
#include "tests/integration/cluster_drivers/cluster_world.h"

namespace ripcord {
namespace {

class ServiceUnderTest final : public RouterUnderTest {
 public:
  ServiceUnderTest() : spec_(three_environments(world_)) {
    spec_.router.kubernetes_service = KubernetesServiceRouter{"shop", "version", world_.ns()};
  }
  TrafficRouters& routers() override { return routers_; }
  TrafficTargetSpec spec() override { return spec_; }

 private:
  ClusterWorld world_;
  TrafficTargetSpec spec_;
  kubernetes::ServiceRouters routers_{world_.reach(), world_.clock()};
};

class RouteUnderTest final : public RouterUnderTest {
 public:
  RouteUnderTest() : spec_(three_environments(world_)) {
    install_gateway_api(world_.plane());
    make_route(world_);
    spec_.router.http_route = HttpRouteRouter{"shop", world_.ns()};
  }
  TrafficRouters& routers() override { return routers_; }
  TrafficTargetSpec spec() override { return spec_; }

 private:
  ClusterWorld world_;
  TrafficTargetSpec spec_;
  SimulatedGateway gateway_{world_};
  kubernetes::HttpRouteRouters routers_{world_.reach(), world_.clock()};
};

void needs_controllers() {
  REQUIRE_CONTROLLERS();
}

INSTANTIATE_TEST_SUITE_P(KubernetesService, TrafficRouterContract,
                         testing::Values(RouterFactory{
                             .name = "KubernetesService",
                             .make = [] { return std::make_unique<ServiceUnderTest>(); },
                             .shares = false,
                             .set_up = needs_controllers}),
                         router_name);
INSTANTIATE_TEST_SUITE_P(HttpRoute, TrafficRouterContract,
                         testing::Values(RouterFactory{
                             .name = "HttpRoute",
                             .make = [] { return std::make_unique<RouteUnderTest>(); },
                             .shares = true,
                             .set_up = needs_controllers}),
                         router_name);

}  // namespace
}  // namespace ripcord
