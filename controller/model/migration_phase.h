// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a migration is in a change of shape that releases live through: Expand adds the new shape
// beside the old one, Contract removes the old one. Values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ripcord {

enum class MigrationPhase { kExpand, kContract };
std::string_view to_string(MigrationPhase phase);  // "Expand", "Contract"
std::optional<MigrationPhase> phase_named(std::string_view word);

// A comment of a script, on a line of its own:
//   -- ripcord:phase Contract
inline constexpr std::string_view kPhaseMark = "ripcord:phase";
struct PhaseMark {
  std::string word;       // as written; may be wrong
  std::int32_t line = 1;  // 1-based

  bool operator==(const PhaseMark&) const = default;
};

}  // namespace ripcord
