// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_create.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}
std::string literal(const std::string& text) {
  return Connection::quote_literal(text);
}

// The settings that PostgreSQL stores as quoted lists: one literal for the whole would be one name.
bool is_name_list(std::string_view setting) {
  constexpr std::array<std::string_view, 6> kLists = {
      "local_preload_libraries",  "search_path",      "session_preload_libraries",
      "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"};
  return std::find(kLists.begin(), kLists.end(), setting) != kLists.end();
}

std::string setting_value(std::string_view name, const std::string& value) {
  if (!is_name_list(name)) {
    return literal(value);
  }
  std::string text;
  for (const auto& element : split_name_list(value)) {
    text += (text.empty() ? "" : ", ") + literal(element);
  }
  return text.empty() ? "''" : text;
}

Status copy_limit_and_grants(Connection& connection, const RestoreSite& site) {
  const std::string side = ident(site.names.side);
  ASSIGN_OR_RETURN(const Rows found,
                   connection.query("select datconnlimit, datacl is not null from pg_database "
                                    "where datname = $1",
                                    {site.names.live}));
  if (found.rows.empty()) {
    return {};
  }
  std::string sql =
      fmt::format("alter database {} connection limit {};", side, found.rows[0][0].value_or("-1"));
  if (found.rows[0][1] == "t") {
    ASSIGN_OR_RETURN(
        const Rows grants,
        connection.query("select a.privilege_type, a.is_grantable, coalesce(r.rolname, ''), "
                         "a.grantee = 0 from pg_database d cross join aclexplode(d.datacl) a "
                         "left join pg_roles r on r.oid = a.grantee where d.datname = $1",
                         {site.names.live}));
    sql += fmt::format("revoke all on database {} from public;", side);
    for (const auto& grant : grants.rows) {
      if (grant[3] != "t" && grant[2]->empty()) {
        continue;  // of a role that is gone
      }
      sql += fmt::format("grant {} on database {} to {}{};", grant[0].value_or(""), side,
                         grant[3] == "t" ? "public" : ident(*grant[2]),
                         grant[1] == "t" && grant[3] != "t" ? " with grant option" : "");
    }
  }
  return status_of_rows(connection.execute(sql));
}

Status copy_settings(Connection& connection, const RestoreSite& site) {
  const std::string side = ident(site.names.side);
  ASSIGN_OR_RETURN(const Rows found,
                   connection.query("select coalesce(r.rolname, ''), s.setrole = 0, c from "
                                    "pg_db_role_setting s join pg_database d on d.oid = "
                                    "s.setdatabase cross join unnest(s.setconfig) c left join "
                                    "pg_roles r on r.oid = s.setrole where d.datname = $1",
                                    {site.names.live}));
  std::string sql = fmt::format("alter database {} reset all;", side);
  for (const auto& row : found.rows) {
    const std::string setting = row[2].value_or("");
    const auto equals = setting.find('=');
    if (equals == std::string::npos || (row[1] != "t" && row[0]->empty())) {
      continue;
    }
    const std::string name = setting.substr(0, equals);
    std::string parts;  // "app.tenant" is two identifiers
    for (std::size_t at = 0; at <= name.size();) {
      const auto dot = std::min(name.find('.', at), name.size());
      parts += (parts.empty() ? "" : ".") + ident(name.substr(at, dot - at));
      at = dot + 1;
    }
    const std::string who = row[1] == "t"
                                ? fmt::format("alter database {}", side)
                                : fmt::format("alter role {} in database {}", ident(*row[0]), side);
    sql += fmt::format("{} set {} to {};", who, parts,
                       setting_value(name, setting.substr(equals + 1)));
  }
  return status_of_rows(connection.execute(sql));
}

}  // namespace

std::vector<std::string> split_name_list(const std::string& text) {
  std::vector<std::string> elements;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    std::string element;
    if (text[at] == '"') {
      for (++at; at < text.size(); ++at) {
        if (text[at] == '"') {
          if (at + 1 >= text.size() || text[at + 1] != '"') {
            break;
          }
          ++at;
        }
        element += text[at];
      }
      ++at;
    } else {
      const auto end = std::min(text.find(',', at), text.size());
      element = text.substr(at, end - at);
      element.erase(element.find_last_not_of(' ') + 1);
      at = end;
    }
    elements.push_back(std::move(element));
  }
  return elements;
}

std::string locale_clause(const std::string& provider, const std::string& locale,
                          const std::string& rules) {
  if (provider == "i") {
    return fmt::format(" locale_provider icu icu_locale {}{}", literal(locale),
                       rules.empty() ? "" : " icu_rules " + literal(rules));
  }
  return provider == "b" ? " locale_provider builtin builtin_locale " + literal(locale) : "";
}

Status create_side(Connection& connection, const RestoreSite& site, const std::stop_token& stop) {
  // to_jsonb: the columns of the locale provider differ between server versions.
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query("select pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), "
                       "d.datcollate, d.datctype, t.spcname, to_jsonb(d)->>'datlocprovider', "
                       "coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale', ''), "
                       "coalesce(to_jsonb(d)->>'daticurules', ''), d.dattablespace = (select "
                       "dattablespace from pg_database where datname = "
                       "'template0') from "
                       "pg_database d join pg_tablespace t on t.oid = d.dattablespace where "
                       "d.datname = $1",
                       {site.names.live}, stop));
  std::string sql = fmt::format("create database {} template template0", ident(site.names.side));
  if (!found.rows.empty()) {
    const auto& live = found.rows[0];
    sql += fmt::format(" owner {} encoding {} lc_collate {} lc_ctype {}", ident(*live[0]),
                       literal(*live[1]), literal(*live[2]), literal(*live[3]));
    if (live[8] != "t") {  // naming the usual one too takes a right on it
      sql += " tablespace " + ident(*live[4]);
    }
    sql += locale_clause(live[5].value_or("c"), *live[6], *live[7]);
  }
  return status_of_rows(connection.execute(sql, stop)).annotated("creating the side database");
}

Status drop_database(Connection& connection, const std::string& name, const std::stop_token& stop) {
  return status_of_rows(connection.execute(
      fmt::format("drop database if exists {} with (force)", ident(name)), stop));
}

Status carry_over_settings(Connection& connection, const RestoreSite& site) {
  RETURN_IF_ERROR(copy_limit_and_grants(connection, site).annotated("carrying over grants"));
  return copy_settings(connection, site).annotated("carrying over database settings");
}

}  // namespace ripcord::postgres
