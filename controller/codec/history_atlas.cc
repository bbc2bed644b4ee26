// SPDX-License-Identifier: Apache-2.0
// Atlas: atlas_schema_revisions, a row for each file, with how many of its statements are applied.
#include "controller/codec/migration_history_tools.h"

#include <array>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

enum Column { kVersion, kType, kApplied, kTotal, kError, kDescription };

class AtlasHistory final : public MigrationHistory {
 public:
  MigrationLayout layout() const override { return MigrationLayout::kAtlas; }

  std::string create_sql(SqlDialect dialect, const HistoryTable& table) const override {
    const bool sqlite = dialect == SqlDialect::kSqlite;
    const auto words = sqlite
                           ? std::array<std::string_view, 4>{"text", "integer", "datetime", "json"}
                           : std::array<std::string_view, 4>{"character varying", "bigint",
                                                             "timestamptz", "jsonb"};
    return fmt::format(
        R"(CREATE TABLE IF NOT EXISTS {0} ("version" {1} NOT NULL, "description" {1} NOT NULL, )"
        R"("type" {2} NOT NULL DEFAULT 2, "applied" {2} NOT NULL DEFAULT 0, "total" {2} NOT NULL )"
        R"(DEFAULT 0, "executed_at" {3} NOT NULL, "execution_time" {2} NOT NULL, "error" text NULL, )"
        R"("error_stmt" text NULL, "hash" {1} NOT NULL, "partial_hashes" {4} NULL, )"
        R"("operator_version" {1} NOT NULL, PRIMARY KEY ("version"));)",
        table.quoted, words[0], words[1], words[2], words[3]);
  }

  std::string select_sql(const HistoryTable& table) const override {
    return fmt::format("SELECT version, type, applied, total, error, description FROM {}",
                       table.quoted);
  }

  Result<AppliedVersions> read(const HistoryRows& rows) const override {
    AppliedVersions versions;
    for (const auto& row : rows) {
      const std::string version = row[kVersion].value_or("");
      if (version.rfind('.', 0) == 0) {
        continue;  // Atlas's own notes
      }
      const std::int64_t type = history_number(row[kType]);
      if (history_number(row[kApplied]) < history_number(row[kTotal]) ||
          !row[kError].value_or("").empty()) {
        versions.dirty = true;
        versions.dirty_detail = fmt::format(
            "Atlas recorded that {} of {} statements of version {} are applied{}{}: let Atlas go "
            "on, or finish it by hand and run `atlas migrate set {}`",
            row[kApplied].value_or("0"), row[kTotal].value_or("?"), version,
            row[kError] && !row[kError]->empty() ? ", then: " : "", row[kError].value_or(""),
            version);
      }
      ASSIGN_OR_RETURN(AppliedEntry entry, entry_of(layout(), version, version));
      entry.baseline = type == 1;
      const std::string description = row[kDescription].value_or("");
      entry.file = fmt::format("{}{}{}.sql", version, description.empty() ? "" : "_", description);
      versions.entries.push_back(std::move(entry));
    }
    RETURN_IF_ERROR(sort_entries(versions));
    return versions;
  }

  std::string record_sql(SqlDialect /*dialect*/, const HistoryTable& table,
                         const MigrationStep& step, const AppliedVersions& before) const override {
    const Migration& migration = step.migration;
    if (step.direction == Direction::kDown) {
      return delete_sql(table, "version", before, migration.version);
    }
    return fmt::format(
        "INSERT INTO {0} (version, description, type, applied, total, executed_at, "
        "execution_time, error, error_stmt, hash, operator_version) VALUES ({1}, {2}, 2, {3}, {3}, "
        "CURRENT_TIMESTAMP, 0, '', '', {4}, 'Ripcord');",
        table.quoted, sql_text(migration.tool_version), sql_text(migration.name),
        step.statements.size(), sql_text(migration.tool_checksum));
  }
};

}  // namespace

const MigrationHistory& atlas_history() {
  static const AtlasHistory kHistory;
  return kHistory;
}

}  // namespace ripcord::codec
