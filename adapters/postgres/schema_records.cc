// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_records.h"

#include "adapters/postgres/schema_copy.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}

Status make_missing_tables(Connection& live, const RestoreSite& site,
                           const std::vector<std::string>& wanted, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<std::string> there, record_tables(live));
  SchemaCopy copy{site.names.side, site.names.live, {"--schema-only"}, false};
  for (const std::string& table : wanted) {
    if (std::find(there.begin(), there.end(), table) == there.end()) {
      copy.options.push_back("--table=\"ripcord\"." + ident(table));
    }
  }
  if (copy.options.size() == 1) {
    return {};
  }
  RETURN_IF_ERROR(
      status_of_rows(live.execute("set client_min_messages = warning; create schema if not exists "
                                  "ripcord")));
  return copy_schema(site, copy, stop).annotated("making the tables of schema ripcord");
}

// Those of both, without what the table numbers by itself.
Result<std::string> common_columns(Connection& live, const std::string& table,
                                   const std::string& one_record) {
  ASSIGN_OR_RETURN(
      const Rows found,
      live.query("select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from "
                 "pg_attribute a where a.attrelid = ('ripcord.' || quote_ident($1))::regclass and "
                 "a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = "
                 "'' and ($2::jsonb) ? a.attname",
                 {table, one_record}));
  return found.rows.at(0).at(0).value_or("");
}

Status carry_table(Connection& side, Connection& live, const RestoreNames& names,
                   const std::string& table) {
  ASSIGN_OR_RETURN(
      const Rows found,
      side.query(fmt::format("select jsonb_agg(to_jsonb(r) || jsonb_build_object('home', "
                             "$2::text))::text, (jsonb_agg(to_jsonb(r)) -> 0)::text from "
                             "ripcord.{} r where home = $1",
                             ident(table)),
                 {names.live, names.side}));
  if (!found.rows.at(0).at(0)) {
    return {};
  }
  ASSIGN_OR_RETURN(const std::string columns,
                   common_columns(live, table, found.rows[0][1].value_or("{}")));
  return status_of_rows(
      live.query(fmt::format("insert into ripcord.{0} ({1}) select {1} from "
                             "jsonb_populate_recordset(null::ripcord.{0}, $1::jsonb)",
                             ident(table), columns),
                 {found.rows[0][0]}));
}

std::string grantee(const std::vector<Value>& row) {
  return row[0] ? ident(*row[0]) : "public";
}

// What ALTER DEFAULT PRIVILEGES IN SCHEMA said.
Result<std::string> default_privileges_sql(Connection& live, const std::string& from,
                                           const std::string& to) {
  ASSIGN_OR_RETURN(
      const Rows found,
      live.query(
          "select n.nspname, pg_get_userbyid(d.defaclrole), case d.defaclobjtype when 'r' then "
          "'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end, "
          "a.grantee = 0, pg_get_userbyid(a.grantee), "
          "a.privilege_type, a.is_grantable from pg_default_acl d join pg_namespace n on n.oid = "
          "d.defaclnamespace cross join aclexplode(d.defaclacl) a where n.nspname in ($1, $2) "
          "order by 1, 2, 3, 5, 6",
          {from, to}));
  std::string revokes;
  std::string grants;
  for (const auto& row : found.rows) {
    const std::string to_whom = row[3] == "t" ? "public" : ident(row[4].value_or(""));
    const std::string place = fmt::format("alter default privileges for role {} in schema {} ",
                                          ident(row[1].value_or("")), ident(to));
    if (row[0] == to) {
      revokes += fmt::format("{}revoke {} on {} from {};", place, row[5].value_or(""),
                             row[2].value_or(""), to_whom);
    } else {
      grants +=
          fmt::format("{}grant {} on {} to {}{};", place, row[5].value_or(""), row[2].value_or(""),
                      to_whom, row[6] == "t" ? " with grant option" : "");
    }
  }
  return revokes + grants;
}

}  // namespace

Status carry_records(Connection& side, Connection& live, const RestoreSite& site,
                     const RestoreNames& names, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, record_tables(side));
  if (tables.empty()) {
    return {};
  }
  RETURN_IF_ERROR(make_missing_tables(live, site, tables, stop));
  trace_point(site.trace, "before records");
  ASSIGN_OR_RETURN(const std::string forget, drop_records_sql(live, names.side));
  RETURN_IF_ERROR(status_of_rows(live.execute("begin;" + forget)));
  Status carried;
  for (const std::string& table : tables) {
    carried = carry_table(side, live, names, table);
    if (!carried.ok()) {
      static_cast<void>(live.execute("rollback"));
      return carried.annotated("records of migrations in ripcord." + table);
    }
  }
  RETURN_IF_ERROR(status_of_rows(live.execute("commit")));
  trace_point(site.trace, "after records");
  return {};
}

Result<std::string> carry_place_sql(Connection& live, const std::string& from,
                                    const std::string& to) {
  ASSIGN_OR_RETURN(
      const Rows grants,
      live.query("select r.rolname, a.privilege_type, a.is_grantable, n.nspname from pg_namespace "
                 "n cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a left "
                 "join pg_roles r on r.oid = a.grantee where n.nspname in ($1, $2) and (a.grantee "
                 "= 0 or r.rolname is not null) order by 4, 1, 2",
                 {from, to}));
  ASSIGN_OR_RETURN(const Rows owner,
                   live.query("select pg_get_userbyid(nspowner) from pg_namespace where nspname = "
                              "$1",
                              {from}));
  if (owner.rows.empty()) {
    return std::string();
  }
  const std::string schema = ident(to);
  std::string sql;
  for (const auto& row : grants.rows) {
    if (row[3] == to) {
      sql +=
          fmt::format("revoke {} on schema {} from {};", row[1].value_or(""), schema, grantee(row));
    }
  }
  sql += fmt::format("alter schema {} owner to {};", schema, ident(owner.rows[0][0].value_or("")));
  for (const auto& row : grants.rows) {
    if (row[3] != to) {
      sql += fmt::format("grant {} on schema {} to {}{};", row[1].value_or(""), schema,
                         grantee(row), row[2] == "t" && row[0] ? " with grant option" : "");
    }
  }
  ASSIGN_OR_RETURN(const std::string defaults, default_privileges_sql(live, from, to));
  return sql + defaults;
}

}  // namespace ripcord::postgres
