// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/contents.h"

#include "adapters/postgres/contents_sql.h"

#include <charconv>
#include <map>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

struct Table {
  std::string name;    // "public.users"
  std::string place;   // "public"
  std::string quoted;  // "public"."users"
  std::string schema;
  std::string columns;  // quoted, by name
};

Result<std::vector<Table>> tables_of(Connection& connection, const std::stop_token& stop) {
  std::map<std::string, std::string> digests;
  ASSIGN_OR_RETURN(const Rows digested, connection.query(table_schemas_sql(), {}, stop));
  for (const auto& row : digested.rows) {
    digests[row[0].value_or("")] = row[1].value_or("");
  }
  ASSIGN_OR_RETURN(const Rows listed, connection.query(tables_sql(), {}, stop));
  std::vector<Table> tables;
  for (const auto& row : listed.rows) {
    const std::string schema = row[1].value_or("");
    const std::string name = row[2].value_or("");
    tables.push_back(
        {schema + "." + name, schema,
         Connection::quote_identifier(schema) + "." + Connection::quote_identifier(name),
         digests[row[0].value_or("")], row[3].value_or("")});
  }
  return tables;
}

Result<TableContents> contents_of(Connection& connection, const Table& table,
                                  const std::stop_token& stop) {
  // ONLY: rows of inheriting tables are counted with their own table.
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query(fmt::format("select count(*), coalesce(sum(hashtextextended(row({})::text, "
                                   "0)), 0) from only {} as ripcord_row",
                                   table.columns, table.quoted),
                       {}, stop));
  TableContents contents{table.name, 0, found.rows.at(0).at(1).value_or("0"), table.schema};
  const std::string rows = found.rows.at(0).at(0).value_or("0");
  std::from_chars(rows.data(), rows.data() + rows.size(), contents.rows);
  return contents;
}

Result<std::vector<TableContents>> contents_of_all(Connection& connection,
                                                   const std::vector<Table>& tables,
                                                   const std::stop_token& stop) {
  std::vector<TableContents> all;
  for (const Table& table : tables) {
    Result<TableContents> found = contents_of(connection, table, stop);
    if (!found) {
      return tl::unexpected(found.error().annotated("counting " + table.name));
    }
    all.push_back(std::move(*found));
  }
  return all;
}

Result<std::vector<std::string>> names_of(Connection& connection, const std::string& sql) {
  ASSIGN_OR_RETURN(const Rows found, connection.query(sql));
  std::vector<std::string> names;
  for (const auto& row : found.rows) {
    names.push_back(row.at(0).value_or(""));
  }
  return names;
}

}  // namespace

Status begin_survey(Connection& connection, const std::stop_token& stop) {
  // row_security = off: an error where a policy would hide rows, never fewer rows.
  const auto begun = connection.execute(
      "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; "
      "set extra_float_digits = 1; set bytea_output = 'hex'; set lc_monetary = 'C'; "
      "set search_path = pg_catalog; set row_security = off; set statement_timeout = 0; "
      "set lock_timeout = '60s'; set quote_all_identifiers = off; "
      "set idle_in_transaction_session_timeout = 0",
      stop);
  if (!begun) {
    return begun.error();
  }
  const auto opened =
      connection.execute("begin transaction isolation level repeatable read read only", stop);
  return opened ? ok_status() : opened.error();
}

Status lock_tables(Connection& connection, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Rows listed, connection.query(tables_sql(), {}, stop));
  std::string sql;
  for (const auto& row : listed.rows) {
    sql += fmt::format("lock table only {}.{} in access share mode;",
                       Connection::quote_identifier(row[1].value_or("")),
                       Connection::quote_identifier(row[2].value_or("")));
  }
  if (sql.empty()) {
    return {};
  }
  const auto locked = connection.execute(sql, stop);
  return locked ? ok_status() : locked.error().annotated("locking the tables against changes");
}

Result<DatabaseContents> survey(Connection& connection, const std::stop_token& stop) {
  DatabaseContents contents;
  ASSIGN_OR_RETURN(const Rows rest, connection.query(rest_schema_sql(), {}, stop));
  contents.schema = rest.rows.at(0).at(0).value_or("");
  ASSIGN_OR_RETURN(const std::vector<Table> tables, tables_of(connection, stop));
  ASSIGN_OR_RETURN(contents.tables, contents_of_all(connection, tables, stop));
  return contents;
}

Result<std::vector<TableContents>> survey_schema(Connection& connection, const std::string& schema,
                                                 const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::vector<Table> tables, tables_of(connection, stop));
  if (!schema.empty()) {
    std::erase_if(tables, [&](const Table& table) { return table.place != schema; });
  }
  return contents_of_all(connection, tables, stop);
}

Result<std::vector<std::string>> extensions_of(Connection& connection) {
  return names_of(connection,
                  "select extname from pg_extension where extname <> 'plpgsql' order "
                  "by 1");
}

Result<std::vector<std::string>> roles_of(Connection& connection) {
  return names_of(
      connection,
      "select distinct r.rolname from pg_roles r where r.oid >= 16384 and r.oid in (select "
      "relowner from pg_class union select nspowner from pg_namespace union select proowner from "
      "pg_proc union select typowner from pg_type union select a.grantee from pg_class c cross "
      "join aclexplode(c.relacl) a union select a.grantee from pg_namespace n cross join "
      "aclexplode(n.nspacl) a union select a.grantee from pg_proc p cross join "
      "aclexplode(p.proacl) a) order by 1");
}

}  // namespace ripcord::postgres
