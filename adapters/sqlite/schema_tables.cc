// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/schema_tables.h"

#include "adapters/sqlite/tombstones.h"
#include "controller/base/sha256.h"
#include "controller/base/time_text.h"
#include "controller/codec/undo_plan.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

constexpr std::string_view kCreateOwn =
    "CREATE TABLE IF NOT EXISTS ripcord_applied (version integer PRIMARY KEY, name text NOT NULL, "
    "previous integer, up_digest text NOT NULL, down text, down_digest text NOT NULL, plan text, "
    "statements integer NOT NULL, applied_at text NOT NULL DEFAULT "
    "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
    "CREATE TABLE IF NOT EXISTS ripcord_journal (version integer NOT NULL, direction text NOT "
    "NULL, "
    "step integer NOT NULL, total integer NOT NULL, digest text NOT NULL, statement text NOT NULL, "
    "started_at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), finished_at text, "
    "PRIMARY KEY (version, direction, step));";

// Each column of each table, by table and name.
constexpr std::string_view kFind =
    "SELECT m.name, lower(c.name), lower(c.type) FROM sqlite_master m, pragma_table_info(m.name) c "
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'ripcord_%' ORDER BY "
    "m.name, lower(c.name)";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

std::string quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

using Shapes = std::vector<std::pair<std::string, std::string>>;  // table, its columns

Result<Shapes> read_shapes(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(std::string(kFind)));
  Shapes shapes;
  for (const auto& row : rows.rows) {
    if (shapes.empty() || shapes.back().first != row[0]) {
      shapes.emplace_back(row[0].value_or(""), "");
    }
    std::string& columns = shapes.back().second;
    columns += (columns.empty() ? "" : ", ") + row[1].value_or("") + " " + row[2].value_or("");
  }
  return shapes;
}

bool is_usual(const std::string& name) {
  const auto& names = codec::default_history_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status take_history(const Shapes& shapes, bool usual, SchemaTables& tables) {
  for (const auto& [name, columns] : shapes) {
    if (is_usual(name) != usual) {
      continue;
    }
    const auto* found = codec::recognise_history(columns, usual);
    if (found == nullptr && usual) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("table {} ({}) is that of no tool that is known here; it is left alone: "
                          "move it away to have this database migrated here",
                          name, columns),
              "ForeignTable"};
    }
    if (found == nullptr) {
      continue;
    }
    if (tables.history != nullptr) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("{} is the history of {}, {} that of {}: only one can be right; move the "
                          "one that is no longer used away",
                          tables.table.name, to_string(tables.history->layout()), name,
                          to_string(found->layout())),
              "ForeignTable"};
    }
    tables.history = found;
    tables.table = {quote_name(name), name};
  }
  return {};
}

Result<bool> has_own_tables(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name "
                       "IN ('ripcord_applied', 'ripcord_journal')"));
  return rows.rows[0][0] == "2";
}

}  // namespace

Result<SchemaTables> find_tables(Connection& connection) {
  SchemaTables tables;
  ASSIGN_OR_RETURN(tables.has_own_tables, has_own_tables(connection));
  ASSIGN_OR_RETURN(const Shapes shapes, read_shapes(connection));
  RETURN_IF_ERROR(take_history(shapes, true, tables));
  if (tables.history == nullptr) {
    RETURN_IF_ERROR(take_history(shapes, false, tables));
  }
  return tables;
}

Status create_tables(Connection& connection, SchemaTables& tables, MigrationLayout layout) {
  if (tables.history != nullptr && tables.has_own_tables) {
    return {};
  }
  const codec::MigrationHistory& history =
      tables.history != nullptr ? *tables.history : codec::history_of(layout);
  codec::HistoryTable table = tables.table;
  std::string sql = "BEGIN IMMEDIATE;";
  if (tables.history == nullptr) {
    table.name = table.quoted = codec::default_history_name(layout);
    sql += history.create_sql(codec::SqlDialect::kSqlite, table);
  }
  Status created = connection.execute(sql + std::string(kCreateOwn) + "COMMIT");
  if (!created.ok()) {
    if (connection.in_transaction()) {
      static_cast<void>(connection.execute("ROLLBACK"));
    }
    return created.annotated("creating the tables that keep the schema version");
  }
  tables = {&history, std::move(table), true};
  return {};
}

Result<codec::AppliedVersions> read_versions(Connection& connection, const SchemaTables& tables) {
  if (tables.history == nullptr) {
    return codec::AppliedVersions{};
  }
  ASSIGN_OR_RETURN(const Rows rows, connection.query(tables.history->select_sql(tables.table)));
  return tables.history->read(rows.rows);
}

Result<std::vector<AppliedMigration>> read_records(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT version, name, down, up_digest, down_digest, previous, "
                                    "applied_at FROM ripcord_applied ORDER BY version"));
  std::vector<AppliedMigration> records;
  for (const auto& row : rows.rows) {
    records.push_back({number(row[0]), row[1].value_or(""), row[2], row[3].value_or(""),
                       row[4].value_or(""), row[5] ? std::optional(number(row[5])) : std::nullopt});
    if (const auto at = parse_time(row[6].value_or(""))) {
      records.back().applied_at = *at;
    }
  }
  return records;
}

Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const codec::AppliedVersions& now) {
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
                            ? now.version().value_or(-1) < begun.version
                            : now.version() == begun.version;
    if (stands) {
      return begun;
    }
  }
  return std::optional<UnfinishedMigration>{};
}

Status prune_records(Connection& connection) {
  ASSIGN_OR_RETURN(const SchemaState state, read_state(connection));
  if (!state.stale_records) {
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection));
  for (const AppliedMigration& record : records) {
    const bool applied =
        std::any_of(state.applied.begin(), state.applied.end(),
                    [&](const AppliedMigration& a) { return a.version == record.version; });
    if (applied) {
      continue;
    }
    const auto pruned = connection.query("DELETE FROM ripcord_applied WHERE version = ?1",
                                         {std::to_string(record.version)});
    if (!pruned) {
      return pruned.error().annotated("dropping stale records");
    }
  }
  return {};
}

Status read_finished_transitions(Connection& connection, SchemaState& state) {
  ASSIGN_OR_RETURN(const Rows there, connection.query("SELECT 1 FROM sqlite_master WHERE type = "
                                                      "'table' AND name = 'ripcord_transitions'"));
  if (there.rows.empty()) {
    return {};
  }
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, finished_at, digest, validated FROM "
                                    "ripcord_transitions WHERE finished_at IS NOT NULL ORDER BY "
                                    "name"));
  for (const auto& row : rows.rows) {
    ASSIGN_OR_RETURN(const WallTime at, parse_time(row[1].value_or("")));
    state.finished_transitions.push_back(
        {row[0].value_or(""), at, row[2].value_or(""), row[3].value_or("")});
  }
  return {};
}

Result<SchemaState> read_state(Connection& connection) {
  RETURN_IF_ERROR(connection.execute("BEGIN"));
  const auto read = [&]() -> Result<SchemaState> {
    ASSIGN_OR_RETURN(const SchemaTables tables, find_tables(connection));
    ASSIGN_OR_RETURN(const codec::AppliedVersions now, read_versions(connection, tables));
    if (!tables.has_own_tables) {
      return codec::schema_state_of(tables.history, now, {}, std::nullopt);
    }
    ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection));
    ASSIGN_OR_RETURN(std::optional<UnfinishedMigration> unfinished,
                     read_unfinished(connection, now));
    SchemaState state = codec::schema_state_of(tables.history, now, records, std::move(unfinished));
    RETURN_IF_ERROR(read_tombstones(connection, state));
    RETURN_IF_ERROR(read_finished_transitions(connection, state));
    return state;
  };
  Result<SchemaState> state = read();
  static_cast<void>(connection.execute("ROLLBACK"));
  return state;
}

AppliedMigration record_of(const MigrationStep& step, const codec::AppliedVersions& before) {
  const Migration& migration = step.migration;
  return {migration.version,
          migration.name,
          migration.down,
          sha256_hex(migration.up.value_or("")),
          migration.down ? sha256_hex(*migration.down) : "",
          before.version().value_or(-1)};
}

Status record_step(Connection& connection, const SchemaTables& tables, const MigrationStep& step,
                   const codec::AppliedVersions& before, bool newer) {
  const auto run = [&](const std::string& sql, const std::vector<Value>& parameters) -> Status {
    const auto ran = connection.query(sql, parameters);
    return ran ? ok_status() : ran.error();
  };
  RETURN_IF_ERROR(connection.execute(
      tables.history->record_sql(codec::SqlDialect::kSqlite, tables.table, step, before)));
  if (step.migration.repeatable) {
    return {};
  }
  const std::string version = std::to_string(step.migration.version);
  if (newer) {
    RETURN_IF_ERROR(run("DELETE FROM ripcord_applied WHERE version >= ?1", {version}));
  }
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
