// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a trial of up, down, up on a shadow database says about a migration. Pure.
// Catalogs are compared as sets; a column that comes back at another place is a note, not a
// difference.

#include "controller/model/proof.h"
#include "controller/model/schema_trial.h"
#include "controller/policy/plan.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// `version` and `digest` are the caller's.
MigrationProof judge(const MigrationTrial& trial);

struct ProofHold {
  std::size_t at = 0;  // of the proofs; what is before it may run
  Hold hold;
};
// Under ProofPolicy::kRequire: the first of `proofs` that is irreversible or unproven and not named
// by the approval.
std::optional<ProofHold> proof_hold(const MigrationPolicy& policy,
                                    const std::vector<MigrationProof>& proofs,
                                    const std::optional<MigrationApproval>& approval);

}  // namespace ripcord
