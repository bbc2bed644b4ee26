// SPDX-License-Identifier: Apache-2.0
// sql-migrate: gorp_migrations(id, applied_at), the id is the name of the file.
#include "controller/codec/migration_history_tools.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

class SqlMigrateHistory final : public MigrationHistory {
 public:
  MigrationLayout layout() const override { return MigrationLayout::kSqlMigrate; }

  std::string create_sql(SqlDialect dialect, const HistoryTable& table) const override {
    const bool sqlite = dialect == SqlDialect::kSqlite;
    return fmt::format(
        R"(CREATE TABLE IF NOT EXISTS {} ("id" {} not null primary key, "applied_at" {});)",
        table.quoted, sqlite ? "varchar(255)" : "text",
        sqlite ? "datetime" : "timestamp with time zone");
  }

  std::string select_sql(const HistoryTable& table) const override {
    return fmt::format("SELECT id FROM {}", table.quoted);
  }

  Result<AppliedVersions> read(const HistoryRows& rows) const override {
    AppliedVersions versions;
    for (const auto& row : rows) {
      const std::string id = row[0].value_or("");
      ASSIGN_OR_RETURN(AppliedEntry entry, entry_of(layout(), id, id));
      entry.file = id;
      versions.entries.push_back(std::move(entry));
    }
    RETURN_IF_ERROR(sort_entries(versions));
    return versions;
  }

  std::string record_sql(SqlDialect /*dialect*/, const HistoryTable& table,
                         const MigrationStep& step, const AppliedVersions& before) const override {
    if (step.direction == Direction::kDown) {
      return delete_sql(table, "id", before, step.migration.version);
    }
    return fmt::format("INSERT INTO {} (id, applied_at) VALUES ({}, CURRENT_TIMESTAMP);",
                       table.quoted, sql_text(step.migration.tool_version));
  }

  std::string key_column() const override { return "id"; }
  std::string key_of(const Migration& migration) const override { return migration.tool_version; }
};

}  // namespace

const MigrationHistory& sql_migrate_history() {
  static const SqlMigrateHistory kHistory;
  return kHistory;
}

}  // namespace ripcord::codec
