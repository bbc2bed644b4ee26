// SPDX-License-Identifier: Apache-2.0
#include "controller/model/kind.h"

namespace ripcord {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kFeatureFlag:
      return "FeatureFlag";
    case Kind::kTrafficTarget:
      return "TrafficTarget";
    case Kind::kMigrationVersion:
      return "MigrationVersion";
    case Kind::kRestoreRequest:
      return "RestoreRequest";
  }
  return "Unknown";
}

std::string_view plural(Kind kind) {
  switch (kind) {
    case Kind::kFeatureFlag:
      return "featureflags";
    case Kind::kTrafficTarget:
      return "traffictargets";
    case Kind::kMigrationVersion:
      return "migrationversions";
    case Kind::kRestoreRequest:
      return "restorerequests";
  }
  return "unknown";
}

std::string_view snake_name(Kind kind) {
  switch (kind) {
    case Kind::kFeatureFlag:
      return "feature_flag";
    case Kind::kTrafficTarget:
      return "traffic_target";
    case Kind::kMigrationVersion:
      return "migration_version";
    case Kind::kRestoreRequest:
      return "restore_request";
  }
  return "unknown";
}

std::optional<Kind> kind_from_name(std::string_view name) {
  for (const Kind kind : kAllKinds) {
    if (to_string(kind) == name) {
      return kind;
    }
  }
  return std::nullopt;
}

std::string to_string(const ObjectKey& key) {
  std::string text(to_string(key.kind));
  return text + " " + key.ns + "/" + key.name;
}

}  // namespace ripcord
