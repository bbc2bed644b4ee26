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

struct Environment {
  std::string name;
  std::vector<std::string>
      addresses;  // host:port of each server; spec.environments[].address is one of them
  HealthCheck health;

  bool operator==(const Environment&) const = default;
};

struct HaproxyRouter {
  std::string socket;  // path of the Runtime API socket
  std::string backend;
  std::string state_file;  // server-state-file to keep; empty = none

  bool operator==(const HaproxyRouter&) const = default;
};

// Exactly one member is set; empty means the `simulation` driver where that one is wired.
struct RouterRef {
  std::optional<HaproxyRouter> haproxy;

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
