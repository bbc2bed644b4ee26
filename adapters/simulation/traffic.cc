// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/traffic.h"

#include <fmt/format.h>

namespace ripcord::simulation {
namespace {

using Router = SimulatedWorld::Router;

class OpenedRouter final : public TrafficRouter {
 public:
  OpenedRouter(SimulatedWorld& world, Clock& clock, TrafficTargetSpec spec)
      : world_(world), clock_(clock), spec_(std::move(spec)) {}

  Result<RouterState> read() override {
    RouterState out;
    RETURN_IF_ERROR(world_.with_router(spec_, [&](Router& router) {
      out.incarnation = router.declared.name;
      for (const Environment& environment : spec_.environments) {
        const std::int32_t weight = router.weights[environment.name];
        out.weights[environment.name] = weight;
        for (const std::string& address : environment.addresses) {
          out.servers.push_back({fmt::format("{}/{}", environment.name, address), address,
                                 environment.name, weight, weight > 0});
        }
      }
      return ok_status();
    }));
    return out;
  }

  Status apply(const TrafficWeights& weights) override {
    Duration cost{};
    RETURN_IF_ERROR(world_.with_router(spec_, [&](Router& router) {
      for (const auto& [name, weight] : weights) {
        if (!router.weights.contains(name)) {
          return Status(StatusCode::kFailedPrecondition,
                        fmt::format("simulated router '{}' has no environment '{}'",
                                    router.declared.name, name));
        }
      }
      cost = router.declared.switch_cost;
      return ok_status();
    }));
    // Not stoppable: destinations come first, and half a switch is none.
    clock_.sleep_for(cost, {});
    return world_.with_router(spec_, [&](Router& router) {
      for (auto& [name, share] : router.weights) {
        const auto wanted = weights.find(name);
        share = wanted == weights.end() ? 0 : wanted->second;
      }
      return ok_status();
    });
  }

 private:
  SimulatedWorld& world_;
  Clock& clock_;
  const TrafficTargetSpec spec_;
};

// A declared world answers every request: one is enough to say so.
class QuietProber final : public TrafficProber {
 public:
  Report report() const override { return {1, 0, {}, {}}; }
};

}  // namespace

Result<std::unique_ptr<TrafficRouter>> SimulatedTrafficRouters::open(
    const TrafficTargetSpec& spec) {
  RETURN_IF_ERROR(world_.with_router(spec, [](Router&) { return ok_status(); }));
  return std::make_unique<OpenedRouter>(world_, clock_, spec);
}

Status SimulatedTrafficProbers::check(const std::string& address, const HealthCheck& /*check*/,
                                      std::stop_token /*stop*/) {
  return world_.check(address);
}

std::unique_ptr<TrafficProber> SimulatedTrafficProbers::start(
    const TrafficVerification& /*verification*/) {
  return std::make_unique<QuietProber>();
}

}  // namespace ripcord::simulation
