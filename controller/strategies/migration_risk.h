// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a way down destroys, kept in the status: counted while it waits for a person's word or is
// about to run, and where it is copied to.

#include "controller/model/resource.h"
#include "controller/policy/at_risk.h"
#include "controller/ports/schema_database.h"

#include <stop_token>

namespace ripcord {

// Fills `status.at_risk` for the way down of `path`. What was counted for the same losses is taken
// as it is when `known_is_fresh`. Cleared when the path leads elsewhere; left alone by an empty
// one.
Status count_risk(SchemaDatabase& database, const MigrationPath& path, bool known_is_fresh,
                  MigrationVersionStatus& status, const std::stop_token& stop);

// "<directory>/<namespace>.<name>-20260115T120000Z": archives of the change that began then.
std::string archive_stem(const ArchivePolicy& policy, const ObjectKey& key, WallTime began);

}  // namespace ripcord
