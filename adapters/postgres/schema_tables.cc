// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_tables.h"

#include "controller/base/sha256.h"
#include "controller/codec/undo_plan.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kFind =
    "SELECT current_schema(), current_database(), "
    "(SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY "
    "a.attname) FROM pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = "
    "to_regclass(quote_ident(current_schema()) || '.schema_migrations')), "
    "to_regclass('ripcord.applied') IS NOT NULL AND to_regclass('ripcord.journal') IS NOT NULL";

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

constexpr std::string_view kGolangMigrateShape = "dirty boolean, version bigint";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

Status foreign_table(const std::string& home, const std::string& shape) {
  const bool one_text_column = shape.find(',') == std::string::npos &&
                               shape.find("version character varying") != std::string::npos;
  return {
      StatusCode::kFailedPrecondition,
      fmt::format("table {}.schema_migrations ({}) is not golang-migrate's (version bigint, dirty "
                  "boolean){}; it is left alone: move it away or use another schema "
                  "(search_path) for this database's migrations",
                  home, shape, one_text_column ? ", it looks like that of dbmate or Rails" : ""),
      "ForeignTable"};
}

}  // namespace

Result<SchemaTables> find_tables(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows, connection.query(std::string(kFind)));
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
  tables.version_table = Connection::quote_identifier(tables.home) + ".schema_migrations";
  tables.has_version_table = row[2].has_value();
  tables.has_own_tables = row[3] == "t";
  if (row[2] && *row[2] != kGolangMigrateShape) {
    return as_return(foreign_table(tables.home, *row[2]));
  }
  return tables;
}

Status create_tables(Connection& connection, SchemaTables& tables) {
  if (tables.has_version_table && tables.has_own_tables) {
    return {};
  }
  std::string sql = "BEGIN;";
  if (!tables.has_version_table) {
    sql += fmt::format(
        "CREATE TABLE IF NOT EXISTS {} (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
        "NULL);",
        tables.version_table);
  }
  if (!tables.has_own_tables) {
    sql += kCreateOwn;
  }
  const auto created = connection.execute(sql + "COMMIT");
  if (!created) {
    static_cast<void>(connection.execute("ROLLBACK"));
    return created.error().annotated("creating the tables that keep the schema version");
  }
  tables.has_version_table = true;
  tables.has_own_tables = true;
  return {};
}

std::string select_version(const SchemaTables& tables) {
  return fmt::format("SELECT version, dirty FROM {}", tables.version_table);
}

Result<VersionRow> version_of(const Rows& rows) {
  if (rows.rows.size() > 1) {
    return error(
        StatusCode::kFailedPrecondition,
        "schema_migrations has more than one row; golang-migrate keeps exactly one: delete "
        "all but the right one",
        "ForeignTable");
  }
  VersionRow row;
  if (!rows.rows.empty()) {
    row.version = number(rows.rows[0][0]);
    row.dirty = rows.rows[0][1] == "t";
    if (*row.version < 0) {  // golang-migrate's nil version, written while dirty
      row.version.reset();
    }
  }
  return row;
}

Result<std::vector<AppliedMigration>> read_records(Connection& connection,
                                                   const SchemaTables& tables) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT version, name, down, up_digest, down_digest, previous "
                                    "FROM ripcord.applied WHERE home = $1 ORDER BY version",
                                    {tables.home}));
  std::vector<AppliedMigration> records;
  for (const auto& row : rows.rows) {
    records.push_back({number(row[0]), row[1].value_or(""), row[2], row[3].value_or(""),
                       row[4].value_or(""), row[5] ? std::optional(number(row[5])) : std::nullopt});
  }
  return records;
}

Result<std::optional<UnfinishedMigration>> read_unfinished(Connection& connection,
                                                           const SchemaTables& tables,
                                                           const VersionRow& current) {
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
                            ? current.version.value_or(-1) < begun.version
                            : current.version == begun.version;
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
  if (!tables.has_version_table || !tables.has_own_tables) {
    return {};
  }
  const auto pruned = connection.execute(fmt::format(
      "DELETE FROM ripcord.applied WHERE home = {0} AND NOT EXISTS (SELECT FROM {1} WHERE dirty) "
      "AND version > coalesce((SELECT max(version) FROM {1}), -1)",
      Connection::quote_literal(tables.home), tables.version_table));
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
  ASSIGN_OR_RETURN(const Rows begun,
                   connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  static_cast<void>(begun);
  const auto read = [&]() -> Result<SchemaState> {
    ASSIGN_OR_RETURN(const SchemaTables tables, find_tables(connection));
    VersionRow row;
    if (tables.has_version_table) {
      ASSIGN_OR_RETURN(const Rows rows, connection.query(select_version(tables)));
      ASSIGN_OR_RETURN(row, version_of(rows));
    }
    if (!tables.has_own_tables) {
      return state_of(row, {}, std::nullopt);
    }
    ASSIGN_OR_RETURN(const std::vector<AppliedMigration> records, read_records(connection, tables));
    ASSIGN_OR_RETURN(std::optional<UnfinishedMigration> unfinished,
                     read_unfinished(connection, tables, row));
    return state_of(row, records, std::move(unfinished));
  };
  Result<SchemaState> state = read();
  static_cast<void>(connection.execute("ROLLBACK"));
  return state;
}

std::string record_step(const SchemaTables& tables, const MigrationStep& step,
                        const VersionRow& before) {
  const Migration& migration = step.migration;
  const auto text = [](const std::string& t) { return Connection::quote_literal(t); };
  std::string sql;
  if (!step.version_after) {
    sql = fmt::format("DELETE FROM {};", tables.version_table);
  } else if (before.version) {
    sql = fmt::format("UPDATE {} SET version = {}, dirty = false;", tables.version_table,
                      *step.version_after);
  } else {
    sql = fmt::format("INSERT INTO {} (version, dirty) VALUES ({}, false);", tables.version_table,
                      *step.version_after);
  }
  if (step.direction == Direction::kDown) {
    return sql + fmt::format("DELETE FROM ripcord.applied WHERE home = {} AND version >= {};",
                             text(tables.home), migration.version);
  }
  const std::string up = migration.up.value_or("");
  sql += fmt::format(
      "DELETE FROM ripcord.applied WHERE home = {0} AND version >= {1};"
      "INSERT INTO ripcord.applied (home, version, name, previous, up_digest, down, down_digest, "
      "plan, statements) VALUES ({0}, {1}, {2}, {3}, '{4}', {5}, '{6}', {7}, {8});",
      text(tables.home), migration.version, text(migration.name), before.version.value_or(-1),
      sha256_hex(up), migration.down ? text(*migration.down) : "NULL",
      migration.down ? sha256_hex(*migration.down) : "",
      migration.down ? text(codec::undo_plan_json(step.undo)) : "NULL", step.statements.size());
  return sql;
}

}  // namespace ripcord::postgres
