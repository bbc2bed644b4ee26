// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a decision comes to, in the shape that people see: `ripcord plan` prints it, a dry run stops
// at it. Each kind's decision (policy/<kind>.h) carries its typed steps beside this. Pure values.

#include "controller/base/clock.h"
#include "controller/model/migration_version.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

struct PlannedStep {
  std::string summary;  // "down 3 add_total", "send 100% to blue"
  DataEffect effect = DataEffect::kLossless;
  std::vector<std::string> details;    // e.g. the statements
  std::vector<std::string> effects{};  // what each detail does; empty, or one for each
  std::string phase{};                 // "Expand", "Contract"; of migrations that are either
  std::string note{};                  // what else is done about it

  bool operator==(const PlannedStep&) const = default;
};

// Why a plan may not be carried out now. The reason is what the condition will say.
struct Hold {
  std::string reason;               // "ApprovalRequired"
  std::string message;              // what is held, and what a person would write to release it
  std::optional<WallTime> until{};  // when it opens by itself, or is to be looked at again
  bool operator==(const Hold&) const = default;
};

struct Plan {
  std::string from;                // actual state, one word or line
  std::string to;                  // effective state
  std::vector<PlannedStep> steps;  // in order; empty = nothing to do
  std::optional<Hold> hold;
  // What comes behind `steps` and has to wait, and why; nothing when `hold` says it of all.
  std::vector<PlannedStep> waiting{};
  std::optional<Hold> waits{};
  std::vector<std::string> notes{};   // what else is there or due, a sentence each
  std::vector<DataAtRisk> at_risk{};  // what the steps destroy, counted in the real system

  bool operator==(const Plan&) const = default;
};

}  // namespace ripcord
