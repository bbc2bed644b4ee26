// SPDX-License-Identifier: Apache-2.0
// golang-migrate: schema_migrations(version, dirty), at most one row; -1 is nothing.
#include "controller/codec/migration_history_tools.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

class GolangMigrateHistory final : public MigrationHistory {
 public:
  MigrationLayout layout() const override { return MigrationLayout::kGolangMigrate; }

  std::string create_sql(SqlDialect dialect, const HistoryTable& table) const override {
    if (dialect == SqlDialect::kSqlite) {
      return fmt::format(
          "CREATE TABLE IF NOT EXISTS {} (version uint64,dirty bool);"
          "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON {} (version);",
          table.quoted, table.quoted);
    }
    return fmt::format(
        "CREATE TABLE IF NOT EXISTS {} (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
        "NULL);",
        table.quoted);
  }

  std::string select_sql(const HistoryTable& table) const override {
    return fmt::format("SELECT version, dirty FROM {}", table.quoted);
  }

  Result<AppliedVersions> read(const HistoryRows& rows) const override {
    if (rows.size() > 1) {
      return as_return(foreign_history(
          "schema_migrations has more than one row; golang-migrate keeps exactly one: delete "
          "all but the right one"));
    }
    AppliedVersions versions;
    versions.only_last = true;
    if (!rows.empty()) {
      const std::int64_t version = history_number(rows[0][0]);
      versions.dirty = history_truth(rows[0][1]);
      if (version >= 0) {  // else its nil version, written while dirty
        versions.entries.push_back({version, std::to_string(version), "", false});
      }
    }
    return versions;
  }

  std::string record_sql(SqlDialect /*dialect*/, const HistoryTable& table,
                         const MigrationStep& step, const AppliedVersions& before) const override {
    if (!step.version_after) {
      return fmt::format("DELETE FROM {};", table.quoted);
    }
    return before.version() ? fmt::format("UPDATE {} SET version = {}, dirty = false;",
                                          table.quoted, *step.version_after)
                            : fmt::format("INSERT INTO {} (version, dirty) VALUES ({}, false);",
                                          table.quoted, *step.version_after);
  }
};

}  // namespace

const MigrationHistory& golang_migrate_history() {
  static const GolangMigrateHistory kHistory;
  return kHistory;
}

}  // namespace ripcord::codec
