// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a SQLite database keeps about its schema version: the history of the tool that the
// migrations are written for (codec/migration_history.h), found by its columns, and our
// ripcord_applied and ripcord_journal. Reading creates nothing. FailedPrecondition (reason
// ForeignTable) when a table with a tool's name is nobody's, or two histories are there.

#include "adapters/sqlite/connection.h"
#include "controller/codec/migration_history.h"
#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::sqlite {

struct SchemaTables {
  const codec::MigrationHistory* history = nullptr;  // null: no tool's table is there
  codec::HistoryTable table;                         // of the history
  bool has_own_tables = false;
};

Result<SchemaTables> find_tables(Connection& connection);
// Creates what is missing, in one transaction: with no history yet, that of `layout`.
Status create_tables(Connection& connection, SchemaTables& tables, MigrationLayout layout);
// What the history says; with no history nothing is applied.
Result<codec::AppliedVersions> read_versions(Connection& connection, const SchemaTables& tables);
Result<std::vector<AppliedMigration>> read_records(Connection& connection);
Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const codec::AppliedVersions& now);
// Deletes records of what the history does not hold; under the lock. A dirty one is not believed.
Status prune_records(Connection& connection);
Status read_finished_transitions(Connection& connection, SchemaState& state);
// Everything at once, in one snapshot.
Result<SchemaState> read_state(Connection& connection);

// Moves the history and the record; to be called in the transaction of the body. `newer`: there may
// be records of this version or above it.
Status record_step(Connection& connection, const SchemaTables& tables, const MigrationStep& step,
                   const codec::AppliedVersions& before, bool newer);

// What ripcord_applied holds after an up step.
AppliedMigration record_of(const MigrationStep& step, const codec::AppliedVersions& before);

}  // namespace ripcord::sqlite
