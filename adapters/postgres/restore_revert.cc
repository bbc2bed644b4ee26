// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_revert.h"

#include "adapters/postgres/outage_prober.h"
#include "adapters/postgres/restore_create.h"
#include "adapters/postgres/restore_sessions.h"

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

Status refused(std::string message, std::string reason) {
  return {StatusCode::kFailedPrecondition, std::move(message), std::move(reason)};
}

class Revert {
 public:
  Revert(const RestoreSite& site, Connection& connection) : site_(site), connection_(connection) {}

  Status check(const SiteState& state) {
    if (!state.previous) {
      return refused(fmt::format("there is no {} to go back to", site_.names.previous),
                     "PreviousGone");
    }
    if (state.side) {
      return refused(fmt::format("{} is in the way; drop it", site_.names.side), "NameTaken");
    }
    if (!state.live) {
      return {};
    }
    const auto& mark = state.live->mark;
    if (mark && mark->uid != site_.uid) {
      return refused(
          fmt::format("{} was restored again since, by the request {}: going back now would throw "
                      "that away; revert that one first",
                      site_.names.live, mark->uid),
          "SwappedSince");
    }
    mark_ = mark.value_or(RestoreMark{site_.uid, "live", ""});
    own_comment_ = comment_without_mark(state.live->comment);
    if (!state.live->allows_connections && !state.revert_begun(site_)) {
      return refused(fmt::format("database {} refuses connections and no restore did that; run "
                                 "ALTER DATABASE ... ALLOW_CONNECTIONS true when nobody else is at "
                                 "work",
                                 site_.names.live),
                     "ConnectionsRefused");
    }
    return check_pins(connection_, site_.names.live);
  }

  // What was set on the database since the swap stays with its name, as at the swap.
  Status prepare() {
    RestoreSite reversed = site_;
    reversed.names.side = site_.names.previous;
    RETURN_IF_ERROR(carry_over_settings(connection_, reversed));
    return mark_live("reverting");
  }

  Status replace(const std::stop_token& stop) {
    RETURN_IF_ERROR(allow_connections(connection_, site_, site_.names.live, false));
    RETURN_IF_ERROR(allow_connections(connection_, site_, site_.names.previous, false));
    Status renamed;
    for (int attempt = 0; attempt < kRenameTries; ++attempt) {
      RETURN_IF_ERROR(end_sessions(connection_, site_, site_.names.live, stop));
      RETURN_IF_ERROR(end_sessions(connection_, site_, site_.names.previous, stop));
      renamed = put_back(true);
      if (renamed.ok() || connection_.last_error().sqlstate != "55006") {
        return renamed;  // 55006: a session came up between the check and the rename
      }
    }
    return renamed;
  }

  // Statements in one message are one transaction.
  Status put_back(bool has_live) {
    const std::string live = Connection::quote_identifier(site_.names.live);
    const std::string side = Connection::quote_identifier(site_.names.side);
    std::string sql;
    if (has_live) {
      mark_.stage = site_.pooler_url.empty() ? "reverted" : "resuming";
      sql = fmt::format(
          "alter database {0} rename to {1}; alter database {1} allow_connections true; comment on "
          "database {1} is {2};",
          live, side, Connection::quote_literal(comment_with(own_comment_, mark_)));
    }
    sql += fmt::format("alter database {} rename to {}; alter database {} allow_connections true",
                       Connection::quote_identifier(site_.names.previous), live, live);
    trace_point(site_.trace, "before rename back");
    RETURN_IF_ERROR(status_of_rows(connection_.execute(sql)));
    trace_point(site_.trace, "after rename back");
    return {};
  }

  Status take_back() {
    RETURN_IF_ERROR(allow_connections(connection_, site_, site_.names.previous, true));
    RETURN_IF_ERROR(allow_connections(connection_, site_, site_.names.live, true));
    RETURN_IF_ERROR(let_pooled_clients_go_on(site_));
    return mark_live("live");
  }

 private:
  Status mark_live(std::string stage) {
    mark_.stage = std::move(stage);
    trace_point(site_.trace, "before mark " + mark_.stage);
    RETURN_IF_ERROR(set_mark(connection_, site_.names.live, own_comment_, mark_));
    trace_point(site_.trace, "after mark " + mark_.stage);
    return {};
  }

  const RestoreSite& site_;
  Connection& connection_;
  RestoreMark mark_;
  std::string own_comment_;
};

// Everything is renamed; the clients of a pooler may still be held.
Status let_go_on(const RestoreSite& site, Connection& connection) {
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  if (!state.revert_to_resume(site)) {
    return {};
  }
  RETURN_IF_ERROR(let_pooled_clients_go_on(site));
  trace_point(site.trace, "before mark reverted");
  RETURN_IF_ERROR(set_mark(connection, site.names.side, comment_without_mark(state.side->comment),
                           {site.uid, "reverted", state.side->mark->backup}));
  trace_point(site.trace, "after mark reverted");
  return {};
}

// After an attempt that went wrong. The lock went with the session, where that is what failed.
Status settle(const RestoreSite& site, Connection& connection, const Status& cause) {
  if (!connection.alive()) {
    ASSIGN_OR_RETURN(connection, connect_maintenance(site, {}));
    RETURN_IF_ERROR(lock_swap(connection, site, {}));
  }
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  if (state.reverted(site)) {
    return {};
  }
  Revert revert(site, connection);
  RETURN_IF_ERROR(revert.check(state));
  RETURN_IF_ERROR(revert.take_back());
  return cause;
}

}  // namespace

Result<SwapReport> revert_swap(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection connection, connect_maintenance(site, stop));
  RETURN_IF_ERROR(lock_side(connection, site, stop));
  RETURN_IF_ERROR(lock_swap(connection, site, stop));
  ASSIGN_OR_RETURN(const SiteState state, observe(connection, site));
  SwapReport report;
  report.previous_name = site.names.side;
  if (state.reverted(site)) {
    RETURN_IF_ERROR(let_go_on(site, connection));
    return report;
  }
  Revert revert(site, connection);
  RETURN_IF_ERROR(revert.check(state));
  OutageProber prober(site.url, *site.clock);
  Status done;
  if (state.live) {
    RETURN_IF_ERROR(revert.prepare());
    if (state.live->allows_connections) {
      prober.start();
    }
    done = hold_pooled_clients(site, stop);
    if (done.ok()) {
      done = revert.replace(stop);
    }
  } else {
    report.previous_name.clear();
    done = revert.put_back(false);
  }
  if (!done.ok()) {
    done = settle(site, connection, done);
  }
  if (done.ok()) {
    done = let_go_on(site, connection);
  }
  report.window = prober.finish();
  RETURN_IF_ERROR(done);
  return report;
}

}  // namespace ripcord::postgres
