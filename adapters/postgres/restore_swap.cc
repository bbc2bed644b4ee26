// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_swap.h"

#include "adapters/postgres/outage_prober.h"
#include "adapters/postgres/restore_create.h"
#include "adapters/postgres/restore_sessions.h"

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}

class Swap {
 public:
  Swap(const RestoreSite& site, Connection& connection) : site_(site), connection_(connection) {}

  Status check(const SiteState& state) {
    const auto& side = state.side;
    if (!side || !side->mark ||
        (side->mark->stage != "loaded" && side->mark->stage != "swapping")) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("{} is not loaded to its end; load it first", site_.names.side),
              "SideIncomplete"};
    }
    mark_ = *side->mark;
    if (!state.live) {
      return {};
    }
    own_comment_ = comment_without_mark(state.live->comment);
    if (!state.live->allows_connections && !state.swap_begun(site_)) {
      // A way back that was killed refuses them too, and its mark is on the live database.
      const bool reverting = state.live->mark && state.live->mark->stage == "reverting";
      RETURN_IF_ERROR(reverting ? ok_status() : check_refusal());
    }
    return check_pins(connection_, site_.names.live);
  }

  Status replace(const std::stop_token& stop) {
    RETURN_IF_ERROR(refuse_connections());
    Status renamed;
    for (int attempt = 0; attempt < kRenameTries; ++attempt) {
      RETURN_IF_ERROR(end_sessions(connection_, site_, site_.names.live, stop));
      renamed = put_in_place(true);
      if (renamed.ok() || connection_.last_error().sqlstate != "55006") {
        return renamed;  // 55006: a session came up between the check and the rename
      }
    }
    return renamed;
  }

  Status mark_stage(const std::string& database, std::string stage) {
    mark_.stage = std::move(stage);
    trace_point(site_.trace, "before mark " + mark_.stage);
    RETURN_IF_ERROR(set_mark(connection_, database, own_comment_, mark_));
    trace_point(site_.trace, "after mark " + mark_.stage);
    return {};
  }

  // Statements in one message are one transaction: whoever looks sees all of it or nothing, and a
  // crash leaves nothing to be finished.
  Status put_in_place(bool has_live) {
    const std::string live = ident(site_.names.live);
    const std::string previous = ident(site_.names.previous);
    std::string sql;
    if (has_live) {
      sql = fmt::format(
          "alter database {0} rename to {1}; alter database {1} allow_connections true;", live,
          previous);
    }
    mark_.stage = has_live && !site_.pooler_url.empty() ? "resuming" : "live";
    sql += fmt::format("alter database {} rename to {}; comment on database {} is {}",
                       ident(site_.names.side), live, live,
                       Connection::quote_literal(comment_with(own_comment_, mark_)));
    trace_point(site_.trace, "before rename");
    RETURN_IF_ERROR(status_of_rows(connection_.execute(sql)));
    trace_point(site_.trace, "after rename");
    return {};
  }

  // Nothing is renamed: as if the swap had never been tried.
  Status take_back(const SiteState& state) {
    if (state.live && !state.live->allows_connections) {
      RETURN_IF_ERROR(allow_connections(connection_, site_, site_.names.live, true));
    }
    RETURN_IF_ERROR(let_pooled_clients_go_on(site_));
    return mark_stage(site_.names.side, "loaded");
  }

 private:
  Status refuse_connections() {
    return allow_connections(connection_, site_, site_.names.live, false);
  }

  // Under the lock: no living swap refuses connections now, but one that was killed may have.
  Status check_refusal() {
    const std::string& side = site_.names.side;
    ASSIGN_OR_RETURN(
        const Rows dead,
        connection_.query("select count(*) from pg_database where starts_with(datname, $1) and "
                          "shobj_description(oid, 'pg_database') ~ "
                          "'ripcord: uid=[^ ]+ stage=swapping backup='",
                          {side.substr(0, side.rfind('_') + 1)}));
    if (dead.rows[0][0] != "0") {
      return {};
    }
    return {StatusCode::kFailedPrecondition,
            fmt::format("database {} refuses connections and no restore did that; run ALTER "
                        "DATABASE {} ALLOW_CONNECTIONS true when nobody else is at work",
                        site_.names.live, ident(site_.names.live)),
            "ConnectionsRefused"};
  }

  const RestoreSite& site_;
  Connection& connection_;
  RestoreMark mark_;
  std::string own_comment_;
};

// Everything is renamed; the clients of a pooler may still be held.
Status let_go_on(const RestoreSite& site, Connection& connection) {
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  if (!state.swap_to_resume(site)) {
    return {};
  }
  RETURN_IF_ERROR(let_pooled_clients_go_on(site));
  trace_point(site.trace, "before mark live");
  RETURN_IF_ERROR(set_mark(connection, site.names.live, comment_without_mark(state.live->comment),
                           {site.uid, "live", state.live->mark->backup}));
  trace_point(site.trace, "after mark live");
  return {};
}

// After an attempt that went wrong. The lock went with the session, where that is what failed.
Status settle(const RestoreSite& site, Connection& connection, const Status& cause) {
  if (!connection.alive()) {
    ASSIGN_OR_RETURN(connection, connect_maintenance(site, {}));
    RETURN_IF_ERROR(lock_swap(connection, site, {}));
  }
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  if (state.swapped(site)) {
    return {};
  }
  Swap swap(site, connection);
  RETURN_IF_ERROR(swap.check(state));
  RETURN_IF_ERROR(swap.take_back(state));
  return cause;
}

}  // namespace

Result<SwapReport> swap_databases(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site, stop));
  RETURN_IF_ERROR(lock_side(connection, site, stop));
  RETURN_IF_ERROR(lock_swap(connection, site, stop));
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  SwapReport report;
  if (state.swapped(site)) {
    RETURN_IF_ERROR(let_go_on(site, connection));
    report.previous_name = state.previous ? site.names.previous : "";
    return report;
  }
  Swap swap(site, connection);
  RETURN_IF_ERROR(swap.check(state));
  if (state.live) {
    RETURN_IF_ERROR(carry_over_settings(connection, site));
  }
  RETURN_IF_ERROR(swap.mark_stage(site.names.side, "swapping"));
  OutageProber prober(site.url, *site.clock);
  if (state.live && state.live->allows_connections) {
    prober.start();
  }
  Status done = state.live ? hold_pooled_clients(site, stop) : ok_status();
  if (done.ok()) {
    done = state.live ? swap.replace(stop) : swap.put_in_place(false);
  }
  if (!done.ok()) {
    done = settle(site, connection, done);
  }
  if (done.ok()) {
    done = let_go_on(site, connection);
  }
  report.window = prober.finish();
  RETURN_IF_ERROR(done);
  report.previous_name = state.live ? site.names.previous : "";
  return report;
}

}  // namespace ripcord::postgres
