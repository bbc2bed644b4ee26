// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a locked session can do about transitions (model/transition.h). What was done is kept in the
// target database (table ripcord.transitions, in SQLite ripcord_transitions; created when it is
// needed); whether the trigger is there, and right, is asked of the catalogs each time.
// Fails with: FailedPrecondition when the declaration does not fit the database, with what to
// correct; Unavailable (LockTimeout, Busy, ConnectionLost) when trying again helps; Cancelled.
// One thread; lives as long as its session.

#include "controller/base/status.h"
#include "controller/model/migration_version.h"
#include "controller/model/transition_state.h"

#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

class SchemaTransitions {
 public:
  virtual ~SchemaTransitions() = default;
  // Changes nothing.
  virtual Result<TransitionStates> read(const std::vector<Transition>& declared) = 0;
  // Wanted: begins it, anew where it was begun otherwise, and makes its trigger be there as
  // declared, in one transaction. Not wanted: removes the trigger; one that is declared no longer
  // is named only, and forgotten.
  virtual Status sync(const Transition& transition, bool wanted, const MigrationPolicy& policy,
                      std::stop_token stop) = 0;
  // The next batch of one that is begun, with its cursor in one transaction: each row once, across
  // crashes. Waiting for replicas or locks is no error. The trigger does not act on it.
  virtual Result<TransitionBatch> backfill(const Transition& transition,
                                           const MigrationPolicy& policy, std::stop_token stop) = 0;
  // What does not hold, one text each; nothing: that is put on record.
  virtual Result<std::vector<std::string>> validate(const Transition& transition,
                                                    const MigrationPolicy& policy,
                                                    std::stop_token stop) = 0;
  // For the next run() of the session, in the transaction of its body. A sync that cannot be begun
  // there hinders no migration: sync() says why.
  virtual void attend(TransitionEdges edges) = 0;
};

}  // namespace ripcord
