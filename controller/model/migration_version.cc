// SPDX-License-Identifier: Apache-2.0
#include "controller/model/migration_version.h"

namespace ripcord {

std::string_view to_string(DataEffect effect) {
  switch (effect) {
    case DataEffect::kLossless:
      return "Lossless";
    case DataEffect::kLossy:
      return "Lossy";
    case DataEffect::kUnknown:
      return "Unknown";
    case DataEffect::kIrreversible:
      return "Irreversible";
  }
  return "Unknown";
}

std::string_view to_string(Reversibility result) {
  switch (result) {
    case Reversibility::kLossless:
      return "Lossless";
    case Reversibility::kLossy:
      return "Lossy";
    case Reversibility::kIrreversible:
      return "Irreversible";
    case Reversibility::kUnproven:
      return "Unproven";
  }
  return "Unproven";
}

MigrationSourceRef located(MigrationSourceRef ref, const std::string& ns) {
  if (ref.config_map) {
    ref.config_map->ns = ns;
  }
  return ref;
}

}  // namespace ripcord
