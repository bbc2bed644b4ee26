// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a run of migrations does about those that contract: asks the inspector for their phases and
// the database whether the old shape is still read and what can be put aside, drops tombstones
// whose time is over, and says when to look again. The rules are policy/contract.h. One thread.

#include "controller/policy/contract.h"
#include "controller/strategies/migration_version.h"

namespace ripcord {

// Fills phases into the ups of `path`. InvalidArgument (reason BadPhase) with file and line.
Status find_phases(const SqlInspector& inspector, Engine engine, MigrationPath& path);

// What is asked about an object's contracts.
struct ContractQuestion {
  const MigrationVersionSpec& spec;
  const std::string& ns;
  const MigrationVersionStatus& status;
  const SchemaState& state;
  bool keep = false;  // note in the database what was seen; a plan does not
};

// Holds what may not run yet. Fails as the database does.
Status hold_contracts(const ContractQuestion& question, SchemaDatabase& database,
                      const MigrationTools& tools, MigrationPath& path);

// Under the lock.
Status drop_tombstones(SchemaDatabase& database, const std::vector<std::int64_t>& versions,
                       const MigrationTools& tools, const MigrationPolicy& policy,
                       const std::stop_token& stop);

// For the status; those that somebody dropped are left out.
std::vector<Tombstone> shown_tombstones(const SchemaState& state);
// For a plan: "column users.email is put aside as ...; dropped for good at ...".
std::vector<std::string> tombstone_notes(const MigrationPolicy& policy, const SchemaState& state);

// A hold that needs nobody: when to look again. Else nothing.
std::optional<Duration> look_again_in(const MigrationVersionSpec& spec, const Hold& hold,
                                      WallTime now);
// `outcome`, but no later than `at`; what is to be tried again anyhow is not hurried by a time that
// has come.
Outcome no_later(Outcome outcome, const std::optional<WallTime>& at, WallTime now);

}  // namespace ripcord
