// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_site.h"

#include <map>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

bool is_ours(const std::optional<SchemaRow>& row, const RestoreSite& site, std::string_view stage) {
  return row && row->mark && row->mark->uid == site.uid && row->mark->stage == stage;
}

// The name without its ending; empty when it has another one, or nothing else.
std::string base_of(const std::string& name, const std::string& ending) {
  return name.size() > ending.size() && name.ends_with(ending)
             ? name.substr(0, name.size() - ending.size())
             : std::string();
}

}  // namespace

bool SchemaState::swapped(const RestoreSite& site) const {
  return is_ours(live, site, "live") || previous.has_value();
}

bool SchemaState::reverted(const RestoreSite& site) const {
  return is_ours(staged, site, "reverted");
}

bool SchemaState::staged_of(const RestoreSite& site, const std::string& backup) const {
  return is_ours(staged, site, "staged") && staged->mark->backup == backup;
}

Result<SchemaState> observe_schemas(Connection& live, const RestoreSite& site,
                                    const std::string& schema) {
  ASSIGN_OR_RETURN(const Rows found,
                   live.query("select nspname, obj_description(oid, 'pg_namespace') from "
                              "pg_namespace where nspname !~ '^pg_'"));
  const RestoreNames endings = restore_names("", site.uid);
  std::map<std::string, SchemaRow> rows;
  std::string known = schema;
  std::string marked;
  for (const auto& row : found.rows) {
    const std::string name = row[0].value_or("");
    SchemaRow& kept = rows[name];
    kept.comment = row[1].value_or("");
    kept.mark = mark_in(kept.comment);
    for (const std::string& ending : {endings.previous, endings.side}) {
      known = known.empty() ? base_of(name, ending) : known;
    }
    marked = is_ours(kept, site, "live") ? name : marked;
  }
  SchemaState state;
  state.names = restore_names(known.empty() ? marked : known, site.uid);
  if (!state.known()) {
    state.names = {};
    return state;
  }
  const auto take = [&](const std::string& name) -> std::optional<SchemaRow> {
    const auto at = rows.find(name);
    return at == rows.end() ? std::nullopt : std::optional(at->second);
  };
  state.live = take(state.names.live);
  state.staged = take(state.names.side);
  state.previous = take(state.names.previous);
  if (state.staged && state.staged->mark && state.staged->mark->uid != site.uid) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("schema {} belongs to the restore {}; drop it, or delete this request "
                             "and make a new one",
                             state.names.side, state.staged->mark->uid),
                 "NameTaken");
  }
  return state;
}

Result<std::optional<Connection>> connect_live(const RestoreSite& site, const SiteState& databases,
                                               const std::stop_token& stop) {
  if (!databases.live || !databases.live->allows_connections) {
    return std::optional<Connection>();
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::open(site.url, {}, stop));
  return std::optional<Connection>(std::move(connection));
}

Result<std::int64_t> schema_bytes(Connection& live, const std::string& schema) {
  ASSIGN_OR_RETURN(const Rows found,
                   live.query("select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from "
                              "pg_class c join pg_namespace n on n.oid = c.relnamespace where "
                              "n.nspname = $1 and c.relkind in ('r', 'm')",
                              {schema}));
  return std::stoll(found.rows.at(0).at(0).value_or("0"));
}

std::string schema_mark_sql(const std::string& schema, const std::string& own_comment,
                            const RestoreMark& mark) {
  return fmt::format("comment on schema {} is {};", Connection::quote_identifier(schema),
                     Connection::quote_literal(comment_with(own_comment, mark)));
}

Result<std::vector<std::string>> record_tables(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query("select c.relname from pg_class c join pg_namespace n on n.oid = "
                       "c.relnamespace join pg_attribute a on a.attrelid = c.oid where n.nspname = "
                       "'ripcord' and c.relkind = 'r' and a.attname = 'home' and a.attnum > 0 and "
                       "not a.attisdropped order by 1"));
  std::vector<std::string> tables;
  for (const auto& row : found.rows) {
    tables.push_back(row[0].value_or(""));
  }
  return tables;
}

Result<std::string> move_records_sql(Connection& live, const std::string& from,
                                     const std::string& to) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, record_tables(live));
  std::string sql;
  for (const std::string& table : tables) {
    sql += fmt::format("update ripcord.{} set home = {} where home = {};",
                       Connection::quote_identifier(table), Connection::quote_literal(to),
                       Connection::quote_literal(from));
  }
  return sql;
}

Result<std::string> drop_records_sql(Connection& live, const std::string& home) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, record_tables(live));
  std::string sql;
  for (const std::string& table : tables) {
    sql += fmt::format("delete from ripcord.{} where home = {};",
                       Connection::quote_identifier(table), Connection::quote_literal(home));
  }
  return sql;
}

Status drop_staged(Connection& live, const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const SchemaState state, observe_schemas(live, site));
  if (!state.staged) {
    return {};
  }
  ASSIGN_OR_RETURN(const std::string records, drop_records_sql(live, state.names.side));
  return status_of_rows(
             live.execute(fmt::format("set lock_timeout = '10s'; {} drop schema {} cascade",
                                      records, Connection::quote_identifier(state.names.side)),
                          stop))
      .annotated("dropping schema " + state.names.side);
}

}  // namespace ripcord::postgres
