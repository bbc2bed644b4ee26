// SPDX-License-Identifier: Apache-2.0
// dbmate (and Rails): schema_migrations(version), one row for each version, as its file has it.
#include "controller/codec/migration_history_tools.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

class DbmateHistory final : public MigrationHistory {
 public:
  MigrationLayout layout() const override { return MigrationLayout::kDbmate; }

  std::string create_sql(SqlDialect dialect, const HistoryTable& table) const override {
    return fmt::format("CREATE TABLE IF NOT EXISTS {} (version {} PRIMARY KEY);", table.quoted,
                       dialect == SqlDialect::kSqlite ? "varchar(128)" : "varchar");
  }

  std::string select_sql(const HistoryTable& table) const override {
    return fmt::format("SELECT version FROM {}", table.quoted);
  }

  Result<AppliedVersions> read(const HistoryRows& rows) const override {
    AppliedVersions versions;
    for (const auto& row : rows) {
      const std::string text = row[0].value_or("");
      ASSIGN_OR_RETURN(AppliedEntry entry, entry_of(layout(), text, text));
      entry.file = text + "_*.sql";
      versions.entries.push_back(std::move(entry));
    }
    RETURN_IF_ERROR(sort_entries(versions));
    return versions;
  }

  std::string record_sql(SqlDialect /*dialect*/, const HistoryTable& table,
                         const MigrationStep& step, const AppliedVersions& before) const override {
    if (step.direction == Direction::kDown) {
      return delete_sql(table, "version", before, step.migration.version);
    }
    return fmt::format("INSERT INTO {} (version) VALUES ({});", table.quoted,
                       sql_text(step.migration.tool_version));
  }

  std::string key_column() const override { return "version"; }
  std::string key_of(const Migration& migration) const override { return migration.tool_version; }
};

}  // namespace

const MigrationHistory& dbmate_history() {
  static const DbmateHistory kHistory;
  return kHistory;
}

}  // namespace ripcord::codec
