// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database holds, as counts, sums and digests that come out the same in any database with
// the same contents: settings that change how values are written are fixed, rows are hashed as text
// and added up, definitions are compared without the casts and parentheses that a dump and restore
// may move. Functions over a connection; one thread.

#include "adapters/postgres/connection.h"
#include "controller/model/backup_manifest.h"

#include <stop_token>
#include <string>
#include <vector>

namespace ripcord::postgres {

// Begins a read-only transaction with one snapshot for all that follows, and fixes the settings.
Status begin_survey(Connection& connection, const std::stop_token& stop);
// Keeps every table from being dropped, truncated or rewritten until the transaction ends, as
// pg_dump does. Unavailable (LockTimeout) behind a long DDL.
Status lock_tables(Connection& connection, const std::stop_token& stop);
// Of every table that is not an extension's own.
Result<DatabaseContents> survey(Connection& connection, const std::stop_token& stop);

// The tables of one schema alone; of all where it has no name.
Result<std::vector<TableContents>> survey_schema(Connection& connection, const std::string& schema,
                                                 const std::stop_token& stop);

Result<std::vector<std::string>> extensions_of(Connection& connection);
// Owners, and those who hold grants, without those that every server has.
Result<std::vector<std::string>> roles_of(Connection& connection);

}  // namespace ripcord::postgres
