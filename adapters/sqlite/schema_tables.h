// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a SQLite database keeps about its schema version: golang-migrate's schema_migrations, and
// our ripcord_applied and ripcord_journal. Reading creates nothing. FailedPrecondition (reason
// ForeignTable) when schema_migrations has another tool's shape.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::sqlite {

struct VersionRow {
  std::optional<std::int64_t> version;
  bool dirty = false;
};

Status create_tables(Connection& connection);
Result<bool> has_own_tables(Connection& connection);
Result<VersionRow> read_version(Connection& connection);
// Without a look at the table's shape.
Result<VersionRow> select_version(Connection& connection);
Result<std::vector<AppliedMigration>> read_records(Connection& connection);
Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const VersionRow& row);
SchemaState state_of(const VersionRow& row, const std::vector<AppliedMigration>& records,
                     std::optional<UnfinishedMigration> unfinished);
// Deletes records above the version; under the lock. A dirty version is not believed.
Status prune_records(Connection& connection);
// Everything at once, in one snapshot.
Result<SchemaState> read_state(Connection& connection);

// Moves the version row and the record; to be called in the transaction of the body.
Status record_step(Connection& connection, const MigrationStep& step, const VersionRow& before);

// What ripcord_applied holds after an up step.
AppliedMigration record_of(const MigrationStep& step, const VersionRow& before);

}  // namespace ripcord::sqlite
