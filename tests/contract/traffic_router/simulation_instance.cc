// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/traffic.h"
#include "tests/contract/traffic_router/traffic_router_contract.h"

namespace ripcord {
namespace {

class SimulatedRouterUnderTest final : public RouterUnderTest {
 public:
  TrafficRouters& routers() override { return routers_; }
  TrafficTargetSpec spec() override {
    TrafficTargetSpec spec;
    const SimulatedWorldSpec world = declared();
    for (const SimulatedEnvironment& environment : world.routers[0].environments) {
      spec.environments.push_back({environment.name, environment.addresses, {}});
    }
    spec.active = "blue";
    return spec;
  }

 private:
  static SimulatedWorldSpec declared() {
    SimulatedRouter router;
    router.name = "web";
    router.environments = {{"blue", {"b:1"}, true},
                           {"green", {"g:1", "g:2"}, true},
                           {"canary", {"c:1", "c:2", "c:3"}, true}};
    router.active = "blue";
    SimulatedWorldSpec spec;
    spec.routers = {router};
    return spec;
  }

  SimulatedClock clock_;
  simulation::SimulatedWorld world_{declared()};
  simulation::SimulatedTrafficRouters routers_{world_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Simulation, TrafficRouterContract,
                         testing::Values(RouterFactory{
                             "Simulation",
                             [] { return std::make_unique<SimulatedRouterUnderTest>(); }}),
                         router_name);

}  // namespace
}  // namespace ripcord
