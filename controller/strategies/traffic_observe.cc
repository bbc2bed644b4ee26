// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/traffic_observe.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace ripcord {
namespace {

struct ServerCheck {
  std::string environment;
  std::string address;
  HealthCheck check;
  Status outcome;
};

// All servers at once, so that the slowest one and not their sum is what a switch waits for.
void run_checks(std::vector<ServerCheck>& checks, TrafficProbers& probers,
                const std::stop_token& stop) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < checks.size(); ++i) {
    threads.emplace_back([&item = checks[i], &probers, &stop] {
      item.outcome = probers.check(item.address, item.check, stop);
    });
  }
  if (!checks.empty()) {
    checks[0].outcome = probers.check(checks[0].address, checks[0].check, stop);
  }
}

// An environment is healthy when every one of its servers is.
void ask_health(const TrafficTargetSpec& spec, const std::vector<std::string>& names,
                TrafficProbers& probers, const std::stop_token& stop, TrafficObservation& seen) {
  std::vector<ServerCheck> checks;
  for (const Environment& environment : spec.environments) {
    const bool asked = std::ranges::find(names, environment.name) != names.end();
    if (!asked || seen.health.contains(environment.name) ||
        seen.missing.contains(environment.name)) {
      continue;
    }
    for (const std::string& address : environment.addresses) {
      checks.push_back({environment.name, address, environment.health, ok_status()});
    }
  }
  run_checks(checks, probers, stop);
  for (const ServerCheck& check : checks) {
    Status& health = seen.health[check.environment];
    if (health.ok() && !check.outcome.ok()) {
      health = check.outcome;
    }
  }
}

// What the router says of their health spares the question.
void ask_router(const RouterState& state, const std::vector<std::string>& names,
                TrafficObservation& seen) {
  for (const std::string& name : names) {
    if (const auto at = state.not_ready.find(name); at != state.not_ready.end()) {
      seen.health[name] = Status(StatusCode::kUnavailable, at->second, "DestinationDown");
    }
  }
}

}  // namespace

Result<ObservedTraffic> observe_traffic(const Resource& object, TrafficRouter& router,
                                        TrafficProbers& probers, WallTime now,
                                        std::stop_token stop) {
  const auto& spec = std::get<TrafficTargetSpec>(object.spec);
  ASSIGN_OR_RETURN(const RouterState state, router.read());
  ObservedTraffic observed;
  observed.seen = {state.weights, state.settled, state.missing, {}};
  for (const auto& [name, why] : state.not_ready) {
    observed.not_ready.insert(name);
  }
  const TrafficWeights goal = goal_of(object, now).weights;
  ask_router(state, gaining(state.weights, goal), observed.seen);
  ask_health(spec, gaining(state.weights, goal), probers, stop, observed.seen);
  observed.decision = decide_traffic(object, observed.seen, now);
  if (!observed.decision.ask_too.empty()) {
    ask_router(state, observed.decision.ask_too, observed.seen);
    ask_health(spec, observed.decision.ask_too, probers, stop, observed.seen);
    observed.decision = decide_traffic(object, observed.seen, now);
  }
  if (stop.stop_requested()) {
    return error(StatusCode::kCancelled, "asked to stop");
  }
  return observed;
}

}  // namespace ripcord
