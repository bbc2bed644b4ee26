// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shape_readers.h"

#include "adapters/postgres/connection.h"
#include "controller/base/time_text.h"

#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::string_view kCreate =
    "CREATE SCHEMA IF NOT EXISTS ripcord;"
    "CREATE TABLE IF NOT EXISTS ripcord.watched_shapes (home text NOT NULL, version bigint NOT "
    "NULL, "
    "subject text NOT NULL, epoch text NOT NULL, started_at timestamptz NOT NULL, looked_at "
    "timestamptz NOT NULL, PRIMARY KEY (home, version));"
    "CREATE TABLE IF NOT EXISTS ripcord.watched_statements (home text NOT NULL, version bigint NOT "
    "NULL, id text NOT NULL, statement text NOT NULL, calls bigint NOT NULL, read_at timestamptz, "
    "more bigint NOT NULL, since timestamptz NOT NULL, PRIMARY KEY (home, version, id));";

constexpr std::string_view kHidden = "<insufficient privilege>";

std::int64_t number(const Value& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) : 0;
}

WallTime time_of(const Value& microseconds) {
  return WallTime(std::chrono::microseconds(number(microseconds)));
}

std::string text(const std::string& value) {
  return Connection::quote_literal(value);
}

std::string time_text(WallTime time) {
  return text(format_micro_time(time));
}

CallCounts unavailable(std::string why) {
  CallCounts counts;
  counts.unavailable = std::move(why);
  return counts;
}

Result<Connection> connect(const DatabaseRef& ref, SecretReader* secrets) {
  ASSIGN_OR_RETURN(const std::string url, resolve_url(ref, secrets));
  ConnectOptions options;
  options.application_name = "ripcord migrations";
  return Connection::open(url, options);
}

// Where the extension's views are, quoted; empty where it is not.
Result<std::string> extension_schema(Connection& connection) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT quote_ident(n.nspname) FROM pg_extension e JOIN "
                                    "pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = "
                                    "'pg_stat_statements'"));
  return rows.rows.empty() ? std::string() : rows.rows[0][0].value_or("");
}

// Changes whenever the counts begin anew. PostgreSQL 13 does not tell.
std::string epoch_of(Connection& connection, const std::string& schema) {
  const auto rows = connection.query(fmt::format(
      "SELECT extract(epoch FROM stats_reset)::text FROM {}.pg_stat_statements_info", schema));
  return rows && !rows->rows.empty() ? rows->rows[0][0].value_or("") : std::string();
}

std::string any_word(const std::vector<std::string>& words) {
  std::string sql;
  for (const std::string& word : words) {
    sql += fmt::format("{}strpos(lower(s.query), lower({})) > 0", sql.empty() ? "" : " OR ",
                       text(word));
  }
  return sql.empty() ? "false" : sql;
}

}  // namespace

Result<CallCounts> PostgresStatementStatistics::count(const DatabaseRef& ref,
                                                      const std::vector<std::string>& words) {
  ASSIGN_OR_RETURN(Connection connection, connect(ref, secrets_));
  ASSIGN_OR_RETURN(const std::string schema, extension_schema(connection));
  if (schema.empty()) {
    return unavailable("the extension pg_stat_statements is not in this database");
  }
  const auto rows = connection.query(
      fmt::format(
          "SELECT s.queryid, s.userid, s.query, sum(s.calls)::bigint FROM "
          "{}.pg_stat_statements s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname "
          "= current_database()) AND (s.query = $1 OR {}) AND s.query !~* "
          "'^\\s*(/\\*|--)\\s*ripcord' GROUP BY 1, 2, 3 ORDER BY 4 DESC",
          schema, any_word(words)),
      {std::string(kHidden)});
  if (!rows) {
    const bool refused = rows.error().code() == StatusCode::kFailedPrecondition ||
                         rows.error().code() == StatusCode::kPermissionDenied;
    return refused ? Result<CallCounts>(unavailable("pg_stat_statements cannot be read: " +
                                                    rows.error().message()))
                   : as_return(rows.error());
  }
  CallCounts counts;
  counts.epoch = epoch_of(connection, schema);
  for (const auto& row : rows->rows) {
    if (row[2] == kHidden) {
      return unavailable(
          "this role may not see the statements of others in pg_stat_statements (GRANT "
          "pg_read_all_stats)");
    }
    counts.statements.push_back(
        {row[0].value_or("") + " " + row[1].value_or(""), row[2].value_or(""), number(row[3])});
  }
  return counts;
}

Result<std::optional<WatchedCalls>> PostgresStatementStatistics::kept(const DatabaseRef& ref,
                                                                      std::int64_t version) {
  ASSIGN_OR_RETURN(Connection connection, connect(ref, secrets_));
  ASSIGN_OR_RETURN(
      const Rows there,
      connection.query("SELECT to_regclass('ripcord.watched_statements') IS NOT NULL"));
  if (there.rows.at(0).at(0) != "t") {
    return std::nullopt;
  }
  const std::vector<Value> key{std::to_string(version)};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("SELECT subject, epoch, (extract(epoch FROM started_at) * "
                                    "1000000)::bigint, (extract(epoch FROM looked_at) * "
                                    "1000000)::bigint FROM ripcord.watched_shapes WHERE home = "
                                    "current_schema() AND version = $1",
                                    key));
  if (rows.rows.empty()) {
    return std::nullopt;
  }
  const auto& row = rows.rows[0];
  WatchedCalls watched{
      row[0].value_or(""), row[1].value_or(""), time_of(row[2]), time_of(row[3]), {}};
  ASSIGN_OR_RETURN(const Rows statements,
                   connection.query("SELECT id, statement, calls, (extract(epoch FROM read_at) * "
                                    "1000000)::bigint, more, (extract(epoch FROM since) * "
                                    "1000000)::bigint FROM ripcord.watched_statements WHERE home = "
                                    "current_schema() AND version = $1 ORDER BY id",
                                    key));
  for (const auto& each : statements.rows) {
    watched.statements.push_back({{each[0].value_or(""), each[1].value_or(""), number(each[2])},
                                  each[3] ? std::optional(time_of(each[3])) : std::nullopt,
                                  number(each[4]),
                                  time_of(each[5])});
  }
  return watched;
}

Status PostgresStatementStatistics::keep(const DatabaseRef& ref, std::int64_t version,
                                         const WatchedCalls& watched) {
  ASSIGN_OR_RETURN(Connection connection, connect(ref, secrets_));
  std::string sql = fmt::format(
      "BEGIN;{0}"
      "DELETE FROM ripcord.watched_shapes WHERE home = current_schema() AND version = {1};"
      "DELETE FROM ripcord.watched_statements WHERE home = current_schema() AND version = {1};"
      "INSERT INTO ripcord.watched_shapes VALUES (current_schema(), {1}, {2}, {3}, {4}, {5});",
      kCreate, version, text(watched.subject), text(watched.epoch), time_text(watched.started_at),
      time_text(watched.looked_at));
  for (const WatchedStatement& each : watched.statements) {
    sql += fmt::format(
        "INSERT INTO ripcord.watched_statements VALUES (current_schema(), {}, {}, {}, {}, {}, {}, "
        "{});",
        version, text(each.id), text(each.text), each.calls,
        each.read_at ? time_text(*each.read_at) : "NULL", each.more, time_text(each.since));
  }
  const auto done = connection.execute(sql + "COMMIT");
  return done ? ok_status() : done.error().annotated("keeping what was seen of the old shape");
}

}  // namespace ripcord::postgres
