// SPDX-License-Identifier: Apache-2.0
#pragma once
// TrafficTarget: which environment gets traffic. Values.

#include "controller/model/condition.h"
#include "controller/model/override.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

struct HealthCheck {
  std::string path = "/";
  Duration timeout = std::chrono::seconds(1);
  std::int32_t healthy_threshold = 1;  // consecutive successes needed
  std::int32_t expected_status = 0;    // 0 = any 2xx or 3xx

  bool operator==(const HealthCheck&) const = default;
};

// The Service of its own that an environment has in a cluster, beside the one that is switched.
struct EnvironmentBackend {
  std::string service;
  std::int32_t port = 0;       // 0: whatever port the route names
  std::int32_t min_ready = 1;  // ready endpoints that it takes before traffic is sent there

  bool operator==(const EnvironmentBackend&) const = default;
};

struct Environment {
  std::string name;
  std::vector<std::string>
      addresses;  // host:port of each server; spec.environments[].address is one of them
  HealthCheck health;
  std::string selector_value{};  // kubernetesService: the label's value that selects its pods
  std::optional<EnvironmentBackend> backend{};  // kubernetesService, httpRoute

  bool operator==(const Environment&) const = default;
};

struct HaproxyRouter {
  std::string socket;  // path of the Runtime API socket
  std::string backend;
  std::string state_file;  // server-state-file to keep; empty = none

  bool operator==(const HaproxyRouter&) const = default;
};

// A Service whose selector decides. It is in the namespace of the TrafficTarget.
struct KubernetesServiceRouter {
  std::string name;
  std::string selector_key;  // the label that tells the environments apart
  std::string ns{};          // not on the wire: see located()

  bool operator==(const KubernetesServiceRouter&) const = default;
};

// A Gateway API HTTPRoute whose weights decide. It is in the namespace of the TrafficTarget.
struct HttpRouteRouter {
  std::string name;
  std::string ns{};  // not on the wire: see located()

  bool operator==(const HttpRouteRouter&) const = default;
};

// At most one member is set; empty means the `simulation` driver where that one is wired.
struct RouterRef {
  std::optional<HaproxyRouter> haproxy;
  std::optional<KubernetesServiceRouter> kubernetes_service{};
  std::optional<HttpRouteRouter> http_route{};

  bool operator==(const RouterRef&) const = default;
};

struct TrafficVerification {
  std::string url;  // through the router, as users reach it; empty = no prober
  Duration window = std::chrono::seconds(2);
  Duration interval = std::chrono::milliseconds(50);
  Duration timeout = std::chrono::seconds(1);
  std::int32_t max_failures = 0;

  bool operator==(const TrafficVerification&) const = default;
};

// environment name -> share of the traffic, in percent; the shares add up to 100.
using TrafficWeights = std::map<std::string, std::int32_t>;

struct TrafficOverride : OverrideBase {
  std::string active;      // either
  TrafficWeights weights;  // or

  bool operator==(const TrafficOverride&) const = default;
};

struct TrafficTargetSpec {
  bool suspend = false;
  std::vector<Environment> environments;
  std::string active;      // either
  TrafficWeights weights;  // or
  RouterRef router;
  TrafficVerification verification;
  std::optional<TrafficOverride> override;

  bool operator==(const TrafficTargetSpec&) const = default;
};

// The spec for drivers: what it names in a cluster is in `ns`, the namespace of its object.
inline TrafficTargetSpec located(TrafficTargetSpec spec, const std::string& ns) {
  if (spec.router.kubernetes_service) {
    spec.router.kubernetes_service->ns = ns;
  }
  if (spec.router.http_route) {
    spec.router.http_route->ns = ns;
  }
  return spec;
}

// What the last switch cost, as the prober saw it through the router.
struct SwitchReport {
  std::string from;
  std::string to;
  double duration_seconds = 0;  // first command to verified
  double downtime_seconds = 0;  // longest gap between successes beyond the probe interval
  std::int64_t probes = 0;
  std::int64_t failures = 0;
  WallTime completed_at{};

  bool operator==(const SwitchReport&) const = default;
};

struct TrafficTargetStatus : CommonStatus {
  std::string active;      // environment with all the traffic, empty when it is shared
  TrafficWeights weights;  // as read back from the router
  bool overridden = false;
  std::optional<SwitchReport> last_switch;
  std::int64_t reverted_generation = 0;  // the generation whose switch was taken back; 0 = none
  std::int64_t drift_repairs = 0;  // since the last switch: the router was not as we had left it

  bool operator==(const TrafficTargetStatus&) const = default;
};

}  // namespace ripcord
