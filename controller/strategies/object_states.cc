// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/object_states.h"

#include "controller/strategies/rollback_metrics.h"

#include <utility>

namespace ripcord {
namespace {

constexpr std::string_view kApprovalRequired = "ApprovalRequired";
constexpr std::string_view kRollbackAvailable = "RollbackAvailable";

bool overridden(const ResourceSpec& spec, WallTime now) {
  return std::visit(
      [now](const auto& s) {
        if constexpr (requires { s.override; }) {
          return active_override(s.override, now) != nullptr;
        }
        return false;
      },
      spec);
}

}  // namespace

void ObjectStates::show(const Resource& object, WallTime now) {
  States states = states_of(object, now);
  const MutexLock lock(mutex_);
  replace(object.key(), std::move(states));
}

void ObjectStates::forget(const ObjectKey& key) {
  const MutexLock lock(mutex_);
  replace(key, {});
}

ObjectStates::States ObjectStates::states_of(const Resource& object, WallTime now) {
  States states;
  if (overridden(object.spec, now)) {
    states["overridden"] = "";
  }
  const ConditionSet& conditions = common(object.status).conditions;
  const Condition* ready = conditions.find(kReady);
  const Condition* stalled = conditions.find(kStalled);
  if (suspended(object.spec)) {
    states["suspended"] = "Suspended";
  } else if (stalled != nullptr) {
    states["stalled"] = stalled->reason;
  } else if (ready != nullptr && ready->status != ConditionState::kTrue) {
    states["not_ready"] = ready->reason;
  }
  if (const Condition* wanted = conditions.find(kApprovalRequired); wanted != nullptr) {
    states["approval_required"] = wanted->reason;
  }
  const Condition* way_back = conditions.find(kRollbackAvailable);
  if (way_back != nullptr && way_back->status == ConditionState::kFalse) {
    states["no_way_back"] = way_back->reason;
  }
  return states;
}

// The new series first: between the two a scrape sees one too many rather than none.
void ObjectStates::replace(const ObjectKey& key, States states) {
  const auto found = shown_.find(key);
  const States before = found == shown_.end() ? States{} : found->second;
  if (states == before) {
    return;
  }
  for (const auto& [state, reason] : states) {
    metrics_.set(metric::kObjectState, {snake_name(key.kind), key.ns, key.name, state, reason}, 1);
  }
  for (const auto& [state, reason] : before) {
    const auto still = states.find(state);
    if (still == states.end() || still->second != reason) {
      metrics_.remove(metric::kObjectState,
                      {snake_name(key.kind), key.ns, key.name, state, reason});
    }
  }
  if (states.empty()) {
    shown_.erase(key);
  } else {
    shown_[key] = std::move(states);
  }
}

}  // namespace ripcord
