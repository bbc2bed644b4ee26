// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/transitions.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

enum class Place { kBelow, kOpen, kAbove };

Place place_of(const Transition& transition, SchemaVersion at) {
  if (!at || *at < transition.expand) {
    return Place::kBelow;
  }
  return transition.contract && *at >= *transition.contract ? Place::kAbove : Place::kOpen;
}

}  // namespace

bool is_open(const Transition& transition, SchemaVersion at) {
  return place_of(transition, at) == Place::kOpen;
}

TransitionEdges edges_of(const std::vector<Transition>& transitions, SchemaVersion from,
                         SchemaVersion to) {
  TransitionEdges edges;
  for (const Transition& transition : transitions) {
    const Place before = place_of(transition, from);
    const Place after = place_of(transition, to);
    if (before == after) {
      continue;
    }
    if (after == Place::kOpen) {
      edges.begin.push_back(transition);
    } else {
      (after == Place::kBelow ? edges.forget : edges.end).push_back(transition);
    }
  }
  return edges;
}

TransitionPhase phase_of(const Transition& transition, SchemaVersion at,
                         const TransitionState& state) {
  switch (place_of(transition, at)) {
    case Place::kBelow:
      return TransitionPhase::kWaiting;
    case Place::kAbove:
      return TransitionPhase::kContracted;
    case Place::kOpen:
      break;
  }
  if (!state.begun || !state.synced || !state.finished) {
    return TransitionPhase::kBackfilling;
  }
  return state.validated ? TransitionPhase::kComplete : TransitionPhase::kValidating;
}

double BackfillPace::rows_per_second() const {
  return took > Duration::zero() ? static_cast<double>(rows) / to_seconds(took) : 0;
}

std::optional<double> BackfillPace::seconds_left(const TransitionState& state) const {
  if (state.rows_total <= 0 || scanned <= 0 || took <= Duration::zero()) {
    return std::nullopt;
  }
  const auto left = std::max<std::int64_t>(0, state.rows_total - state.scanned);
  return static_cast<double>(left) * to_seconds(took) / static_cast<double>(scanned);
}

std::string progress_text(const TransitionStatus& status, std::int64_t scanned) {
  std::string text = status.rows_total > 0
                         ? fmt::format("{} of about {} rows looked at, {} changed", scanned,
                                       status.rows_total, status.rows)
                         : fmt::format("{} rows looked at, {} changed", scanned, status.rows);
  if (status.rows_per_second > 0) {
    text += fmt::format(", {:.0f} a second", status.rows_per_second);
  }
  if (status.eta_seconds) {
    text += fmt::format(", about {:.0f} s left", *status.eta_seconds);
  }
  return text;
}

}  // namespace ripcord
