// SPDX-License-Identifier: Apache-2.0
#pragma once
// What drivers read of a Gateway API v1 HTTPRoute, and the one change of it. Pure functions,
// thread-safe; an answer of another shape is Internal.

#include "controller/base/status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// A backendRef to a Service in the route's own namespace; there may be others, which are not shown.
struct RouteBackend {
  std::size_t rule = 0;
  std::size_t index = 0;  // in the rule's backendRefs
  std::string service;
  std::int32_t port = 0;
  std::int32_t weight = 1;
  std::string text;  // the whole entry, as JSON
};

struct RouteCondition {
  std::string type;
  std::string status;  // "True", "False", "Unknown"
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
};

// What one Gateway says of the route.
struct RouteParent {
  std::string name;  // "Gateway shop of gateway.example/controller"
  std::vector<RouteCondition> conditions;

  const RouteCondition* find(std::string_view type) const;
};

struct RouteView {
  std::string uid;
  std::string resource_version;
  std::string leader;  // see leader_mark.h
  std::int64_t generation = 0;
  std::size_t parent_refs = 0;
  std::vector<RouteBackend> backends;
  std::vector<RouteParent> parents;
};

Result<RouteView> decode_route(std::string_view body);

struct WeightChange {
  const RouteBackend* backend = nullptr;
  std::int32_t weight = 0;
};
// A JSON patch of these weights and nothing else. Each is tested first, and so is the mark of the
// leader if there was one: the server refuses all of it (422) when one of the entries is not where
// and what it was. The version is not tested, since Gateways write statuses all the time.
std::string encode_weight_patch(const std::vector<WeightChange>& changes, std::string_view leader);

}  // namespace ripcord::codec
