// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_tables.h"

#include "adapters/postgres/tombstones.h"
#include "controller/base/sha256.h"
#include "controller/codec/undo_plan.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// Our place, and every table there that could be a tool's; $1 are their names, or NULL for any.
constexpr std::string_view kFind =
    "SELECT current_schema(), current_database(), to_regclass('ripcord.applied') IS NOT NULL AND "
    "to_regclass('ripcord.journal') IS NOT NULL, to_regclass('ripcord.tombstones') IS NOT NULL, "
    "t.place, t.name, t.columns, to_regclass('ripcord.transitions') IS NOT NULL FROM (SELECT) one "
    "LEFT JOIN (SELECT n.nspname AS place, c.relname AS name, string_agg(a.attname || ' ' || "
    "format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attname COLLATE \"C\") AS columns "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON "
    "a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p') AND "
    "(n.nspname = current_schema() AND {} OR n.nspname = 'atlas_schema_revisions' AND c.relname = "
    "'atlas_schema_revisions') GROUP BY 1, 2) t ON true ORDER BY t.name, t.place";
// Named by its user: only what no other table would have.
constexpr std::string_view kUnusualName =
    "EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attname IN ('dirty', "
    "'is_applied', 'installed_rank', 'operator_version'))";

constexpr std::string_view kCreateOwn =
    "CREATE SCHEMA IF NOT EXISTS ripcord;"
    "CREATE TABLE IF NOT EXISTS ripcord.applied (home text NOT NULL, version bigint NOT NULL, "
    "name text NOT NULL, previous bigint, up_digest text NOT NULL, down text, "
    "down_digest text NOT NULL, plan jsonb, statements integer NOT NULL, "
    "applied_at timestamptz NOT NULL DEFAULT now(), applied_by text NOT NULL DEFAULT session_user, "
    "PRIMARY KEY (home, version));"
    "CREATE TABLE IF NOT EXISTS ripcord.journal (home text NOT NULL, version bigint NOT NULL, "
    "direction text NOT NULL, step integer NOT NULL, total integer NOT NULL, digest text NOT NULL, "
    "statement text NOT NULL, started_at timestamptz NOT NULL DEFAULT clock_timestamp(), "
    "finished_at timestamptz, PRIMARY KEY (home, version, direction, step));";

constexpr std::string_view kInsertRecord =
    "INSERT INTO ripcord.applied (home, version, name, previous, up_digest, down, down_digest, "
    "plan, statements)";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

Status foreign_table(const std::string& place, const std::string& name, const std::string& shape) {
  return {StatusCode::kFailedPrecondition,
          fmt::format("table {}.{} ({}) is that of no tool that is known here; it is left alone: "
                      "move it away or use another schema (search_path) for this database's "
                      "migrations",
                      place, name, shape),
          "ForeignTable"};
}

std::string names_list() {
  std::string names;
  for (const std::string& name : codec::default_history_names()) {
    names += (names.empty() ? "'" : ", '") + name + "'";
  }
  return fmt::format("c.relname IN ({})", names);
}

// Takes the history that `rows` of kFind name.
Status take_history(const Rows& rows, bool own_names, SchemaTables& tables) {
  for (const auto& row : rows.rows) {
    if (!row[5]) {
      continue;
    }
    const auto* found = codec::recognise_history(row[6].value_or(""), own_names);
    if (found == nullptr && own_names) {
      return foreign_table(row[4].value_or(""), *row[5], row[6].value_or(""));
    }
    if (found == nullptr) {
      continue;
    }
    const std::string quoted = Connection::quote_identifier(row[4].value_or("")) + "." +
                               Connection::quote_identifier(*row[5]);
    if (tables.history != nullptr) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("{} is the history of {}, {} that of {}: only one can be right; move the "
                          "one that is no longer used away",
                          tables.table.quoted, to_string(tables.history->layout()), quoted,
                          to_string(found->layout())),
              "ForeignTable"};
    }
    tables.history = found;
    tables.table = {quoted, *row[5]};
  }
  return {};
}

}  // namespace

Result<SchemaTables> find_tables(Connection& connection) {
  static const std::string kUsual = fmt::format(kFind, names_list());
  static const std::string kUnusual = fmt::format(kFind, kUnusualName);
  ASSIGN_OR_RETURN(const Rows rows, connection.query(kUsual));
  const auto& row = rows.rows[0];
  if (!row[0]) {
    return error(
        StatusCode::kFailedPrecondition,
        "the database has no current schema: search_path names none that exists; create it "
        "or correct search_path",
        "NoSchema");
  }
  SchemaTables tables;
  tables.home = *row[0];
  tables.database = row[1].value_or("");
  tables.has_own_tables = row[2] == "t";
  tables.has_tombstones = row[3] == "t";
  tables.has_transitions = row[7] == "t";
  RETURN_IF_ERROR(take_history(rows, true, tables));
  if (tables.history == nullptr) {
    ASSIGN_OR_RETURN(const Rows unusual, connection.query(kUnusual));
    RETURN_IF_ERROR(take_history(unusual, false, tables));
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
  std::string sql = "BEGIN;";
  if (tables.history == nullptr) {
    table.name = codec::default_history_name(layout);
    table.quoted = Connection::quote_identifier(tables.home) + "." + table.name;
    sql += history.create_sql(codec::SqlDialect::kPostgreSql, table);
  }
  if (!tables.has_own_tables) {
    sql += kCreateOwn;
  }
  const auto created = connection.execute(sql + "COMMIT");
  if (!created) {
    static_cast<void>(connection.execute("ROLLBACK"));
    return created.error().annotated("creating the tables that keep the schema version");
  }
  tables.history = &history;
  tables.table = std::move(table);
  tables.has_own_tables = true;
  return {};
}

Result<codec::AppliedVersions> read_versions(Connection& connection, const SchemaTables& tables) {
  if (tables.history == nullptr) {
    return codec::AppliedVersions{};
  }
  ASSIGN_OR_RETURN(const Rows rows, connection.execute(tables.history->select_sql(tables.table)));
  return tables.history->read(rows.rows);
}

Result<std::vector<AppliedMigration>> read_records(Connection& connection,
                                                   const SchemaTables& tables) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT version, name, down, up_digest, down_digest, previous, "
                                    "(extract(epoch FROM applied_at) * 1000000)::bigint "
                                    "FROM ripcord.applied WHERE home = $1 ORDER BY version",
                                    {tables.home}));
  std::vector<AppliedMigration> records;
  for (const auto& row : rows.rows) {
    records.push_back({number(row[0]), row[1].value_or(""), row[2], row[3].value_or(""),
                       row[4].value_or(""), row[5] ? std::optional(number(row[5])) : std::nullopt});
    records.back().applied_at = WallTime(std::chrono::microseconds(number(row[6])));
  }
  return records;
}

Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const SchemaTables& tables,
                                                           const codec::AppliedVersions& now) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT version, direction, count(finished_at), max(total), "
                       "(array_agg(statement ORDER BY step) FILTER (WHERE finished_at IS NULL))[1] "
                       "FROM ripcord.journal WHERE home = $1 GROUP BY 1, 2 ORDER BY 1 DESC, 2",
                       {tables.home}));
  for (const auto& row : rows.rows) {
    UnfinishedMigration begun;
    begun.version = number(row[0]);
    begun.direction = row[1] == "up" ? Direction::kUp : Direction::kDown;
    begun.statements_done = static_cast<std::int32_t>(number(row[2]));
    begun.statements_total = static_cast<std::int32_t>(number(row[3]));
    const bool stands = begun.direction == Direction::kUp
                            ? now.version().value_or(-1) < begun.version
                            : now.version() == begun.version;
    if (!stands) {
      continue;  // the version row was moved past it by hand
    }
    begun.detail =
        fmt::format("{} of {} statements are done", begun.statements_done, begun.statements_total);
    if (row[4]) {
      begun.detail += "; the next began and its end is not known: " + row[4]->substr(0, 200);
    }
    return begun;
  }
  return std::optional<UnfinishedMigration>{};
}

Status prune_records(Connection& connection, const SchemaTables& tables) {
  if (tables.history == nullptr || !tables.has_own_tables) {
    return {};
  }
  ASSIGN_OR_RETURN(const codec::AppliedVersions now, read_versions(connection, tables));
  if (now.dirty) {
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection, tables));
  std::string stale;
  for (const AppliedMigration& record : records) {
    const bool applied = now.only_last ? record.version <= now.version().value_or(-1)
                                       : now.find(record.version) != nullptr;
    if (!applied) {
      stale += fmt::format("{}{}", stale.empty() ? "" : ", ", record.version);
    }
  }
  if (stale.empty()) {
    return {};
  }
  const auto pruned = connection.execute(
      fmt::format("DELETE FROM ripcord.applied WHERE home = {} AND version IN ({})",
                  Connection::quote_literal(tables.home), stale));
  return pruned ? ok_status() : pruned.error().annotated("dropping stale records");
}

Status read_finished_transitions(Connection& connection, const SchemaTables& tables,
                                 SchemaState& state) {
  if (!tables.has_transitions) {
    return {};
  }
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT name, (extract(epoch FROM finished_at) * "
                                    "1000000)::bigint, digest, validated FROM ripcord.transitions "
                                    "WHERE home = $1 AND "
                                    "finished_at IS NOT NULL ORDER BY name",
                                    {tables.home}));
  for (const auto& row : rows.rows) {
    state.finished_transitions.push_back({row[0].value_or(""),
                                          WallTime(std::chrono::microseconds(number(row[1]))),
                                          row[2].value_or(""), row[3].value_or("")});
  }
  return {};
}

Result<SchemaState> read_state(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows begun,
                   connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  static_cast<void>(begun);
  const auto read = [&]() -> Result<SchemaState> {
    ASSIGN_OR_RETURN(const SchemaTables tables, find_tables(connection));
    ASSIGN_OR_RETURN(const codec::AppliedVersions now, read_versions(connection, tables));
    if (!tables.has_own_tables) {
      return codec::schema_state_of(tables.history, now, {}, std::nullopt);
    }
    ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection, tables));
    ASSIGN_OR_RETURN(std::optional<UnfinishedMigration> unfinished,
                     read_unfinished(connection, tables, now));
    SchemaState state = codec::schema_state_of(tables.history, now, records, std::move(unfinished));
    RETURN_IF_ERROR(read_tombstones(connection, tables, state));
    RETURN_IF_ERROR(read_finished_transitions(connection, tables, state));
    return state;
  };
  Result<SchemaState> state = read();
  static_cast<void>(connection.execute("ROLLBACK"));
  return state;
}

std::string record_step(const SchemaTables& tables, const MigrationStep& step,
                        const codec::AppliedVersions& before,
                        const std::vector<AppliedMigration>& recorded, bool prepared) {
  const Migration& migration = step.migration;
  const auto text = [](const std::string& t) { return Connection::quote_literal(t); };
  std::string sql =
      tables.history->record_sql(codec::SqlDialect::kPostgreSql, tables.table, step, before);
  if (migration.repeatable) {
    return sql;
  }
  // One row by its key costs half of what a range does, and none nothing.
  const std::int64_t last = recorded.empty() ? -1 : recorded.back().version;
  if (step.direction == Direction::kDown || last >= migration.version) {
    sql += fmt::format("DELETE FROM ripcord.applied WHERE home = {} AND version {} {};",
                       text(tables.home), last > migration.version ? ">=" : "=", migration.version);
  }
  if (step.direction == Direction::kDown) {
    return sql;
  }
  const std::string up = migration.up.value_or("");
  sql += fmt::format(
      "{} ({}, {}, {}, {}, '{}', {}, '{}', {}, {});",
      prepared ? "EXECUTE ripcord_record" : fmt::format("{} VALUES", kInsertRecord),
      text(tables.home), migration.version, text(migration.name), before.version().value_or(-1),
      sha256_hex(up), migration.down ? text(*migration.down) : "NULL",
      migration.down ? sha256_hex(*migration.down) : "",
      migration.down ? text(codec::undo_plan_json(step.undo)) : "NULL", step.statements.size());
  return sql;
}

std::string prepare_record_sql() {
  return fmt::format(
      "PREPARE ripcord_record (text, bigint, text, bigint, text, text, text, jsonb, integer) AS {} "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      kInsertRecord);
}

}  // namespace ripcord::postgres
