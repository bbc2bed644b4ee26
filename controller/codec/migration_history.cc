// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/migration_history.h"

#include "controller/base/crc32.h"
#include "controller/codec/migration_history_tools.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

using Columns = std::map<std::string, std::string, std::less<>>;  // name -> type

Columns parse_columns(std::string_view text) {
  Columns columns;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size());
    const std::string_view column = text.substr(0, end);
    const std::size_t gap = std::min(column.find(' '), column.size());
    columns.emplace(column.substr(0, gap), column.substr(std::min(gap + 1, column.size())));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return columns;
}

bool has_all(const Columns& columns, std::initializer_list<std::string_view> names) {
  return std::all_of(names.begin(), names.end(),
                     [&](std::string_view name) { return columns.find(name) != columns.end(); });
}

bool has_only(const Columns& columns, std::initializer_list<std::string_view> names) {
  return columns.size() == names.size() && has_all(columns, names);
}

bool type_has(const Columns& columns, std::string_view name, std::string_view word) {
  return columns.find(name)->second.find(word) != std::string::npos;
}

bool is_text(const Columns& columns, std::string_view name) {
  return type_has(columns, name, "char") || type_has(columns, name, "text");
}

}  // namespace

std::optional<std::int64_t> AppliedVersions::version() const {
  return entries.empty() ? std::nullopt : std::optional(entries.back().version);
}

const AppliedEntry* AppliedVersions::find(std::int64_t version) const {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), version,
      [](const AppliedEntry& entry, std::int64_t wanted) { return entry.version < wanted; });
  return at != entries.end() && at->version == version ? &*at : nullptr;
}

const MigrationHistory& history_of(MigrationLayout layout) {
  switch (layout) {
    case MigrationLayout::kDbmate:
      return dbmate_history();
    case MigrationLayout::kGoose:
      return goose_history();
    case MigrationLayout::kFlyway:
      return flyway_history();
    case MigrationLayout::kSqlMigrate:
      return sql_migrate_history();
    case MigrationLayout::kAtlas:
      return atlas_history();
    case MigrationLayout::kGolangMigrate:
      break;
  }
  return golang_migrate_history();
}

std::string_view default_history_name(MigrationLayout layout) {
  switch (layout) {
    case MigrationLayout::kGoose:
      return "goose_db_version";
    case MigrationLayout::kFlyway:
      return "flyway_schema_history";
    case MigrationLayout::kSqlMigrate:
      return "gorp_migrations";
    case MigrationLayout::kAtlas:
      return "atlas_schema_revisions";
    case MigrationLayout::kGolangMigrate:
    case MigrationLayout::kDbmate:
      break;
  }
  return "schema_migrations";
}

const std::vector<std::string>& default_history_names() {
  static const std::vector<std::string> kNames{"schema_migrations", "goose_db_version",
                                               "flyway_schema_history", "gorp_migrations",
                                               "atlas_schema_revisions"};
  return kNames;
}

const MigrationHistory* recognise_history(std::string_view text, bool own_name) {
  const Columns columns = parse_columns(text);
  if (has_only(columns, {"dirty", "version"}) && type_has(columns, "version", "int") &&
      type_has(columns, "dirty", "bool")) {
    return &golang_migrate_history();
  }
  if (has_only(columns, {"id", "is_applied", "tstamp", "version_id"})) {
    return &goose_history();
  }
  if (has_all(columns, {"installed_rank", "version", "description", "type", "script", "checksum",
                        "installed_by", "installed_on", "execution_time", "success"})) {
    return &flyway_history();
  }
  if (has_all(columns, {"version", "description", "type", "applied", "total", "executed_at",
                        "execution_time", "error", "hash", "operator_version"})) {
    return &atlas_history();
  }
  if (own_name && has_only(columns, {"version"}) && is_text(columns, "version")) {
    return &dbmate_history();
  }
  if (own_name && has_only(columns, {"applied_at", "id"}) && is_text(columns, "id")) {
    return &sql_migrate_history();
  }
  return nullptr;
}

namespace {

SchemaState positional_state(const AppliedVersions& versions,
                             const std::vector<AppliedMigration>& records) {
  SchemaState state;
  for (const AppliedMigration& record : records) {
    if (record.version <= versions.version().value_or(-1)) {
      state.applied.push_back(record);
    } else {
      state.stale_records = !versions.dirty;
    }
  }
  return state;
}

SchemaState exact_state(const AppliedVersions& versions,
                        const std::vector<AppliedMigration>& records) {
  std::map<std::int64_t, const AppliedMigration*> known;
  for (const AppliedMigration& record : records) {
    known.emplace(record.version, &record);
  }
  SchemaState state;
  std::int64_t below = -1;
  std::size_t used = 0;
  for (const AppliedEntry& entry : versions.entries) {
    AppliedMigration applied;
    applied.version = entry.version;
    if (const auto at = known.find(entry.version); at != known.end()) {
      applied = *at->second;
      ++used;
    }
    applied.previous = entry.baseline ? std::nullopt : std::optional(below);
    applied.tool_checksum = entry.checksum;
    applied.tool_file = entry.file;
    below = entry.version;
    state.applied.push_back(std::move(applied));
  }
  state.stale_records = !versions.dirty && used < known.size();
  return state;
}

}  // namespace

SchemaState schema_state_of(const MigrationHistory* history, const AppliedVersions& versions,
                            const std::vector<AppliedMigration>& records,
                            std::optional<UnfinishedMigration> unfinished) {
  SchemaState state = versions.only_last || history == nullptr ? positional_state(versions, records)
                                                               : exact_state(versions, records);
  state.version = versions.version();
  state.dirty = versions.dirty;
  state.dirty_detail = versions.dirty_detail;
  state.unfinished = std::move(unfinished);
  state.repeatables = versions.repeatables;
  if (history != nullptr) {
    state.history = history->layout();
  }
  return state;
}

Result<bool> step_is_needed(const MigrationStep& step, const AppliedVersions& before,
                            std::string_view label) {
  const std::int64_t at = before.version().value_or(-1);
  const Migration& migration = step.migration;
  if (before.dirty) {
    return error(StatusCode::kFailedPrecondition,
                 before.dirty_detail.empty() ? "golang-migrate left the database dirty"
                                             : before.dirty_detail,
                 "Dirty");
  }
  if (migration.repeatable) {
    return std::find(before.repeatables.begin(), before.repeatables.end(),
                     AppliedRepeatable{migration.name, migration.tool_checksum}) ==
           before.repeatables.end();
  }
  if (step.direction == Direction::kUp) {
    if (at < migration.version) {
      return true;
    }
    if (before.only_last || before.find(migration.version) != nullptr) {
      return false;
    }
  } else if (at == migration.version || at == step.version_after.value_or(-1)) {
    return at == migration.version;
  }
  return error(StatusCode::kConflict,
               fmt::format("{}: the database is at version {} by now", label, at));
}

bool is_journaled(const MigrationStep& step) {
  const auto& script = step.direction == Direction::kUp ? step.migration.up : step.migration.down;
  return runs_without_transaction(script.value_or("")) ||
         std::any_of(step.statements.begin(), step.statements.end(),
                     [](const SqlStatement& statement) { return statement.needs_no_transaction; });
}

Status with_what_holds(const Status& failure, std::size_t done, std::size_t total) {
  const std::string holds =
      done == 0 ? "nothing of this migration took effect"
                : fmt::format(
                      "the database is between two versions: {} of {} statements hold, the "
                      "others have not begun; once the next one can run it goes on there",
                      done, total);
  return {failure.code(), failure.message() + "; " + holds, failure.reason()};
}

Status check_layout(const MigrationStep& step, const MigrationHistory* history,
                    const HistoryTable& table) {
  if (step.direction == Direction::kDown || history == nullptr ||
      history->layout() == step.migration.layout) {
    return {};
  }
  return foreign_history(fmt::format(
      "table {} is that of {}, and the migrations are written for {}; it is left alone: bring the "
      "migrations into {}'s layout, or move the table away when it is no longer used",
      table.quoted, to_string(history->layout()), to_string(step.migration.layout),
      to_string(history->layout())));
}

std::int64_t golang_migrate_lock(std::string_view schema, std::string_view table,
                                 std::string_view dbname) {
  constexpr std::uint32_t kSalt = 1486364155;
  Crc32 crc;
  crc.update(schema);
  for (const std::string_view part : {table, dbname}) {
    crc.update(std::string_view("\0", 1));
    crc.update(part);
  }
  return crc.value() * kSalt;  // mod 2^32
}

std::vector<std::int64_t> tool_locks(std::string_view schema, std::string_view database,
                                     const MigrationHistory* history, std::string_view table) {
  constexpr std::int64_t kGoose = 4097083626;
  constexpr std::int64_t kAtlas = 2686470616;
  constexpr std::int64_t kFlyway = 77431708279161;
  const auto name_for = [&](MigrationLayout layout) {
    return history != nullptr && history->layout() == layout ? table : default_history_name(layout);
  };
  const std::string_view golang = name_for(MigrationLayout::kGolangMigrate);
  std::uint32_t flyway = 0;  // Java's hash of "schema"."table", of characters below 128
  for (const char c : fmt::format(R"("{}"."{}")", schema, name_for(MigrationLayout::kFlyway))) {
    flyway = flyway * 31 + static_cast<unsigned char>(c);
  }
  return {golang_migrate_lock(schema, golang, "/" + std::string(database)),
          golang_migrate_lock(schema, golang, database), kGoose,
          kFlyway + static_cast<std::int32_t>(flyway), kAtlas};
}

std::string sql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::int64_t history_number(const std::optional<std::string>& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

bool history_truth(const std::optional<std::string>& value) {
  constexpr std::array<std::string_view, 5> kTrue{"t", "1", "true", "TRUE", "True"};
  return value && std::find(kTrue.begin(), kTrue.end(), *value) != kTrue.end();
}

Status foreign_history(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message), "ForeignTable"};
}

Result<AppliedEntry> entry_of(MigrationLayout layout, const std::string& text, std::string key) {
  const auto version = version_number(layout, text);
  if (!version) {
    return as_return(foreign_history(fmt::format(
        "the table of {} holds version '{}', which is no number that can be followed here; the "
        "database is left alone",
        to_string(layout), text)));
  }
  return AppliedEntry{*version, std::move(key), "", false};
}

Status sort_entries(AppliedVersions& versions) {
  std::vector<AppliedEntry>& all = versions.entries;
  std::stable_sort(all.begin(), all.end(), [](const AppliedEntry& a, const AppliedEntry& b) {
    return a.version < b.version;
  });
  const auto twice = std::adjacent_find(
      all.begin(), all.end(),
      [](const AppliedEntry& a, const AppliedEntry& b) { return a.version == b.version; });
  if (twice == all.end()) {
    return {};
  }
  return foreign_history(
      fmt::format("the table of versions holds both '{}' and '{}', one version; "
                  "delete the wrong row",
                  twice->key, std::next(twice)->key));
}

std::string delete_sql(const HistoryTable& table, std::string_view column,
                       const AppliedVersions& before, std::int64_t version) {
  const AppliedEntry* entry = before.find(version);
  return entry == nullptr ? std::string()
                          : fmt::format("DELETE FROM {} WHERE {} = {};", table.quoted, column,
                                        sql_text(entry->key));
}

}  // namespace ripcord::codec
