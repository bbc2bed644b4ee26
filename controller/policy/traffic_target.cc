// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/traffic_target.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace ripcord {
namespace {

const TrafficTargetSpec& spec_of(const Resource& resource) {
  return std::get<TrafficTargetSpec>(resource.spec);
}
const TrafficTargetStatus& status_of_target(const Resource& resource) {
  return std::get<TrafficTargetStatus>(resource.status);
}

TrafficWeights wanted(const std::string& active, const TrafficWeights& weights) {
  return active.empty() ? positive_shares(weights) : TrafficWeights{{active, 100}};
}

bool in_progress(const HistoryEntry& entry) {
  return !entry.completed_at;
}

std::int32_t share(const TrafficWeights& weights, const std::string& name) {
  const auto at = weights.find(name);
  return at == weights.end() ? 0 : at->second;
}

TrafficChange classify(const Resource& resource, const TrafficObservation& seen,
                       const TrafficGoal& goal) {
  const TrafficTargetStatus& status = status_of_target(resource);
  const std::string to = describe_shares(goal.weights);
  const bool there = positive_shares(seen.weights) == goal.weights;
  if (!status.history.empty() && status.history.front().to == to &&
      in_progress(status.history.front())) {
    return TrafficChange::kResume;
  }
  if (there) {
    return seen.settled ? TrafficChange::kNone : TrafficChange::kRepair;
  }
  if (status.history.empty()) {
    return describe_shares(status.weights) == to ? TrafficChange::kRepair : TrafficChange::kSwitch;
  }
  const HistoryEntry& last = status.history.front();
  return last.to == to && last.result != "Failed" ? TrafficChange::kRepair : TrafficChange::kSwitch;
}

std::optional<Hold> find_hold(const TrafficObservation& seen, const TrafficWeights& to) {
  const std::string now_at = describe_shares(seen.weights);
  for (const auto& [name, percent] : to) {
    if (const auto missing = seen.missing.find(name); missing != seen.missing.end()) {
      return Hold{std::string(kUnknownAddress),
                  fmt::format("spec.environments: the router has no server with address {} of "
                              "environment {}; write an address that it has, or add the server to "
                              "it. Traffic stays at '{}'",
                              missing->second, name, now_at)};
    }
  }
  for (const std::string& name : gaining(seen.weights, to)) {
    const auto health = seen.health.find(name);
    if (health != seen.health.end() && !health->second.ok()) {
      return Hold{std::string(kDestinationUnhealthy),
                  fmt::format("environment {} is not healthy: {}. Traffic stays at '{}'; asked "
                              "again every second, or choose another environment",
                              name, health->second.message(), now_at)};
    }
  }
  return std::nullopt;
}

std::vector<PlannedStep> steps_of(const TrafficWeights& from, const TrafficWeights& to) {
  std::vector<PlannedStep> steps;
  for (const auto& [name, percent] : to) {
    if (share(from, name) != percent) {
      steps.push_back({fmt::format("send {}% to {}", percent, name), DataEffect::kLossless, {}});
    }
  }
  for (const auto& [name, percent] : from) {
    if (percent > 0 && share(to, name) == 0) {
      steps.push_back({fmt::format("drain {}", name), DataEffect::kLossless, {}});
    }
  }
  if (steps.empty()) {
    steps.push_back({"put the servers back as they were left", DataEffect::kLossless, {}});
  }
  return steps;
}

// A resumed switch that is held while both sides have traffic: back, if the side it came from can
// take all of it again.
void consider_retreat(const Resource& resource, const TrafficObservation& seen,
                      TrafficDecision& decision) {
  const HistoryEntry& cut = status_of_target(resource).history.front();
  const TrafficWeights back = parse_shares(cut.from);
  if (decision.change != TrafficChange::kResume || !decision.plan.hold || back.empty() ||
      cut.trigger == Trigger::kAutomatic || positive_shares(seen.weights) == back) {
    return;
  }
  for (const std::string& name : gaining(seen.weights, back)) {
    if (!seen.health.contains(name)) {
      decision.ask_too.push_back(name);
    }
  }
  if (!decision.ask_too.empty() || find_hold(seen, back)) {
    return;
  }
  decision.change = TrafficChange::kRetreat;
  decision.goal.reason = decision.plan.hold->message;
  decision.goal.trigger = Trigger::kAutomatic;
  decision.goal.by.clear();
  decision.goal.weights = back;
  decision.plan.hold.reset();
}

}  // namespace

TrafficWeights positive_shares(const TrafficWeights& weights) {
  TrafficWeights kept = weights;
  std::erase_if(kept, [](const auto& item) { return item.second <= 0; });
  return kept;
}

std::string describe_shares(const TrafficWeights& weights) {
  const TrafficWeights shares = positive_shares(weights);
  if (shares.size() == 1) {
    return shares.begin()->first;
  }
  std::string text;
  for (const auto& [name, percent] : shares) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, percent);
  }
  return text;
}

TrafficWeights parse_shares(const std::string& text) {
  TrafficWeights shares;
  if (!text.empty() && text.find_first_of("=,") == std::string::npos) {
    return {{text, 100}};
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::size_t equals = text.rfind('=', end);
    std::int32_t percent = 0;
    if (equals != std::string::npos && equals > at &&
        std::from_chars(text.data() + equals + 1, text.data() + end, percent).ec == std::errc{} &&
        percent > 0) {
      shares[text.substr(at, equals - at)] = percent;
    }
    at = end + 1;
  }
  return shares;
}

std::vector<std::string> gaining(const TrafficWeights& from, const TrafficWeights& to) {
  std::vector<std::string> names;
  for (const auto& [name, percent] : to) {
    if (percent > share(from, name)) {
      names.push_back(name);
    }
  }
  return names;
}

TrafficGoal goal_of(const Resource& resource, WallTime now) {
  const TrafficTargetSpec& spec = spec_of(resource);
  const TrafficTargetStatus& status = status_of_target(resource);
  TrafficGoal goal;
  if (const TrafficOverride* override = active_override(spec.override, now)) {
    goal.weights = wanted(override->active, override->weights);
    goal.trigger = Trigger::kOverride;
    goal.by = override->by;
    goal.reason = override->reason;
    goal.overridden = true;
  } else {
    goal.weights = wanted(spec.active, spec.weights);
  }
  if (status.reverted_generation == resource.meta.generation && !status.history.empty()) {
    const HistoryEntry& last = status.history.front();
    if (last.trigger == Trigger::kAutomatic && last.from == describe_shares(goal.weights)) {
      goal.weights = parse_shares(last.to);
      goal.trigger = Trigger::kAutomatic;
      goal.by.clear();
      goal.reason = last.reason;
      goal.reverted = true;
    }
  }
  return goal;
}

TrafficDecision decide_traffic(const Resource& resource, const TrafficObservation& observation,
                               WallTime now) {
  const TrafficTargetStatus& status = status_of_target(resource);
  TrafficDecision decision;
  decision.goal = goal_of(resource, now);
  decision.change = classify(resource, observation, decision.goal);
  const std::string to = describe_shares(decision.goal.weights);
  if (!status.history.empty() && status.history.front().to == to) {
    const HistoryEntry& last = status.history.front();
    decision.unverified = !in_progress(last) && last.result != "Succeeded";
  }
  if (decision.change != TrafficChange::kNone) {
    decision.plan.hold = find_hold(observation, decision.goal.weights);
    if (decision.plan.hold && decision.change == TrafficChange::kResume) {
      consider_retreat(resource, observation, decision);
    }
    decision.plan.steps = steps_of(observation.weights, decision.goal.weights);
  }
  decision.plan.from = describe_shares(observation.weights);
  decision.plan.to = describe_shares(decision.goal.weights);
  return decision;
}

bool newest_is_rollback(const TrafficTargetStatus& status) {
  if (status.history.empty()) {
    return false;
  }
  const HistoryEntry& newest = status.history.front();
  return newest.trigger != Trigger::kSpec ||
         (status.history.size() > 1 && status.history[1].from == newest.to &&
          status.history[1].to == newest.from);
}

}  // namespace ripcord
