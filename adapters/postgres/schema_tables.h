// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a PostgreSQL database keeps about its schema version: the history of the tool that the
// migrations are written for (codec/migration_history.h), found by its columns in the current
// schema, and our tables in schema `ripcord` (applied: the record and the undo of each migration;
// journal: statements of a migration that cannot run in a transaction). Reading creates nothing.
// FailedPrecondition (reason ForeignTable) when a table with a tool's name is nobody's, or two
// histories are there.

#include "adapters/postgres/connection.h"
#include "controller/codec/migration_history.h"
#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::postgres {

struct SchemaTables {
  std::string home;      // current_schema(): where the history is or will be
  std::string database;  // current_database()
  const codec::MigrationHistory* history = nullptr;  // null: no tool's table is there
  codec::HistoryTable table;                         // of the history
  bool has_own_tables = false;
  bool has_tombstones = false;   // tombstones.h
  bool has_transitions = false;  // transitions.h
};

Result<SchemaTables> find_tables(Connection& connection);
// Creates what is missing, in one transaction: with no history yet, that of `layout`.
Status create_tables(Connection& connection, SchemaTables& tables, MigrationLayout layout);

// What the history says; with no history nothing is applied.
Result<codec::AppliedVersions> read_versions(Connection& connection, const SchemaTables& tables);

Result<std::vector<AppliedMigration>> read_records(Connection& connection,
                                                   const SchemaTables& tables);
Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const SchemaTables& tables,
                                                           const codec::AppliedVersions& now);
// Deletes records of what the history does not hold; under the lock. A dirty one is not believed.
Status prune_records(Connection& connection, const SchemaTables& tables);

Status read_finished_transitions(Connection& connection, const SchemaTables& tables,
                                 SchemaState& state);
// Everything at once, in one snapshot.
Result<SchemaState> read_state(Connection& connection);

// Statements that move the history and the record, to be run in the transaction of the body.
// `recorded`: what records are there already, as far as this session knows. `prepared`: the session
// has run prepare_record_sql(), which saves the server from planning each.
std::string record_step(const SchemaTables& tables, const MigrationStep& step,
                        const codec::AppliedVersions& before,
                        const std::vector<AppliedMigration>& recorded, bool prepared);
std::string prepare_record_sql();

}  // namespace ripcord::postgres
