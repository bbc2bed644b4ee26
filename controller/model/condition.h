// SPDX-License-Identifier: Apache-2.0
#pragma once
// Conditions (metav1.Condition) and what every kind reports: the observed generation, conditions by
// the rules of kstatus, and the last changes. `Ready` is always there once observed; `Reconciling`
// and `Stalled` are there only while true. Values; time is always passed in.

#include "controller/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

enum class ConditionState { kTrue, kFalse, kUnknown };
std::string_view to_string(ConditionState state);  // "True", "False", "Unknown"

inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kReconciling = "Reconciling";
inline constexpr std::string_view kStalled = "Stalled";

struct Condition {
  std::string type;
  ConditionState status = ConditionState::kUnknown;
  std::string reason;   // CamelCase, stable
  std::string message;  // for a person: what, why, what to do
  std::int64_t observed_generation = 0;
  WallTime last_transition_time{};

  bool operator==(const Condition&) const = default;
};

class ConditionSet {
 public:
  // Adds or replaces by type; keeps the transition time when the status is unchanged.
  void set(Condition condition, WallTime now);
  void remove(std::string_view type);
  const Condition* find(std::string_view type) const;  // null when absent
  bool is_true(std::string_view type) const;
  const std::vector<Condition>& all() const { return items_; }

  // The three shapes that reconcilers end in; each leaves exactly the conditions kstatus expects.
  void set_ready(std::string reason, std::string message, std::int64_t generation, WallTime now);
  // Ready=False and Reconciling=True: work is going on or will be tried again.
  void set_reconciling(std::string reason, std::string message, std::int64_t generation,
                       WallTime now);
  // Ready=False and Stalled=True: a person has to change something.
  void set_stalled(std::string reason, std::string message, std::int64_t generation, WallTime now);

  bool operator==(const ConditionSet&) const = default;

 private:
  std::vector<Condition> items_;  // sorted by type
};

enum class Trigger { kSpec, kOverride, kAutomatic };
std::string_view to_string(Trigger trigger);  // "Spec", "Override", "Automatic"

// One change that was made, or tried, in the real world.
struct HistoryEntry {
  std::string from;
  std::string to;
  Trigger trigger = Trigger::kSpec;
  WallTime started_at{};
  std::optional<WallTime> completed_at;
  double duration_seconds = 0;  // monotonic
  std::string result;           // "Succeeded", "Failed", "RolledBack"; empty while not decided
  std::string by;
  std::string reason;

  bool operator==(const HistoryEntry&) const = default;
};

inline constexpr std::size_t kHistoryLimit = 10;

struct CommonStatus {
  std::int64_t observed_generation = -1;
  ConditionSet conditions;
  std::vector<HistoryEntry> history;  // newest first, at most kHistoryLimit
  bool simulated = false;             // true when a driver of virtual time did the work

  void remember(HistoryEntry entry);
  bool operator==(const CommonStatus&) const = default;
};

}  // namespace ripcord
