// SPDX-License-Identifier: Apache-2.0
#pragma once
// What to do about a schema version, decided from the resource, what the database says, and the
// migrations at hand. In two pure steps, so that only scripts that would run are parsed:
//   migration_path()    the versions to cross, with their scripts
//   (the caller fills MigrationMove::statements)
//   decide_migration()  the gates: what may run now, and what a person has to grant
//
// Rules. The target is the active override's version, else spec.version, else the last file (Latest
// never goes down). 0 means nothing applied, unless a migration is numbered 0. A down script comes
// from the database's record; from the file only when there is no record, and then the plan says
// so. A down without a statement is Irreversible. Going down needs, in this order:
//   policy.down is not Forbid                                          else DownForbidden
//   loses nothing, or policy.dataLoss is Approve                       else DataLossForbidden
//   loses nothing, or approval {version: target, dataLoss: true}       else ApprovalRequired
//   policy.down is Allow, or an override asks, or approval.version is the target
//                                                                      else ApprovalRequired
//   no undo is doubtful, or approval.version is the target               else ApprovalRequired
// Neither way leads to a version outside spec.schemaRange (OutsideSchemaRange). Contracts going up
// have gates of their own: contract.h.
// An approval opens one way down: once that has settled, an equal one is refused (`used`).
// A half-done migration is finished first, without asking again: the half state is worse than both.

#include "controller/model/migration_phase.h"
#include "controller/model/schema_state.h"
#include "controller/policy/plan.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// One version to cross.
struct MigrationMove {
  MigrationStep step;    // statements are empty until the caller has parsed script()
  std::string origin;    // where the script is from: a file's name, or "the database's record"
  bool resumed = false;  // it began earlier and did not end
  // A recorded undo whose up is not the one at hand: another tool may have gone down and applied
  // the other one since, unseen.
  bool doubtful = false;
  std::optional<MigrationPhase> phase{};  // of an up; declared, or inferred from its statements
  bool declared = false;                  // the phase
  std::string cannot_rename{};  // a contract: why the database cannot put aside what it drops
  const std::string& script() const;

  bool operator==(const MigrationMove&) const = default;
};

struct MigrationPath {
  std::optional<std::int64_t> from;    // as the database says
  std::optional<std::int64_t> target;  // effective, resolved; absent = nothing applied
  Trigger trigger = Trigger::kSpec;
  std::vector<MigrationMove> moves;
  std::vector<std::string> drift;  // how files and record differ; reported, never acted on
  std::optional<Hold> hold;        // why there is no way
  // Behind `moves`: what may not run yet, and why (contract.h). With no moves, `hold` says it.
  std::vector<MigrationMove> waiting{};
  std::optional<Hold> waits{};
  bool uses_approval = false;  // of a contract going up

  // Where `moves` lead.
  std::optional<std::int64_t> ends_at() const {
    return moves.empty() ? from : moves.back().step.version_after;
  }
  bool operator==(const MigrationPath&) const = default;
};

// What is at `at` and behind it waits for `why`. With nothing before it, that holds the whole path.
void wait_from(MigrationPath& path, std::size_t at, Hold why);

MigrationPath migration_path(const MigrationVersionSpec& spec, const SchemaState& state,
                             const std::vector<Migration>& files, WallTime now);

struct MigrationDecision {
  Plan plan;                         // what people see
  std::vector<MigrationStep> steps;  // what runs, in order, when there is no hold
  bool goes_down = false;
  bool uses_approval = false;  // would be held without spec.approval
};

MigrationDecision decide_migration(const MigrationVersionSpec& spec, const MigrationPath& path,
                                   const std::optional<UsedApproval>& used = std::nullopt);

// "3", or "none" when nothing is applied.
std::string version_text(const std::optional<std::int64_t>& version);

}  // namespace ripcord
