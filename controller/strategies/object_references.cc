// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/object_references.h"

namespace ripcord {

std::set<Reference> references_of(const Resource& object) {
  std::set<Reference> all;
  const auto add = [&](const DatabaseRef& database) {
    if (database.url_secret) {
      all.insert({Reference::To::kSecret, object.meta.ns, database.url_secret->name});
    }
  };
  if (const auto* migration = std::get_if<MigrationVersionSpec>(&object.spec)) {
    add(migration->database);
    if (migration->source.config_map) {
      all.insert({Reference::To::kConfigMap, object.meta.ns, migration->source.config_map->name});
    }
  } else if (const auto* restore = std::get_if<RestoreRequestSpec>(&object.spec)) {
    add(restore->database);
  }
  return all;
}

}  // namespace ripcord
