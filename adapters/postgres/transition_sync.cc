// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/transition_sync.h"

#include "controller/base/sha256.h"

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::size_t kHashDigits = 8;

struct Column {
  std::string type;
  std::string default_text;  // empty: none
};

struct Shape {
  std::string table;
  std::string alias;
  bool partitioned = false;
  Column old_column;
  Column new_column;
};

Status unfit(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message), "BadTransition"};
}

std::string short_hash(const std::string& home, const std::string& transition) {
  return sha256_hex(home + std::string(1, '\0') + transition).substr(0, kHashDigits);
}

Result<Shape> read_shape(Connection& connection, const TransitionSync& sync) {
  Shape shape;
  ASSIGN_OR_RETURN(shape.table, resolve_table(connection, sync.table));
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT quote_ident(c.relname), c.relkind, a.attname, "
                       "format_type(a.atttypid, a.atttypmod), a.attgenerated <> '', "
                       "pg_get_expr(d.adbin, d.adrelid) FROM pg_class c LEFT JOIN pg_attribute a "
                       "ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND "
                       "a.attname IN ($2, $3) LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND "
                       "d.adnum = a.attnum WHERE c.oid = $1::regclass",
                       {shape.table, sync.old_column, sync.new_column}));
  for (const auto& row : rows.rows) {
    shape.alias = row[0].value_or("");
    shape.partitioned = row[1] == "p";
    if (row[1] != "r" && row[1] != "p") {
      return as_return(unfit(fmt::format("sync: {} is no table", shape.table)));
    }
    if (row[4] == "t") {
      return as_return(unfit(fmt::format(
          "sync: column {}.{} is generated, so that it cannot be written; sync what it is made of",
          shape.table, row[2].value_or(""))));
    }
    Column& column = row[2] == sync.old_column ? shape.old_column : shape.new_column;
    column = {row[3].value_or(""), row[5].value_or("")};
  }
  for (const auto& [name, column] : {std::pair{&sync.old_column, &shape.old_column},
                                     std::pair{&sync.new_column, &shape.new_column}}) {
    if (column->type.empty()) {
      return as_return(unfit(fmt::format("sync: table {} has no column {}", shape.table, *name)));
    }
  }
  return shape;
}

// The table, and what inherits from it: triggers are not inherited. Partitions get them themselves.
Result<std::vector<std::string>> read_relations(Connection& connection, const Shape& shape) {
  if (shape.partitioned) {
    return std::vector<std::string>{shape.table};
  }
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("WITH RECURSIVE family AS (SELECT $1::regclass::oid AS oid UNION SELECT "
                       "i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid) SELECT "
                       "oid::regclass FROM family ORDER BY oid",
                       {shape.table}));
  std::vector<std::string> all;
  for (const auto& row : rows.rows) {
    all.push_back(row[0].value_or(""));
  }
  return all;
}

Result<std::string> read_search_path(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT string_agg(quote_ident(s), ', ' ORDER BY n) FROM "
                                    "unnest(current_schemas(false)) WITH ORDINALITY AS s (s, n)"));
  return rows.rows[0][0].value_or("pg_catalog") + ", pg_temp";
}

// Equal to the last bit: what a type's own = lets pass (citext) is a difference here, and types
// without one (json) have this.
std::string same(const std::string& a, const std::string& b) {
  return fmt::format("ROW({})::record OPERATOR(pg_catalog.*=) ROW({})::record", a, b);
}

// The same as a condition of a trigger, which has to outlive a dump of it: the server writes casts
// of rows in a way that it does not read again.
std::string changed_text(const std::string& column) {
  return fmt::format("OLD.{0}::text COLLATE \"C\" IS DISTINCT FROM NEW.{0}::text COLLATE \"C\"",
                     Connection::quote_identifier(column));
}

// `expression` over the columns of NEW.
std::string over_new(const std::string& expression, const std::string& alias,
                     const std::string& other) {
  return expression.empty()
             ? "NEW." + other
             : fmt::format("(SELECT ({}\n) FROM (SELECT NEW.*) AS {})", expression, alias);
}

std::string body_of(const TransitionSync& sync, const Shape& shape) {
  const std::string old_name = Connection::quote_identifier(sync.old_column);
  const std::string new_name = Connection::quote_identifier(sync.new_column);
  const std::string to_new = over_new(sync.to_new, shape.alias, old_name);
  const std::string to_old = over_new(sync.to_old, shape.alias, new_name);
  std::string not_given = fmt::format("NEW.{} IS NULL", new_name);
  // Only a constant can be told from a value that somebody has given.
  const std::string& constant = shape.new_column.default_text;
  if (!constant.empty() && constant.find('(') == std::string::npos) {
    not_given += fmt::format(
        " OR ({} AND NEW.{} IS NOT NULL)",
        same("NEW." + new_name, fmt::format("CAST({} AS {})", constant, shape.new_column.type)),
        old_name);
  }
  return fmt::format(
      "\n#variable_conflict use_column\n"
      "DECLARE\n"
      "  \"ripcord new\" {type};\n"
      "BEGIN\n"
      "  IF TG_OP = 'INSERT' THEN\n"
      "    IF {not_given} THEN\n"
      "      NEW.{new} := {to_new};\n"
      "      RETURN NEW;\n"
      "    END IF;\n"
      "  ELSIF {unchanged} THEN\n"
      "    NEW.{new} := {to_new};\n"
      "    RETURN NEW;\n"
      "  END IF;\n"
      "  \"ripcord new\" := {to_new};\n"
      "  IF NOT ({agreed}) THEN\n"
      "    NEW.{old} := {to_old};\n"
      "  END IF;\n"
      "  RETURN NEW;\n"
      "END\n",
      fmt::arg("type", shape.new_column.type), fmt::arg("not_given", not_given),
      fmt::arg("new", new_name), fmt::arg("old", old_name), fmt::arg("to_new", to_new),
      fmt::arg("to_old", to_old), fmt::arg("unchanged", same("NEW." + new_name, "OLD." + new_name)),
      fmt::arg("agreed", same("\"ripcord new\"", "NEW." + new_name)));
}

}  // namespace

std::string sync_function(const std::string& home, const std::string& transition) {
  return "ripcord." + Connection::quote_identifier(
                          fmt::format("sync_{}_{}", transition, short_hash(home, transition)));
}

Result<SyncInPlace> read_sync(Connection& connection, const std::string& function) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(
          "SELECT md5(concat_ws('|', p.prosrc, p.proconfig::text, p.prosecdef, (SELECT "
          "string_agg(concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid)), '|' ORDER BY "
          "t.tgrelid, t.tgname) FROM pg_trigger t WHERE t.tgfoid = p.oid AND t.tgparentid = 0))) "
          "FROM pg_proc p WHERE p.oid = to_regproc($1)",
          {function}));
  if (rows.rows.empty()) {
    return SyncInPlace{};
  }
  return SyncInPlace{true, rows.rows[0][0].value_or("")};
}

Result<std::string> make_sync_sql(Connection& connection, const std::string& home,
                                  const Transition& transition) {
  const TransitionSync& sync = *transition.sync;
  ASSIGN_OR_RETURN(const Shape shape, read_shape(connection, sync));
  ASSIGN_OR_RETURN(const std::vector<std::string> relations, read_relations(connection, shape));
  ASSIGN_OR_RETURN(const std::string search_path, read_search_path(connection));
  const std::string function = sync_function(home, transition.name);
  std::string sql = fmt::format(
      "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SET search_path = {} AS {};", function,
      search_path, Connection::quote_literal(body_of(sync, shape)));
  const std::string name =
      fmt::format("zz_ripcord_{}_{}", transition.name, short_hash(home, transition.name));
  const std::string on_insert = Connection::quote_identifier(name + "_i");
  const std::string on_update = Connection::quote_identifier(name + "_u");
  const std::string changed =
      changed_text(sync.old_column) + " OR " + changed_text(sync.new_column);
  for (const std::string& relation : relations) {
    sql += fmt::format(
        "CREATE TRIGGER {0} BEFORE INSERT ON {2} FOR EACH ROW EXECUTE FUNCTION {3}();"
        "CREATE TRIGGER {1} BEFORE UPDATE ON {2} FOR EACH ROW WHEN (({4}) AND "
        "pg_catalog.current_setting('ripcord.backfill', true) IS DISTINCT FROM 'on') EXECUTE "
        "FUNCTION {3}();"
        "ALTER TABLE ONLY {2} ENABLE ALWAYS TRIGGER {0}, ENABLE ALWAYS TRIGGER {1};",
        on_insert, on_update, relation, function, changed);
  }
  return sql;
}

Status check_expressions(Connection& connection, const TransitionSync& sync) {
  ASSIGN_OR_RETURN(const std::string table, resolve_table(connection, sync.table));
  for (const auto& [field, expression] :
       {std::pair{"toNew", &sync.to_new}, std::pair{"toOld", &sync.to_old}}) {
    if (expression->empty()) {
      continue;
    }
    const auto tried =
        connection.query(fmt::format("SELECT ({}\n) FROM {} LIMIT 0", *expression, table));
    if (!tried) {
      return tried.error().annotated(fmt::format("sync.{}", field));
    }
  }
  return {};
}

Status settle_by_new(Connection& connection, const TransitionSync& sync, bool finished) {
  ASSIGN_OR_RETURN(const std::string table, resolve_table(connection, sync.table));
  const std::string old_name = Connection::quote_identifier(sync.old_column);
  const std::string new_name = Connection::quote_identifier(sync.new_column);
  const auto given = [](const std::string& expression, const std::string& other) {
    return expression.empty() ? other : "(" + expression + "\n)";
  };
  ASSIGN_OR_RETURN(const Rows required,
                   connection.query("SELECT attnotnull FROM pg_attribute WHERE attrelid = "
                                    "$1::regclass AND attname = $2",
                                    {table, sync.old_column}));
  const bool may_be_null = finished && !required.rows.empty() && required.rows[0][0] == "f";
  RETURN_IF_ERROR(status_of_rows(connection.execute("SET LOCAL ripcord.backfill = 'on'")));
  RETURN_IF_ERROR(status_of_rows(connection.query(fmt::format(
      "UPDATE {0} SET {1} = {2} WHERE {5}{4}::text COLLATE \"C\" IS DISTINCT FROM {3}::text "
      "COLLATE \"C\"",
      table, old_name, given(sync.to_old, new_name), new_name, given(sync.to_new, old_name),
      may_be_null ? "" : new_name + " IS NOT NULL AND "))));
  return status_of_rows(connection.execute("SET LOCAL ripcord.backfill = ''"));
}

std::string drop_sync_sql(const std::string& function) {
  return fmt::format("DROP FUNCTION IF EXISTS {}() CASCADE;", function);
}

Result<std::string> resolve_table(Connection& connection, const std::string& table) {
  // As SQL reads it, else as it is written.
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT coalesce(to_regclass($1), to_regclass(quote_ident($1)))::text",
                       {table}));
  if (!rows.rows[0][0]) {
    return as_return(unfit(fmt::format(
        "there is no table {}; write schema.table where it is not in search_path", table)));
  }
  return *rows.rows[0][0];
}

}  // namespace ripcord::postgres
