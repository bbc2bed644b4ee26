// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/risk_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// "app.orders" may be a table of schema app, or one whose name has a dot; one without a schema may
// be one of public that search_path does not name.
std::vector<std::string> spellings(const std::string& relation) {
  std::vector<std::string> all;
  if (const auto dot = relation.find('.'); dot != std::string::npos) {
    all.push_back(Connection::quote_identifier(relation.substr(0, dot)) + "." +
                  Connection::quote_identifier(relation.substr(dot + 1)));
  }
  all.push_back(Connection::quote_identifier(relation));
  all.push_back("public." + Connection::quote_identifier(relation));
  return all;
}

// to_regclass takes names already quoted too.
Result<std::string> resolve(Connection& connection, const std::string& relation) {
  std::vector<std::string> names = spellings(relation);
  names.push_back(relation);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        connection.query("SELECT c.oid::text FROM pg_class c WHERE c.oid = to_regclass($1) AND "
                         "c.relkind IN ('r', 'p', 'm', 'f')",
                         {name}));
    if (!rows.rows.empty()) {
      return rows.rows[0][0].value_or("");
    }
  }
  return std::string();
}

constexpr std::string_view kColumns =
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname, "
    "coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.atttypid IN ('timestamptz'::regtype, "
    "'timestamp'::regtype), coalesce(a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]), "
    "false), "
    "pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname) IS "
    "NOT NULL, CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace OR starts_with(format_type("
    "a.atttypid, a.atttypmod), t.typnamespace::regnamespace || '.') THEN '' ELSE "
    "t.typnamespace::regnamespace || '.' END || format_type(a.atttypid, a.atttypmod), "
    "a.attnotnull FROM pg_class "
    "c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON "
    "a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' JOIN "
    "pg_type t ON t.oid = a.atttypid LEFT JOIN "
    "pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN pg_index i ON i.indrelid = "
    "c.oid AND i.indisprimary WHERE c.oid = $1::oid ORDER BY a.attnum";

}  // namespace

const RiskColumn* RiskTable::find(const std::string& column) const {
  const auto at = std::find_if(columns.begin(), columns.end(),
                               [&](const RiskColumn& each) { return each.plain == column; });
  return at == columns.end() ? nullptr : &*at;
}

std::string RiskTable::differs_sql(const RiskColumn& column) {
  // As text: not every type can be compared.
  return column.default_value.empty()
             ? fmt::format("{} IS NOT NULL", column.name)
             : fmt::format("{0} IS NOT NULL AND {0}::text IS DISTINCT FROM ({1})::text",
                           column.name, column.default_value);
}

std::vector<const RiskColumn*> RiskTable::key() const {
  std::vector<const RiskColumn*> found;
  for (const RiskColumn& column : columns) {
    if (column.is_key) {
      found.push_back(&column);
    }
  }
  return found;
}

Result<std::optional<RiskTable>> find_risk_table(Connection& connection,
                                                 const std::string& relation) {
  ASSIGN_OR_RETURN(const std::string oid, resolve(connection, relation));
  if (oid.empty()) {
    return std::optional<RiskTable>{};
  }
  ASSIGN_OR_RETURN(const Rows rows, connection.query(std::string(kColumns), {oid}));
  RiskTable table;
  for (const auto& row : rows.rows) {
    table.name = row[0].value_or("");
    RiskColumn column;
    column.plain = row[1].value_or("");
    column.name = Connection::quote_identifier(column.plain);
    column.default_value = row[2].value_or("");
    // A function's value is another one each time.
    column.constant_default = column.default_value.find('(') == std::string::npos &&
                              column.default_value.find("CURRENT_") == std::string::npos &&
                              column.default_value.find("LOCALTIME") == std::string::npos;
    if (!column.constant_default) {
      column.default_value.clear();
    }
    column.is_time = row[3] == "t";
    column.is_key = row[4] == "t";
    column.owns_sequence = row[5] == "t";
    column.type = row[6].value_or("");
    column.not_null = row[7] == "t";
    table.columns.push_back(std::move(column));
  }
  return std::optional<RiskTable>(std::move(table));
}

Result<std::string> triggers_on(Connection& connection, const RiskTable& table,
                                const DataLoss& loss) {
  constexpr int kDelete = 1 << 3;  // of pg_trigger.tgtype
  constexpr int kUpdate = 1 << 4;
  constexpr int kTruncate = 1 << 5;
  const int events =
      (loss.keeps_rows ? 0 : kDelete | kTruncate) | (loss.overwrites.empty() ? 0 : kUpdate);
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query(
          "WITH RECURSIVE parts AS (SELECT $1::regclass::oid AS id UNION SELECT i.inhrelid FROM "
          "pg_inherits i JOIN parts ON i.inhparent = parts.id) SELECT string_agg(DISTINCT "
          "quote_ident(g.tgname), ', ') FROM pg_trigger g JOIN parts ON parts.id = g.tgrelid JOIN "
          "pg_proc f ON f.oid = g.tgfoid WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') "
          "AND g.tgtype & $2::int <> 0 AND f.pronamespace IS DISTINCT FROM "
          "to_regnamespace('ripcord')",
          {table.name, std::to_string(events)}));
  return rows.rows.at(0).at(0).value_or("");
}

Result<std::vector<std::string>> tables_of_schema(Connection& connection,
                                                  const std::string& schema) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection.query("SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n "
                       "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') "
                       "AND NOT c.relispartition ORDER BY 1",
                       {schema}));
  std::vector<std::string> names;
  for (const auto& row : rows.rows) {
    names.push_back(row[0].value_or(""));
  }
  return names;
}

}  // namespace ripcord::postgres
