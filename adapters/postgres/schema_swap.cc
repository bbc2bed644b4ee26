// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_swap.h"

#include "adapters/postgres/migration_locks.h"
#include "adapters/postgres/schema_records.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr auto kMigrationPatience = std::chrono::seconds(15);
constexpr auto kSnapshotPatience = std::chrono::seconds(30);
constexpr auto kSnapshotPoll = std::chrono::milliseconds(10);
constexpr auto kLockPatience = std::chrono::seconds(30);
// Far below deadlock_timeout (1 s): a client that waits for us is never taken for one in a
// deadlock.
constexpr int kTryMs = 200;  // for one table; twice that for all
constexpr auto kPauseBetweenTries = std::chrono::milliseconds(300);

std::string ident(const std::string& name) {
  return Connection::quote_identifier(name);
}

Status run(Connection& connection, const std::string& sql, const std::stop_token& stop = {}) {
  return status_of_rows(connection.execute(sql, stop));
}

// A snapshot that was taken before the copy was there would see the restored tables as empty. Each
// transaction that has one now is waited for; who begins later sees all of the copy.
Status wait_for_snapshots(Connection& live, const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(
      const Rows held,
      live.query("select coalesce(array_agg(l.virtualxid), '{}')::text from pg_locks l join "
                 "pg_stat_activity a on a.pid = l.pid where l.locktype = 'virtualxid' and "
                 "l.granted and a.datname = current_database() and a.backend_xmin is not null and "
                 "a.pid <> pg_backend_pid() and a.backend_type is distinct from 'autovacuum "
                 "worker'"));
  const Value transactions = held.rows.at(0).at(0);
  const MonoTime deadline = site.clock->now() + kSnapshotPatience;
  for (;;) {
    ASSIGN_OR_RETURN(
        const Rows left,
        live.query("select a.pid, a.usename, a.application_name from pg_locks l join "
                   "pg_stat_activity a on a.pid = l.pid where l.locktype = 'virtualxid' and "
                   "l.virtualxid = any ($1::text[]) and a.backend_xmin is not null",
                   {transactions}));
    if (left.rows.empty()) {
      return {};
    }
    if (site.clock->now() >= deadline) {
      const auto& row = left.rows[0];
      return {StatusCode::kUnavailable,
              fmt::format("{} transactions began before the restored schema was there and would "
                          "see it as empty (session {} of {}, {}); end them, or wait: it is tried "
                          "again",
                          left.rows.size(), row[0].value_or("?"), row[1].value_or("?"),
                          row[2].value_or("")),
              "SnapshotsRemain"};
    }
    if (!site.clock->sleep_for(kSnapshotPoll, stop)) {
      return {StatusCode::kCancelled, "stopped before the swap"};
    }
  }
}

Result<std::string> lock_sql(Connection& live, const std::string& schema) {
  ASSIGN_OR_RETURN(
      const Rows tables,
      live.query("select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                 "where n.nspname = $1 and c.relkind in ('r', 'p') order by c.oid",
                 {schema}));
  std::string list;
  for (const auto& row : tables.rows) {
    list += fmt::format("{}only {}.{}", list.empty() ? "" : ", ", ident(schema), ident(*row[0]));
  }
  return list.empty() ? list : fmt::format("lock table {} in access exclusive mode;", list);
}

// Vacuum gives way only to who waits for longer than deadlock_timeout. What comes back is who else
// holds a table, for a person.
std::string ask_holders_away(Connection& live, const std::string& schema) {
  constexpr std::string_view kHolders =
      " from pg_locks l join pg_class c on l.locktype = 'relation' and c.oid = l.relation join "
      "pg_namespace n on n.oid = c.relnamespace join pg_stat_activity a on a.pid = l.pid where "
      "n.nspname = $1 and l.granted and l.pid <> pg_backend_pid() and l.database = (select oid "
      "from pg_database where datname = current_database())";
  static_cast<void>(live.query(fmt::format("select pg_cancel_backend(pid) from (select distinct "
                                           "l.pid{} and a.backend_type = 'autovacuum worker' and "
                                           "a.query !~ 'wraparound') v",
                                           kHolders),
                               {schema}));
  const auto holders = live.query(
      fmt::format("select string_agg(distinct format('session %s of %s (%s) on %s', l.pid, "
                  "a.usename, a.application_name, c.relname), ', '){}",
                  kHolders),
      {schema});
  return holders && holders->rows.at(0).at(0) ? *holders->rows[0][0] : "sessions that are gone now";
}

bool may_pass(const std::string& sqlstate) {
  return sqlstate == "55P03" || sqlstate == "57014" || sqlstate == "40P01";
}

// `changes` in one transaction in which nobody uses a table of `schema`. What comes back is how
// long clients had to wait at most: the longest try.
Result<Duration> change_alone(Connection& live, const RestoreSite& site, const std::string& schema,
                              const std::string& changes, const std::stop_token& stop) {
  const MonoTime deadline = site.clock->now() + kLockPatience;
  Duration longest{};
  std::string holders;
  for (int round = 0;; ++round) {
    ASSIGN_OR_RETURN(const std::string lock, lock_sql(live, schema));
    const std::string sql = fmt::format(
        "begin; set local lock_timeout = {}; set local statement_timeout = {}; {} set "
        "local statement_timeout = 0; {} commit",
        kTryMs, 2 * kTryMs, lock, changes);
    trace_point(site.trace, "before schema rename");
    const MonoTime since = site.clock->now();
    const Status done = run(live, sql, stop);
    const std::string refused = live.last_error().sqlstate;
    if (!done.ok() && live.alive()) {
      static_cast<void>(live.execute("rollback"));
    }
    longest = std::max(longest, site.clock->now() - since);
    if (done.ok()) {
      trace_point(site.trace, "after schema rename");
      return longest;
    }
    if (done.code() == StatusCode::kCancelled || !may_pass(refused)) {
      return as_return(done);
    }
    holders = ask_holders_away(live, schema);
    if (site.clock->now() >= deadline) {
      return error(
          StatusCode::kUnavailable,
          fmt::format("the tables of schema {} are in use: {}; it is tried again", schema, holders),
          "LockTimeout");
    }
    if (!site.clock->sleep_for(jittered(kPauseBetweenTries, round), stop)) {
      return error(StatusCode::kCancelled, "stopped before the swap");
    }
  }
}

// No migration runs while schemas change places; its records would go to the wrong one.
Status lock_migrations(Connection& live, const RestoreSite& site, const std::string& schema,
                       const std::stop_token& stop) {
  RETURN_IF_ERROR(run(live, "set search_path = " + ident(schema)));
  Result<SchemaTables> tables = find_tables(live);
  RETURN_IF_ERROR(run(live, "reset search_path"));
  // With a history that cannot be told, ours is the lock that counts.
  const MigrationLocks locks =
      tables ? MigrationLocks::of(*tables) : MigrationLocks{std::vector<std::int64_t>{kOwnLock}};
  return acquire(live, locks, kMigrationPatience, *site.clock, stop);
}

}  // namespace

Result<SwapReport> swap_schemas(Connection& live, const RestoreSite& site, const SchemaState& state,
                                const std::stop_token& stop) {
  const RestoreNames& names = state.names;
  const std::string backup = state.staged->mark->backup;
  const std::string own_comment = state.live ? comment_without_mark(state.live->comment) : "";
  SwapReport report;
  std::string changes;
  if (state.live) {
    report.previous_name = names.previous;
    RETURN_IF_ERROR(lock_migrations(live, site, names.live, stop));
    ASSIGN_OR_RETURN(const std::string place, carry_place_sql(live, names.live, names.side));
    ASSIGN_OR_RETURN(const std::string records, move_records_sql(live, names.live, names.previous));
    changes = fmt::format("{}alter schema {} rename to {};{}", place, ident(names.live),
                          ident(names.previous), records);
  }
  ASSIGN_OR_RETURN(const std::string records, move_records_sql(live, names.side, names.live));
  changes +=
      fmt::format("alter schema {} rename to {};{}{}", ident(names.side), ident(names.live),
                  records, schema_mark_sql(names.live, own_comment, {site.uid, "live", backup}));
  RETURN_IF_ERROR(wait_for_snapshots(live, site, stop));
  ASSIGN_OR_RETURN(report.window, change_alone(live, site, names.live, changes, stop));
  return report;
}

Result<SwapReport> revert_schemas(Connection& live, const RestoreSite& site,
                                  const SchemaState& state, const std::stop_token& stop) {
  const auto refused = [](std::string message, std::string reason) {
    return error(StatusCode::kFailedPrecondition, std::move(message), std::move(reason));
  };
  const RestoreNames& names = state.names;
  if (!state.known() || !state.previous) {
    return refused("there is no previous schema to go back to", "PreviousGone");
  }
  if (state.staged) {
    return refused(fmt::format("{} is in the way; drop it", names.side), "NameTaken");
  }
  SwapReport report;
  std::string changes;
  if (state.live) {
    const auto& mark = state.live->mark;
    if (mark && mark->uid != site.uid) {
      return refused(
          fmt::format("{} was restored again since, by the request {}: going back now would throw "
                      "that away; revert that one first",
                      names.live, mark->uid),
          "SwappedSince");
    }
    report.previous_name = names.side;
    RETURN_IF_ERROR(lock_migrations(live, site, names.live, stop));
    ASSIGN_OR_RETURN(const std::string place, carry_place_sql(live, names.live, names.previous));
    ASSIGN_OR_RETURN(const std::string records, move_records_sql(live, names.live, names.side));
    const RestoreMark reverted{site.uid, "reverted", mark ? mark->backup : ""};
    changes = fmt::format(
        "{}alter schema {} rename to {};{}{}", place, ident(names.live), ident(names.side), records,
        schema_mark_sql(names.side, comment_without_mark(state.live->comment), reverted));
  }
  ASSIGN_OR_RETURN(const std::string records, move_records_sql(live, names.previous, names.live));
  changes += fmt::format("alter schema {} rename to {};{}", ident(names.previous),
                         ident(names.live), records);
  ASSIGN_OR_RETURN(report.window, change_alone(live, site, names.live, changes, stop));
  return report;
}

}  // namespace ripcord::postgres
