// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tries migrations on a shadow database before the real one sees them. Blocks; one thread at a
// time.

#include "controller/policy/migration_version.h"
#include "controller/ports/shadow_database.h"

#include <stop_token>
#include <vector>

namespace ripcord {

// sha256 of what a proof is about.
std::string proof_digest(const Migration& migration);

// One proof for each step up of `steps`, ascending. Those of `known` that are about the same
// scripts are taken as they are; only when all are, nothing is tried. What cannot be tried is
// Unproven, with why. Cancelled when stopped.
// `target` is spec.database as drivers want it (see located()).
Result<std::vector<MigrationProof>> prove(ShadowDatabases& shadows, const DatabaseRef& target,
                                          const MigrationPolicy& policy,
                                          const std::vector<MigrationStep>& steps,
                                          const std::vector<MigrationProof>& known,
                                          std::stop_token stop);

}  // namespace ripcord
