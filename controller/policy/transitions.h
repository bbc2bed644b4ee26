// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decisions about transitions (model/transition.h): where one stands, what a step of the migration
// does to it, and how long a backfill will take. Pure.

#include "controller/model/transition_state.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

using SchemaVersion = std::optional<std::int64_t>;  // empty: nothing is applied

// Both shapes are there: expand is applied, contract is not.
bool is_open(const Transition& transition, SchemaVersion at);

// What a step from one version to another does to each of them.
TransitionEdges edges_of(const std::vector<Transition>& transitions, SchemaVersion from,
                         SchemaVersion to);

// By what the database says; never Failed, which is only known while trying.
TransitionPhase phase_of(const Transition& transition, SchemaVersion at,
                         const TransitionState& state);

// How fast the run under way is, since it began to watch.
struct BackfillPace {
  std::int64_t rows = 0;
  std::int64_t scanned = 0;
  Duration took{};

  double rows_per_second() const;
  // Until all rows are looked at; empty while that cannot be told.
  std::optional<double> seconds_left(const TransitionState& state) const;
};

// "40000 of about 100000 rows looked at, 12000 changed, 3000 a second, about 25 s left"
std::string progress_text(const TransitionStatus& status, std::int64_t scanned);

}  // namespace ripcord
