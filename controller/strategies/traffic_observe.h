// SPDX-License-Identifier: Apache-2.0
#pragma once
// Observe and decide, for TrafficTarget: one look at the router, then the health of exactly those
// environments that the decision needs. Touches nothing.

#include "controller/model/resource.h"
#include "controller/policy/traffic_target.h"
#include "controller/ports/traffic_router.h"

#include <set>
#include <stop_token>
#include <string>

namespace ripcord {

struct ObservedTraffic {
  TrafficObservation seen;
  TrafficDecision decision;
  std::set<std::string> not_ready;  // environments, as the router says
};

// An error is the router's.
Result<ObservedTraffic> observe_traffic(const Resource& object, TrafficRouter& router,
                                        TrafficProbers& probers, WallTime now,
                                        std::stop_token stop);

}  // namespace ripcord
