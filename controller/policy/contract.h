// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a migration that removes the old shape may run, and how. Pure.
//
// A contract going up is held, in this order and an override or not, until
//   every transition that ends with it is Complete                     else TransitionNotComplete
//   contractSoak has passed since the newest version below it was applied and those transitions
//   had ended                                                                  else ContractSoak
//   nobody has read the old shape for min(contractSoak, 1 h)
//                                                        else OldShapeRead, ObservingOldShape
//   approval.version is its version                                    else ApprovalRequired
// The first holds whichever version a transition names; the last for every declared contract; all
// for inferred ones too once contractSoak is above zero. What lies below a held contract runs.

#include "controller/model/statement_calls.h"
#include "controller/policy/migration_version.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// What is known beside the path.
struct ContractFacts {
  const SchemaState& state;
  const std::vector<TransitionStatus>& transitions;  // of the status
  const std::optional<UsedApproval>& used;
  // Of the first contract; absent: not looked, `not_watched` says why where a person should know.
  std::optional<WatchedCalls> watched;
  std::string not_watched;
  WallTime now;
};

// Going up, held until all of the above: declared, or inferred under a contractSoak.
bool is_gated(const MigrationVersionSpec& spec, const MigrationMove& move);

// The first move when it is a gated contract under a contractSoak: the one that can be watched and
// put aside in this run. Else null.
MigrationMove* next_contract(const MigrationVersionSpec& spec, MigrationPath& path);

// min(contractSoak, 1 h)
Duration observation_window(const MigrationPolicy& policy);
// When the soak of the first contract ends; absent: not known when what it builds on was applied.
std::optional<WallTime> soak_ends(const MigrationVersionSpec& spec, const SchemaState& state,
                                  std::int64_t contract);

// What its statements drop is to be renamed first. Else says why not; empty when nothing asks for
// it.
struct PutAside {
  bool possible = false;
  std::string why_not;
};
PutAside can_put_aside(const MigrationVersionSpec& spec, const MigrationMove& move);

// Applies the rules to `path`, whose moves know their phases: what may not run goes to
// path.waiting, and path.hold (nothing may run) or path.waits (something may, before it) says why.
void hold_contracts(const MigrationVersionSpec& spec, const ContractFacts& facts,
                    MigrationPath& path);

// When each tombstone is dropped for good: contractSoak after it was made. Absent without one.
std::optional<WallTime> drop_time(const MigrationPolicy& policy, const Tombstone& tombstone);

// The versions whose tombstones are to go now, and when the next is. None while the way leads down
// past them, or the database is not in order.
struct DueTombstones {
  std::vector<std::int64_t> versions;  // ascending, each once
  std::optional<WallTime> next;
};
DueTombstones due_tombstones(const MigrationVersionSpec& spec, const SchemaState& state,
                             const MigrationPath& path, WallTime now);

}  // namespace ripcord
