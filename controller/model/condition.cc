// SPDX-License-Identifier: Apache-2.0
#include "controller/model/condition.h"

#include <algorithm>
#include <utility>

namespace ripcord {
namespace {

// What metav1.Condition takes. Cut between characters.
constexpr std::size_t kMessageBytes = 32768;
constexpr std::string_view kCut = " ... (cut)";

void bound(std::string& message) {
  if (message.size() <= kMessageBytes) {
    return;
  }
  std::size_t end = kMessageBytes - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  message.resize(end);
  message += kCut;
}

}  // namespace

std::string_view to_string(ConditionState state) {
  switch (state) {
    case ConditionState::kTrue:
      return "True";
    case ConditionState::kFalse:
      return "False";
    case ConditionState::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

std::string_view to_string(Trigger trigger) {
  switch (trigger) {
    case Trigger::kSpec:
      return "Spec";
    case Trigger::kOverride:
      return "Override";
    case Trigger::kAutomatic:
      return "Automatic";
  }
  return "Spec";
}

void ConditionSet::set(Condition condition, WallTime now) {
  bound(condition.message);
  condition.last_transition_time = std::chrono::floor<std::chrono::seconds>(now);
  const auto at =
      std::lower_bound(items_.begin(), items_.end(), condition.type,
                       [](const Condition& c, const std::string& t) { return c.type < t; });
  if (at == items_.end() || at->type != condition.type) {
    items_.insert(at, std::move(condition));
    return;
  }
  if (at->status == condition.status) {
    condition.last_transition_time = at->last_transition_time;
  }
  *at = std::move(condition);
}

void ConditionSet::remove(std::string_view type) {
  std::erase_if(items_, [&](const Condition& c) { return c.type == type; });
}

const Condition* ConditionSet::find(std::string_view type) const {
  const auto at = std::find_if(items_.begin(), items_.end(),
                               [&](const Condition& c) { return c.type == type; });
  return at == items_.end() ? nullptr : &*at;
}

bool ConditionSet::is_true(std::string_view type) const {
  const Condition* condition = find(type);
  return condition != nullptr && condition->status == ConditionState::kTrue;
}

void ConditionSet::set_ready(std::string reason, std::string message, std::int64_t generation,
                             WallTime now) {
  remove(kReconciling);
  remove(kStalled);
  set({std::string(kReady),
       ConditionState::kTrue,
       std::move(reason),
       std::move(message),
       generation,
       {}},
      now);
}

void ConditionSet::set_reconciling(std::string reason, std::string message, std::int64_t generation,
                                   WallTime now) {
  remove(kStalled);
  set({std::string(kReady), ConditionState::kFalse, reason, message, generation, {}}, now);
  set({std::string(kReconciling),
       ConditionState::kTrue,
       std::move(reason),
       std::move(message),
       generation,
       {}},
      now);
}

void ConditionSet::set_stalled(std::string reason, std::string message, std::int64_t generation,
                               WallTime now) {
  remove(kReconciling);
  set({std::string(kReady), ConditionState::kFalse, reason, message, generation, {}}, now);
  set({std::string(kStalled),
       ConditionState::kTrue,
       std::move(reason),
       std::move(message),
       generation,
       {}},
      now);
}

void CommonStatus::remember(HistoryEntry entry) {
  history.insert(history.begin(), std::move(entry));
  if (history.size() > kHistoryLimit) {
    history.resize(kHistoryLimit);
  }
}

}  // namespace ripcord
