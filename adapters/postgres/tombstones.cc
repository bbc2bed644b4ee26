// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/tombstones.h"

#include "adapters/postgres/schema_session.h"
#include "controller/base/sha256.h"
#include "controller/codec/undo_plan.h"
#include "controller/model/tombstone_name.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr int kMostNames = 20;

constexpr std::string_view kCreate =
    "CREATE TABLE IF NOT EXISTS ripcord.tombstones (home text NOT NULL, version bigint NOT NULL, "
    "number integer NOT NULL, place text NOT NULL, relation text NOT NULL, column_name text, "
    "name text NOT NULL, was_not_null boolean NOT NULL, foreign_keys text[] NOT NULL, "
    "undo_digest text NOT NULL, own_down text, own_digest text NOT NULL, own_plan jsonb, "
    "made_at timestamptz NOT NULL DEFAULT now(), undone_at timestamptz, "
    "PRIMARY KEY (home, place, relation, name));";

// Of a row t. The table may have been put aside itself since, by a later version.
constexpr std::string_view kWhere =
    "coalesce(to_regclass(format('%I.%I', t.place, t.relation)), (SELECT "
    "to_regclass(format('%I.%I', u.place, u.name)) FROM ripcord.tombstones u WHERE u.home = t.home "
    "AND u.place = t.place AND u.relation = t.relation AND u.column_name IS NULL AND u.undone_at "
    "IS "
    "NULL LIMIT 1))";
constexpr std::string_view kIsThere =
    "CASE WHEN t.column_name IS NULL THEN to_regclass(format('%I.%I', t.place, t.name)) IS NOT "
    "NULL "
    "ELSE {0} IS NULL OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = {0} AND a.attname = "
    "t.name AND NOT a.attisdropped) END";
// It came back, but not as it was.
constexpr std::string_view kUnmended =
    "CASE WHEN t.column_name IS NULL THEN EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = "
    "to_regclass(format('%I.%I', t.place, t.relation)) AND k.contype = 'f' AND NOT k.convalidated "
    "AND k.conname = ANY(t.foreign_keys)) ELSE t.was_not_null AND EXISTS (SELECT FROM pg_attribute "
    "a WHERE a.attrelid = to_regclass(format('%I.%I', t.place, t.relation)) AND a.attname = "
    "t.column_name AND NOT a.attisdropped AND NOT a.attnotnull) END";

// Of the table $1 and its column $2 (NULL: the table itself). No row: it is not there.
constexpr std::string_view kLook =
    "SELECT n.nspname, c.relname, "
    "c.relkind <> 'r' OR c.relpersistence = 't' OR c.relispartition OR EXISTS (SELECT FROM "
    "pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)), "
    "has_schema_privilege(n.oid, 'CREATE'), a.attname IS NOT NULL, "
    "a.attgenerated <> '', "
    "EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR "
    "i.indisexclusion) AND (a.attnum = ANY(i.indkey::int2[]) OR EXISTS (SELECT FROM pg_depend d "
    "WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = "
    "'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))), "
    "EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND a.attnum = ANY(k.conkey) AND "
    "k.contype IN ('c', 'f')), "
    "y.typtype = 'd' AND (y.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = "
    "y.oid)), "
    "EXISTS (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = "
    "c.relname), "
    "a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON "
    "a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN "
    "pg_type "
    "y ON y.oid = a.atttypid WHERE c.oid = to_regclass($1) AND ($2::text IS NULL OR a.attname IS "
    "NOT NULL)";

struct Target {
  std::string place;
  std::string relation;
  bool lifts_not_null = false;
  std::string obstacle;
};

// "s"."t" of s.t; names hold no dots (SqlEffects::only_drops).
std::string qualified(const std::string& relation) {
  const std::size_t dot = relation.find('.');
  return dot == std::string::npos ? Connection::quote_identifier(relation)
                                  : Connection::quote_identifier(relation.substr(0, dot)) + "." +
                                        Connection::quote_identifier(relation.substr(dot + 1));
}

bool is_column(const DataLoss& loss) {
  return loss.what == DataLoss::What::kColumn;
}

std::string obstacle_of(const std::vector<Value>& row, const DataLoss& loss) {
  const auto yes = [&](std::size_t at) { return row[at] == "t"; };
  const std::string table = row[1].value_or("");
  const std::string column = table + "." + loss.column;
  if (yes(2)) {
    return table + " is partitioned, inherited or temporary";
  }
  if (!is_column(loss)) {
    return yes(3) ? ""
                  : fmt::format("to rename {} takes the right CREATE on schema {}", table,
                                row[0].value_or(""));
  }
  return yes(5)   ? column + " is a generated column"
         : yes(6) ? column + " belongs to a primary key, unique index or exclusion constraint"
         : yes(7) ? column + " is in a CHECK constraint or a foreign key, which would go on holding"
         : yes(8) ? "the type of " + column + " is a domain that refuses values"
         : yes(9) ? table + " is published for logical replication, where columns are known by name"
                  : "";
}

// Nothing when it is not there.
Result<std::optional<Target>> look_at(Connection& connection, const DataLoss& loss) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(std::string(kLook), {qualified(loss.relation),
                                            is_column(loss) ? Value(loss.column) : std::nullopt}));
  if (rows.rows.empty()) {
    return std::nullopt;
  }
  const auto& row = rows.rows.front();
  return Target{row[0].value_or(""), row[1].value_or(""), row[10] == "t", obstacle_of(row, loss)};
}

std::string text(const std::string& value) {
  return Connection::quote_literal(value);
}

std::string table_of(const std::string& place, const std::string& relation) {
  return Connection::quote_identifier(place) + "." + Connection::quote_identifier(relation);
}

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

// "users" of public.users where public is home.
std::string shown(const std::string& home, const Value& place, const Value& name) {
  return place == home ? name.value_or("") : place.value_or("") + "." + name.value_or("");
}

std::string remark(const SchemaTables& tables, const std::vector<Value>& row) {
  const std::string table = shown(tables.home, row[1], row[2]);
  if (row[3]) {
    return fmt::format(
        "column {0}.{1} is back, but rows that were written without it hold NULL: it was NOT NULL "
        "before. Fill them and run ALTER TABLE {0} ALTER COLUMN {1} SET NOT NULL",
        table, *row[3]);
  }
  return fmt::format(
      "table {0} is back; its foreign keys hold for new rows, older ones were not looked at: ALTER "
      "TABLE {0} VALIDATE CONSTRAINT ... for each of {1}",
      table, row[9].value_or(""));
}

}  // namespace

Result<std::string> find_obstacle(Connection& connection, const std::vector<DataLoss>& drops) {
  for (const DataLoss& loss : drops) {
    ASSIGN_OR_RETURN(const std::optional<Target> target, look_at(connection, loss));
    if (target && !target->obstacle.empty()) {
      return target->obstacle;
    }
  }
  return std::string();
}

Status read_tombstones(Connection& connection, const SchemaTables& tables, SchemaState& state) {
  if (!tables.has_tombstones) {
    return {};
  }
  static const std::string kSql = fmt::format(
      "SELECT t.version, t.place, t.relation, t.column_name, t.name, (extract(epoch FROM "
      "t.made_at) "
      "* 1000000)::bigint, {}, EXISTS (SELECT FROM ripcord.applied d WHERE d.home = t.home AND "
      "d.version = t.version AND d.down_digest = t.undo_digest), t.undone_at IS NOT NULL, "
      "array_to_string(t.foreign_keys, ', '), t.undone_at IS NOT NULL AND {} FROM "
      "ripcord.tombstones t WHERE t.home = $1 ORDER BY t.version, t.number",
      fmt::format(fmt::runtime(kIsThere), kWhere), kUnmended);
  ASSIGN_OR_RETURN(const Rows rows, connection.query(kSql, {tables.home}));
  for (const auto& row : rows.rows) {
    if (row[8] == "t") {
      if (row[10] == "t") {
        state.remarks.push_back(remark(tables, row));
      }
      continue;
    }
    KeptTombstone tombstone;
    tombstone.version = number(row[0]);
    const std::string table = shown(tables.home, row[1], row[2]);
    tombstone.what = row[3] ? fmt::format("column {}.{}", table, *row[3]) : "table " + table;
    tombstone.name = row[3] ? fmt::format("{}.{}", table, row[4].value_or(""))
                            : shown(tables.home, row[1], row[4]);
    tombstone.made_at = WallTime(std::chrono::microseconds(number(row[5])));
    tombstone.gone = row[6] != "t";
    tombstone.undoable = row[7] == "t";
    state.tombstones.push_back(std::move(tombstone));
  }
  return {};
}

Status Burial::run(const std::string& sql, const std::stop_token& stop) {
  const auto ran = connection_.execute(sql, stop);
  return ran ? ok_status() : ran.error();
}

Status Burial::bury(const SqlStatement& statement, const std::stop_token& stop) {
  trace_point(trace_, "before trying a drop");
  RETURN_IF_ERROR(run("SAVEPOINT ripcord_try"));
  if (const Status tried = run(statement.text, stop); !tried.ok()) {
    return located(tried, connection_.last_error(), step_, statement);
  }
  RETURN_IF_ERROR(run("ROLLBACK TO SAVEPOINT ripcord_try; RELEASE SAVEPOINT ripcord_try"));
  for (const DataLoss& loss : statement.effects.loses) {
    trace_point(trace_, "before putting aside");
    if (Status buried = bury_one(loss); !buried.ok()) {
      return buried.annotated(
          fmt::format("{}:{}: putting {} aside", label_of(step_), statement.line, to_string(loss)));
    }
    trace_point(trace_, "after putting aside");
  }
  return {};
}

Status Burial::bury_one(const DataLoss& loss) {
  ASSIGN_OR_RETURN(const std::optional<Target> target, look_at(connection_, loss));
  if (!target) {
    return {};  // DROP ... IF EXISTS
  }
  if (!target->obstacle.empty()) {
    return {StatusCode::kUnavailable,
            fmt::format("not possible any more: {}; looked at anew", target->obstacle),
            "CannotPutAside"};
  }
  Grave grave{target->place,
              target->relation,
              is_column(loss) ? loss.column : "",
              "",
              target->lifts_not_null,
              {}};
  ASSIGN_OR_RETURN(grave.name, free_name(grave));
  const std::string table = table_of(grave.place, grave.relation);
  const std::string name = Connection::quote_identifier(grave.name);
  if (grave.column.empty()) {
    RETURN_IF_ERROR(free_table(grave));
    RETURN_IF_ERROR(run(fmt::format("ALTER TABLE {} RENAME TO {}", table, name)));
  } else {
    RETURN_IF_ERROR(run(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table,
                                    Connection::quote_identifier(grave.column), name)));
    if (grave.was_not_null) {
      RETURN_IF_ERROR(
          run(fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, name)));
    }
  }
  graves_.push_back(std::move(grave));
  return {};
}

// Its foreign keys would keep rows of other tables from being deleted. With an empty search_path
// their definitions name every table in full.
Status Burial::free_table(Grave& grave) {
  ASSIGN_OR_RETURN(const Rows path, connection_.execute("SELECT current_setting('search_path')"));
  const std::string table = table_of(grave.place, grave.relation);
  RETURN_IF_ERROR(run("SET LOCAL search_path = ''"));
  ASSIGN_OR_RETURN(
      const Rows keys,
      connection_.query("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                        "WHERE conrelid = to_regclass($1) AND contype = 'f' ORDER BY 1",
                        {table}));
  RETURN_IF_ERROR(run(fmt::format("SELECT set_config('search_path', {}, true)",
                                  text(path.rows.at(0).at(0).value_or("")))));
  for (const auto& row : keys.rows) {
    grave.foreign_keys.emplace_back(row[0].value_or(""), row[1].value_or(""));
    RETURN_IF_ERROR(run(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table,
                                    Connection::quote_identifier(*row[0]))));
  }
  return {};
}

Result<std::string> Burial::free_name(const Grave& grave) {
  for (int attempt = 1; attempt <= kMostNames; ++attempt) {
    std::string name = tombstone_name(
        step_.migration.version, grave.column.empty() ? grave.relation : grave.column, attempt);
    ASSIGN_OR_RETURN(const Rows taken,
                     connection_.query(
                         "SELECT CASE WHEN $1 THEN to_regclass($2) IS NOT NULL ELSE EXISTS (SELECT "
                         "FROM pg_attribute WHERE attrelid = to_regclass($3) AND attname = $4 AND "
                         "NOT attisdropped) END",
                         {grave.column.empty() ? "t" : "f", table_of(grave.place, name),
                          table_of(grave.place, grave.relation), name}));
    if (taken.rows.at(0).at(0) != "t") {
      return name;
    }
  }
  return error(StatusCode::kFailedPrecondition,
               fmt::format("{} names like {} are taken; drop what earlier ways left behind",
                           kMostNames, tombstone_name(step_.migration.version, grave.relation)),
               "NoTombstoneName");
}

std::vector<std::string> Burial::undo_statements() const {
  std::vector<std::string> all;
  for (auto grave = graves_.rbegin(); grave != graves_.rend(); ++grave) {
    const std::string table = table_of(grave->place, grave->relation);
    if (grave->column.empty()) {
      all.push_back(fmt::format("ALTER TABLE {} RENAME TO {}", table_of(grave->place, grave->name),
                                Connection::quote_identifier(grave->relation)));
      for (const auto& [name, definition] : grave->foreign_keys) {
        all.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}{}", table,
                                  Connection::quote_identifier(name), definition,
                                  definition.ends_with("NOT VALID") ? "" : " NOT VALID"));
      }
      continue;
    }
    const std::string column = Connection::quote_identifier(grave->column);
    all.push_back(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table,
                              Connection::quote_identifier(grave->name), column));
    if (grave->was_not_null) {
      all.push_back(fmt::format(
          "DO $ripcord$ BEGIN ALTER TABLE {} ALTER COLUMN {} SET NOT NULL; EXCEPTION WHEN "
          "not_null_violation THEN NULL; END $ripcord$",
          table, column));
    }
  }
  return all;
}

MigrationStep Burial::recorded() const {
  MigrationStep step = step_;
  std::string script =
      fmt::format("-- ripcord: renames back what version {} put aside\n", step_.migration.version);
  step.undo.clear();
  std::int32_t line = 1;
  for (std::string& statement : undo_statements()) {
    SqlStatement undo;
    undo.line = ++line;
    undo.effect = DataEffect::kLossless;
    script += statement + ";\n";
    undo.text = std::move(statement);
    step.undo.push_back(std::move(undo));
  }
  step.migration.down = std::move(script);
  return step;
}

std::string Burial::record_sql(const SchemaTables& tables) const {
  const Migration& author = step_.migration;
  const std::string digest = sha256_hex(*recorded().migration.down);
  std::string sql(kCreate);
  int count = 0;
  for (const Grave& grave : graves_) {
    std::string keys;
    for (const auto& [name, definition] : grave.foreign_keys) {
      keys += (keys.empty() ? "" : ", ") + text(name);
    }
    sql += fmt::format(
        "DELETE FROM ripcord.tombstones WHERE home = {0} AND place = {3} AND relation = {4} AND "
        "name "
        "= {6};"
        "INSERT INTO ripcord.tombstones (home, version, number, place, relation, column_name, "
        "name, "
        "was_not_null, foreign_keys, undo_digest, own_down, own_digest, own_plan) VALUES ({0}, "
        "{1}, "
        "{2}, {3}, {4}, {5}, {6}, {7}, ARRAY[{8}]::text[], '{9}', {10}, '{11}', {12});",
        text(tables.home), author.version, ++count, text(grave.place), text(grave.relation),
        grave.column.empty() ? "NULL" : text(grave.column), text(grave.name), grave.was_not_null,
        keys, digest, author.down ? text(*author.down) : "NULL",
        author.down ? sha256_hex(*author.down) : "",
        author.down ? text(codec::undo_plan_json(step_.undo)) : "NULL");
  }
  return sql;
}

std::string forget_tombstones_sql(const SchemaTables& tables, const MigrationStep& step) {
  if (!tables.has_tombstones || !step.migration.down) {
    return "";
  }
  const std::string which =
      fmt::format("t.home = {} AND t.version = {} AND t.undo_digest = '{}'", text(tables.home),
                  step.migration.version, sha256_hex(*step.migration.down));
  return fmt::format(
      "DELETE FROM ripcord.tombstones t WHERE {0} AND NOT ({1});"
      "UPDATE ripcord.tombstones t SET undone_at = now() WHERE {0};",
      which, kUnmended);
}

Result<std::vector<std::string>> drop_tombstones_sql(Connection& connection,
                                                     const SchemaTables& tables,
                                                     std::int64_t version) {
  std::vector<std::string> all;
  if (!tables.has_tombstones) {
    return all;
  }
  const std::string which = fmt::format("t.home = {} AND t.version = {} AND t.undone_at IS NULL",
                                        text(tables.home), version);
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.execute(fmt::format(
          "SELECT CASE WHEN t.column_name IS NULL THEN format('DROP TABLE IF EXISTS %I.%I', "
          "t.place, "
          "t.name) ELSE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', {0}, t.name) END FROM "
          "ripcord.tombstones t WHERE {1} AND (t.column_name IS NULL OR {0} IS NOT NULL) ORDER BY "
          "t.number",
          kWhere, which)));
  for (const auto& row : rows.rows) {
    all.push_back(row[0].value_or(""));
  }
  all.push_back(fmt::format(
      "UPDATE ripcord.applied d SET down = t.own_down, down_digest = t.own_digest, plan = "
      "t.own_plan "
      "FROM ripcord.tombstones t WHERE {} AND d.home = t.home AND d.version = t.version AND "
      "d.down_digest = t.undo_digest",
      which));
  all.push_back(fmt::format("DELETE FROM ripcord.tombstones t WHERE {}", which));
  return all;
}

}  // namespace ripcord::postgres
