// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/schema_tables.h"

#include "controller/base/sha256.h"
#include "controller/codec/undo_plan.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

// The first table has exactly golang-migrate's text, so that its tools see their own.
constexpr std::string_view kCreate =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool);"
    "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version);"
    "CREATE TABLE IF NOT EXISTS ripcord_applied (version integer PRIMARY KEY, name text NOT NULL, "
    "previous integer, up_digest text NOT NULL, down text, down_digest text NOT NULL, plan text, "
    "statements integer NOT NULL, applied_at text NOT NULL DEFAULT "
    "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
    "CREATE TABLE IF NOT EXISTS ripcord_journal (version integer NOT NULL, direction text NOT "
    "NULL, "
    "step integer NOT NULL, total integer NOT NULL, digest text NOT NULL, statement text NOT NULL, "
    "started_at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), finished_at text, "
    "PRIMARY KEY (version, direction, step));"
    "COMMIT";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// False when there is no such table.
Result<bool> check_shape(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, type FROM pragma_table_info('schema_migrations') "
                                    "ORDER BY name"));
  if (rows.rows.empty()) {
    return false;
  }
  std::string shape;
  for (const auto& row : rows.rows) {
    shape += (shape.empty() ? "" : ", ") + row[0].value_or("") + " " + row[1].value_or("");
  }
  const bool two =
      rows.rows.size() == 2 && rows.rows[0][0] == "dirty" && rows.rows[1][0] == "version";
  if (two && lower(rows.rows[1][1].value_or("")).find("int") != std::string::npos) {
    return true;
  }
  return error(
      StatusCode::kFailedPrecondition,
      fmt::format("table schema_migrations ({}) is not golang-migrate's (version uint64, dirty "
                  "bool){}; it is left alone: move it away to have this database migrated "
                  "here",
                  shape, rows.rows.size() == 1 ? ", it looks like that of dbmate or Rails" : ""),
      "ForeignTable");
}

}  // namespace

Status create_tables(Connection& connection) {
  Status created = connection.execute(std::string(kCreate));
  if (!created.ok() && connection.in_transaction()) {
    static_cast<void>(connection.execute("ROLLBACK"));
  }
  return created.ok() ? created
                      : created.annotated("creating the tables that keep the schema version");
}

Result<bool> has_own_tables(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name "
                       "IN ('ripcord_applied', 'ripcord_journal')"));
  return rows.rows[0][0] == "2";
}

Result<VersionRow> read_version(Connection& connection) {
  ASSIGN_OR_RETURN(const bool there, check_shape(connection));
  return there ? select_version(connection) : VersionRow{};
}

Result<VersionRow> select_version(Connection& connection) {
  VersionRow row;
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT version, dirty FROM schema_migrations"));
  if (rows.rows.size() > 1) {
    return error(
        StatusCode::kFailedPrecondition,
        "schema_migrations has more than one row; golang-migrate keeps exactly one: delete "
        "all but the right one",
        "ForeignTable");
  }
  if (!rows.rows.empty()) {
    const std::string dirty = lower(rows.rows[0][1].value_or("0"));
    row.version = number(rows.rows[0][0]);
    row.dirty = dirty != "0" && dirty != "false";
    if (*row.version < 0) {  // golang-migrate's nil version, written while dirty
      row.version.reset();
    }
  }
  return row;
}

Result<std::vector<AppliedMigration>> read_records(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT version, name, down, up_digest, down_digest, previous FROM "
                       "ripcord_applied ORDER BY version"));
  std::vector<AppliedMigration> records;
  for (const auto& row : rows.rows) {
    records.push_back({number(row[0]), row[1].value_or(""), row[2], row[3].value_or(""),
                       row[4].value_or(""), row[5] ? std::optional(number(row[5])) : std::nullopt});
  }
  return records;
}

Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const VersionRow& current) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT version, direction, count(finished_at), max(total) FROM "
                       "ripcord_journal GROUP BY 1, 2 ORDER BY 1 DESC, 2"));
  for (const auto& row : rows.rows) {
    UnfinishedMigration begun;
    begun.version = number(row[0]);
    begun.direction = row[1] == "up" ? Direction::kUp : Direction::kDown;
    begun.statements_done = static_cast<std::int32_t>(number(row[2]));
    begun.statements_total = static_cast<std::int32_t>(number(row[3]));
    begun.detail =
        fmt::format("{} of {} statements are done", begun.statements_done, begun.statements_total);
    const bool stands = begun.direction == Direction::kUp
                            ? current.version.value_or(-1) < begun.version
                            : current.version == begun.version;
    if (stands) {
      return begun;
    }
  }
  return std::optional<UnfinishedMigration>{};
}

Status prune_records(Connection& connection) {
  ASSIGN_OR_RETURN(const bool own, has_own_tables(connection));
  if (!own) {
    return {};
  }
  ASSIGN_OR_RETURN(const SchemaState state, read_state(connection));
  if (!state.stale_records) {
    return {};
  }
  const auto pruned = connection.query("DELETE FROM ripcord_applied WHERE version > ?1",
                                       {std::to_string(state.version.value_or(-1))});
  return pruned ? ok_status() : pruned.error().annotated("dropping stale records");
}

SchemaState state_of(const VersionRow& row, const std::vector<AppliedMigration>& records,
                     std::optional<UnfinishedMigration> unfinished) {
  SchemaState state{row.version, row.dirty, {}, std::move(unfinished)};
  for (const AppliedMigration& record : records) {
    if (record.version <= row.version.value_or(-1)) {
      state.applied.push_back(record);
    } else {
      state.stale_records = !row.dirty;
    }
  }
  return state;
}

Result<SchemaState> read_state(Connection& connection) {
  RETURN_IF_ERROR(connection.execute("BEGIN"));
  const auto read = [&]() -> Result<SchemaState> {
    ASSIGN_OR_RETURN(const VersionRow row, read_version(connection));
    ASSIGN_OR_RETURN(const bool own, has_own_tables(connection));
    if (!own) {
      return state_of(row, {}, std::nullopt);
    }
    ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection));
    ASSIGN_OR_RETURN(std::optional<UnfinishedMigration> unfinished,
                     read_unfinished(connection, row));
    return state_of(row, records, std::move(unfinished));
  };
  Result<SchemaState> state = read();
  static_cast<void>(connection.execute("ROLLBACK"));
  return state;
}

AppliedMigration record_of(const MigrationStep& step, const VersionRow& before) {
  const Migration& migration = step.migration;
  return {migration.version,
          migration.name,
          migration.down,
          sha256_hex(migration.up.value_or("")),
          migration.down ? sha256_hex(*migration.down) : "",
          before.version.value_or(-1)};
}

Status record_step(Connection& connection, const MigrationStep& step, const VersionRow& before) {
  const auto run = [&](const std::string& sql, const std::vector<Value>& parameters) -> Status {
    const auto ran = connection.query(sql, parameters);
    return ran ? ok_status() : ran.error();
  };
  const std::string version = std::to_string(step.migration.version);
  if (!step.version_after) {
    RETURN_IF_ERROR(run("DELETE FROM schema_migrations", {}));
  } else if (before.version) {
    RETURN_IF_ERROR(run("UPDATE schema_migrations SET version = ?1, dirty = 0",
                        {std::to_string(*step.version_after)}));
  } else {
    RETURN_IF_ERROR(run("INSERT INTO schema_migrations (version, dirty) VALUES (?1, 0)",
                        {std::to_string(*step.version_after)}));
  }
  RETURN_IF_ERROR(run("DELETE FROM ripcord_applied WHERE version >= ?1", {version}));
  if (step.direction == Direction::kDown) {
    return {};
  }
  const AppliedMigration record = record_of(step, before);
  return run(
      "INSERT INTO ripcord_applied (version, name, previous, up_digest, down, down_digest, "
      "plan, statements) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      {version, record.name, std::to_string(*record.previous), record.up_digest, record.down,
       record.down_digest, record.down ? Value(codec::undo_plan_json(step.undo)) : std::nullopt,
       std::to_string(step.statements.size())});
}

}  // namespace ripcord::sqlite
