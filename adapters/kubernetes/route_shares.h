// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which backendRefs of an HTTPRoute belong to which environment, what they share, and what to write
// so that they share otherwise. Pure.

#include "controller/codec/http_route.h"
#include "controller/model/traffic_target.h"

#include <map>
#include <string>
#include <vector>

namespace ripcord::kubernetes {

struct OwnedBackend {
  const codec::RouteBackend* backend = nullptr;  // in the route that was matched
  std::string environment;
};

struct RouteShares {
  std::vector<OwnedBackend> backends;  // of our rules, in the order of the route
  TrafficWeights weights;              // percent, of the first of our rules; every environment
  // False when weights are not as apply() leaves them, or differ between our rules.
  bool settled = true;
  std::map<std::string, std::string> missing;  // environment -> "Service shop-green in rule 2"
};

// Points into `route`.
RouteShares match_route(const codec::RouteView& route,
                        const std::vector<Environment>& environments);

// What has to be written for these shares; empty when nothing.
std::vector<codec::WeightChange> changes_for(const RouteShares& shares,
                                             const TrafficWeights& weights);

}  // namespace ripcord::kubernetes
