// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a PostgreSQL database keeps about its schema version: golang-migrate's schema_migrations in
// the current schema, and our tables in schema `ripcord` (applied: the record and the undo of each
// migration; journal: statements of a migration that cannot run in a transaction). Reading creates
// nothing. FailedPrecondition (reason ForeignTable) when schema_migrations has another tool's
// shape.

#include "adapters/postgres/connection.h"
#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::postgres {

struct SchemaTables {
  std::string home;           // current_schema(): where schema_migrations is or will be
  std::string database;       // current_database()
  std::string version_table;  // quoted, qualified
  bool has_version_table = false;
  bool has_own_tables = false;
};

Result<SchemaTables> find_tables(Connection& connection);
// Creates what is missing, in one transaction.
Status create_tables(Connection& connection, SchemaTables& tables);

struct VersionRow {
  std::optional<std::int64_t> version;
  bool dirty = false;
};
Result<VersionRow> version_of(const Rows& rows);
std::string select_version(const SchemaTables& tables);

Result<std::vector<AppliedMigration>> read_records(Connection& connection,
                                                   const SchemaTables& tables);
Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const SchemaTables& tables,
                                                           const VersionRow& row);
// Deletes records above the version; under the lock. A dirty version is not believed.
Status prune_records(Connection& connection, const SchemaTables& tables);
// Records above the version are left-overs of another tool's down; they are left out.
SchemaState state_of(const VersionRow& row, const std::vector<AppliedMigration>& records,
                     std::optional<UnfinishedMigration> unfinished);

// Everything at once, in one snapshot.
Result<SchemaState> read_state(Connection& connection);

// Statements that move the version row and the record, to be run in the transaction of the body.
std::string record_step(const SchemaTables& tables, const MigrationStep& step,
                        const VersionRow& before);

}  // namespace ripcord::postgres
