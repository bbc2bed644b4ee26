// SPDX-License-Identifier: Apache-2.0
#pragma once
// What to do about a TrafficTarget. Pure: (resource, observation, now) -> decision.
//
// Rules:
// - The active override wins over spec.active and spec.weights.
// - Only environments that would gain traffic are asked for their health, and only their health
//   and presence can hold a change. What is being left is never asked (the way back depends only
//   on the side we go to).
// - A router that is not as the last change left it is repaired: no switch, no history.
// - A switch that was taken back by itself is not tried again until the generation changes or
//   another target is in force.
// - A switch that was cut short halfway and whose destination turned unhealthy goes back to where
//   it came from.

#include "controller/base/status.h"
#include "controller/model/resource.h"
#include "controller/policy/plan.h"

#include <map>
#include <string>
#include <vector>

namespace ripcord {

inline constexpr std::string_view kDestinationUnhealthy = "DestinationUnhealthy";
inline constexpr std::string_view kUnknownAddress = "UnknownAddress";
inline constexpr std::string_view kSwitchReverted = "SwitchReverted";
inline constexpr std::string_view kVerifying = "Verifying";  // the window of a switch is running

// What was seen of the world.
struct TrafficObservation {
  TrafficWeights weights;                      // as the router has them
  bool settled = true;                         // RouterState::settled
  std::map<std::string, std::string> missing;  // environment -> addresses unknown to the router
  std::map<std::string, Status> health;        // of the environments that were asked
};

// Where traffic is to be, and on whose word.
struct TrafficGoal {
  TrafficWeights weights;  // shares above 0 only
  Trigger trigger = Trigger::kSpec;
  std::string by;
  std::string reason;
  bool overridden = false;
  bool reverted = false;  // an automatic switch-back is in force
};

enum class TrafficChange {
  kNone,     // the router is as wanted
  kRepair,   // it is not as the last change left it
  kSwitch,   // another target than the last one
  kResume,   // the last switch is on record and not completed
  kRetreat,  // that switch cannot be completed: back to where it came from
};

struct TrafficDecision {
  Plan plan;
  TrafficGoal goal;
  TrafficChange change = TrafficChange::kNone;
  bool unverified = false;           // the last switch's window did not end well or at all
  std::vector<std::string> ask_too;  // decide again with the health of these
};

// "blue" when it has everything, else "blue=90,green=10"; empty when nothing has a share.
std::string describe_shares(const TrafficWeights& weights);
// The reverse; what is not understood is left out.
TrafficWeights parse_shares(const std::string& text);
// The same shares, environments without one left out.
TrafficWeights positive_shares(const TrafficWeights& weights);

TrafficGoal goal_of(const Resource& resource, WallTime now);

// Environments whose share would grow, by name.
std::vector<std::string> gaining(const TrafficWeights& from, const TrafficWeights& to);

TrafficDecision decide_traffic(const Resource& resource, const TrafficObservation& observation,
                               WallTime now);

// True when the newest history entry undoes the one before it, or was made by an override or by
// itself: what the rollback metrics count.
bool newest_is_rollback(const TrafficTargetStatus& status);

}  // namespace ripcord
