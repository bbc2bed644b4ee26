// SPDX-License-Identifier: Apache-2.0
// Flyway: flyway_schema_history, a row for each thing that was done, in the order of
// installed_rank. Undone versions have their row deleted, so that every edition sees them as
// pending; rows of Flyway's own undo are understood.
#include "controller/codec/migration_history_tools.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kColumns =
    "installed_rank, version, description, type, script, checksum, installed_by, execution_time, "
    "success";

enum Column { kRank, kVersion, kDescription, kType, kScript, kChecksum, kSuccess };

bool starts_with(const std::string& text, std::string_view start) {
  return text.rfind(start, 0) == 0;
}

std::string failure_of(const std::string& script) {
  return fmt::format(
      "Flyway recorded {} as failed: look which of its statements took effect and undo or finish "
      "them by hand, then run `flyway repair`",
      script);
}

class FlywayHistory final : public MigrationHistory {
 public:
  MigrationLayout layout() const override { return MigrationLayout::kFlyway; }

  std::string create_sql(SqlDialect dialect, const HistoryTable& table) const override {
    const bool sqlite = dialect == SqlDialect::kSqlite;
    return fmt::format(
        R"(CREATE TABLE IF NOT EXISTS {0} ("installed_rank" INT NOT NULL{2} PRIMARY KEY, )"
        R"("version" VARCHAR(50), "description" VARCHAR(200) NOT NULL, "type" VARCHAR(20) NOT NULL, )"
        R"("script" VARCHAR(1000) NOT NULL, "checksum" INT, "installed_by" VARCHAR(100) NOT NULL, )"
        R"("installed_on" {3}, "execution_time" INT NOT NULL, "success" BOOLEAN NOT NULL);)"
        R"(CREATE INDEX IF NOT EXISTS "{1}_s_idx" ON {0} ("success");)",
        table.quoted, table.name, sqlite ? "" : fmt::format(R"( CONSTRAINT "{}_pk")", table.name),
        sqlite ? "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now'))"
               : "TIMESTAMP NOT NULL DEFAULT now()");
  }

  std::string select_sql(const HistoryTable& table) const override {
    return fmt::format(
        "SELECT installed_rank, version, description, type, script, checksum, success FROM {}",
        table.quoted);
  }

  Result<AppliedVersions> read(const HistoryRows& unordered) const override {
    HistoryRows rows = unordered;
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return history_number(a[kRank]) < history_number(b[kRank]);
    });
    AppliedVersions versions;
    std::map<std::int64_t, AppliedEntry> applied;
    std::map<std::string, std::string> repeatables;
    for (const auto& row : rows) {
      const std::string type = row[kType].value_or("");
      if (!history_truth(row[kSuccess])) {
        versions.dirty = true;
        versions.dirty_detail = failure_of(row[kScript].value_or("a migration"));
        continue;
      }
      if (type == "SCHEMA" || type == "TABLE") {
        continue;  // Flyway made the schema or its table
      }
      if (!row[kVersion]) {
        repeatables[row[kDescription].value_or("")] = row[kChecksum].value_or("");
        continue;
      }
      ASSIGN_OR_RETURN(AppliedEntry entry,
                       entry_of(layout(), *row[kVersion], row[kRank].value_or("")));
      if (starts_with(type, "UNDO") || type == "DELETE") {
        applied.erase(entry.version);
        continue;
      }
      entry.checksum = row[kChecksum].value_or("");
      entry.baseline = type == "BASELINE";
      entry.file = row[kScript].value_or("");
      applied[entry.version] = std::move(entry);
    }
    for (auto& [version, entry] : applied) {
      versions.entries.push_back(std::move(entry));
    }
    for (const auto& [name, checksum] : repeatables) {
      versions.repeatables.push_back({name, checksum});
    }
    return versions;
  }

  std::string record_sql(SqlDialect dialect, const HistoryTable& table, const MigrationStep& step,
                         const AppliedVersions& before) const override {
    const Migration& migration = step.migration;
    if (step.direction == Direction::kDown) {
      return delete_sql(table, "installed_rank", before, migration.version);
    }
    return fmt::format(
        "INSERT INTO {0} ({1}) SELECT coalesce(max(installed_rank), 0) + 1, {2}, {3}, 'SQL', {4}, "
        "{5}, {6}, 0, true FROM {0};",
        table.quoted, kColumns, migration.repeatable ? "NULL" : sql_text(migration.tool_version),
        sql_text(migration.name), sql_text(migration.up_file),
        migration.tool_checksum.empty() ? "NULL" : migration.tool_checksum,
        dialect == SqlDialect::kSqlite ? "''" : "current_user");
  }
};

}  // namespace

const MigrationHistory& flyway_history() {
  static const FlywayHistory kHistory;
  return kHistory;
}

}  // namespace ripcord::codec
