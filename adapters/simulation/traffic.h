// SPDX-License-Identifier: Apache-2.0
#pragma once
// The traffic ports over a SimulatedWorld. A spec belongs to the declared router that has all its
// environments and addresses. A switch costs declared virtual time and loses no request: the prober
// of a virtual router sees nothing, since virtual time holds no requests. Thread-safe; the world
// and the clock must outlive what is opened here.

#include "adapters/simulation/world.h"
#include "controller/base/clock.h"
#include "controller/ports/traffic_router.h"

namespace ripcord::simulation {

class SimulatedTrafficRouters final : public TrafficRouters {
 public:
  SimulatedTrafficRouters(SimulatedWorld& world, Clock& clock) : world_(world), clock_(clock) {}
  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) override;

 private:
  SimulatedWorld& world_;
  Clock& clock_;
};

class SimulatedTrafficProbers final : public TrafficProbers {
 public:
  explicit SimulatedTrafficProbers(const SimulatedWorld& world) : world_(world) {}
  Status check(const std::string& address, const HealthCheck& check, std::stop_token stop) override;
  std::unique_ptr<TrafficProber> start(const TrafficVerification& verification) override;

 private:
  const SimulatedWorld& world_;
};

}  // namespace ripcord::simulation
