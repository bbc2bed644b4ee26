// SPDX-License-Identifier: Apache-2.0
#include "controller/model/migration_phase.h"

namespace ripcord {

std::string_view to_string(MigrationPhase phase) {
  return phase == MigrationPhase::kExpand ? "Expand" : "Contract";
}

std::optional<MigrationPhase> phase_named(std::string_view word) {
  for (const MigrationPhase phase : {MigrationPhase::kExpand, MigrationPhase::kContract}) {
    if (word == to_string(phase)) {
      return phase;
    }
  }
  return std::nullopt;
}

}  // namespace ripcord
