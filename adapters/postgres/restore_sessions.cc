// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_sessions.h"

#include "adapters/postgres/pgbouncer.h"

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr auto kSessionPatience = std::chrono::seconds(10);
constexpr auto kSessionPoll = std::chrono::milliseconds(2);
constexpr int kPollsPerSignal = 250;
constexpr auto kPausePatience = std::chrono::seconds(5);

}  // namespace

Status check_pins(Connection& connection, const std::string& database) {
  ASSIGN_OR_RETURN(
      const Rows pins,
      connection.query(
          "select (select count(*) from pg_prepared_xacts where database = $1), "
          "(select count(*) from pg_replication_slots where database = $1), "
          "(select coalesce(string_agg(s.subname, ', ' order by s.subname), '') from "
          "pg_subscription s join pg_database d on d.oid = s.subdbid where s.subenabled "
          "and d.datname = $1)",
          {database}));
  if (pins.rows[0][0] != "0") {
    return {StatusCode::kFailedPrecondition,
            fmt::format("{} prepared transactions hold database {}; commit or roll them back "
                        "(pg_prepared_xacts)",
                        pins.rows[0][0].value_or("?"), database),
            "PreparedTransactions"};
  }
  if (pins.rows[0][1] != "0") {
    return {StatusCode::kFailedPrecondition,
            fmt::format("{} logical replication slots read database {} and would stay with the "
                        "previous one; drop them first (pg_replication_slots)",
                        pins.rows[0][1].value_or("?"), database),
            "ReplicationSlots"};
  }
  if (const std::string writing = pins.rows[0][2].value_or(""); !writing.empty()) {
    return {StatusCode::kFailedPrecondition,
            fmt::format("subscriptions write to database {} and would go on with the previous one: "
                        "{}; say ALTER SUBSCRIPTION ... DISABLE first",
                        database, writing),
            "Subscriptions"};
  }
  return {};
}

Status allow_connections(Connection& connection, const RestoreSite& site,
                         const std::string& database, bool allowed) {
  trace_point(site.trace, allowed ? "before allow" : "before refuse");
  RETURN_IF_ERROR(status_of_rows(connection.execute(fmt::format(
      "alter database {} allow_connections {}", Connection::quote_identifier(database), allowed))));
  trace_point(site.trace, allowed ? "after allow" : "after refuse");
  return {};
}

Status hold_pooled_clients(const RestoreSite& site, const std::stop_token& stop) {
  if (site.pooler_url.empty()) {
    return {};
  }
  trace_point(site.trace, "before pause");
  const Result<bool> drained = pause_pools(site.pooler_url, site.names.live, kPausePatience, stop);
  if (!drained) {
    return drained.error().annotated("holding the clients of PgBouncer");
  }
  trace_point(site.trace, *drained ? "after pause" : "after pause, transactions are running");
  return {};
}

Status let_pooled_clients_go_on(const RestoreSite& site) {
  if (site.pooler_url.empty()) {
    return {};
  }
  trace_point(site.trace, "before resume");
  RETURN_IF_ERROR(resume_pools(site.pooler_url, site.names.live)
                      .annotated("letting the clients of PgBouncer go on"));
  trace_point(site.trace, "after resume");
  return {};
}

Status end_sessions(Connection& connection, const RestoreSite& site, const std::string& database,
                    const std::stop_token& stop) {
  const MonoTime deadline = site.clock->now() + kSessionPatience;
  for (int poll = 0;; ++poll) {
    const bool signal = poll % kPollsPerSignal == 0;
    ASSIGN_OR_RETURN(
        const Rows left,
        connection.query(
            fmt::format("select count(*), coalesce(min(coalesce(nullif(application_name, ''), "
                        "backend_type)), '') {} from pg_stat_activity where datname = $1",
                        signal ? ", count(pg_terminate_backend(pid))" : ""),
            {database}));
    if (left.rows[0][0] == "0") {
      trace_point(site.trace, "after sessions");
      return {};
    }
    if (site.clock->now() >= deadline) {
      return {StatusCode::kUnavailable,
              fmt::format("{} sessions of database {} did not end ({})",
                          left.rows[0][0].value_or("?"), database, left.rows[0][1].value_or("")),
              "SessionsRemain"};
    }
    if (!site.clock->sleep_for(kSessionPoll, stop)) {
      return {StatusCode::kCancelled, "stopped before the swap"};
    }
  }
}

}  // namespace ripcord::postgres
