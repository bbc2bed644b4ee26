// SPDX-License-Identifier: Apache-2.0
#pragma once
// spec.override: the emergency state that wins over the declared one until it is lifted or expires.
// A value.

#include "controller/base/clock.h"

#include <optional>
#include <string>

namespace ripcord {

// The part every kind's override has; `Override` types in the kinds' headers add the desired
// fields.
struct OverrideBase {
  std::string reason;
  std::string by;
  std::optional<WallTime> until;  // wall clock; absent = until lifted

  bool operator==(const OverrideBase&) const = default;
};

// The override that is in force at `now`, or null: none, or expired.
template <class O>
const O* active_override(const std::optional<O>& candidate, WallTime now) {
  return candidate && (!candidate->until || *candidate->until > now) ? &*candidate : nullptr;
}

}  // namespace ripcord
