// SPDX-License-Identifier: Apache-2.0
#pragma once
// The histories of the tools, one source each. Private to this folder.

#include "controller/codec/migration_history.h"

namespace ripcord::codec {

const MigrationHistory& golang_migrate_history();
const MigrationHistory& dbmate_history();
const MigrationHistory& goose_history();
const MigrationHistory& flyway_history();
const MigrationHistory& sql_migrate_history();
const MigrationHistory& atlas_history();

std::int64_t history_number(const std::optional<std::string>& value);
bool history_truth(const std::optional<std::string>& value);  // t, 1, true
Status foreign_history(std::string message);

// The entry of a tool's own text for a version; an error naming it when it is none.
Result<AppliedEntry> entry_of(MigrationLayout layout, const std::string& text, std::string key);
// In order. One version twice is an error.
Status sort_entries(AppliedVersions& versions);

// "DELETE FROM t WHERE column = 'key of the version'"
std::string delete_sql(const HistoryTable& table, std::string_view column,
                       const AppliedVersions& before, std::int64_t version);

}  // namespace ripcord::codec
