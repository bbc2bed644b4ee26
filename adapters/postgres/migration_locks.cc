// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/migration_locks.h"

#include "controller/codec/migration_history.h"

#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);

std::string id_list(const MigrationLocks& locks) {
  return fmt::format("{}", fmt::join(locks.ids, ", "));
}

// True when all were had; else those that were had are given back.
Result<bool> try_all(Connection& session, const MigrationLocks& locks) {
  std::string take;
  for (const std::int64_t id : locks.ids) {
    take += fmt::format("{}pg_try_advisory_lock({})", take.empty() ? "SELECT " : ", ", id);
  }
  ASSIGN_OR_RETURN(const Rows had, session.execute(take));
  std::string give_back;
  bool all = true;
  for (std::size_t i = 0; i < locks.ids.size(); ++i) {
    if (had.rows[0][i] == "t") {
      give_back += fmt::format("SELECT pg_advisory_unlock({});", locks.ids[i]);
    } else {
      all = false;
    }
  }
  if (!all && !give_back.empty()) {
    ASSIGN_OR_RETURN(const Rows given, session.execute(give_back));
    static_cast<void>(given);
  }
  return all;
}

std::string holder(Connection& session, const MigrationLocks& locks) {
  const auto rows = session.execute(fmt::format(
      "SELECT a.pid, a.usename, a.application_name, a.client_addr::text, "
      "to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') "
      "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
      "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.pid <> "
      "pg_backend_pid() "
      "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
      "AND (l.classid::bigint << 32 | l.objid::bigint) IN ({}) ORDER BY a.backend_start LIMIT 1",
      id_list(locks)));
  if (!rows || rows->rows.empty()) {
    return "a session that is gone by now";
  }
  const auto& row = rows->rows[0];
  return fmt::format("session {} of {} ({}{}{}), connected since {}", row[0].value_or("?"),
                     row[1].value_or("?"), row[2].value_or(""), row[3] ? " from " : "",
                     row[3].value_or(""), row[4].value_or("?"));
}

}  // namespace

MigrationLocks MigrationLocks::of(const SchemaTables& tables) {
  MigrationLocks locks{
      codec::tool_locks(tables.home, tables.database, tables.history, tables.table.name)};
  locks.ids.insert(locks.ids.begin(), kOwnLock);
  return locks;
}

Status acquire(Connection& session, const MigrationLocks& locks, Duration patience, Clock& clock,
               std::stop_token stop) {
  const MonoTime deadline = clock.now() + patience;
  for (int round = 0;; ++round) {
    ASSIGN_OR_RETURN(const bool all, try_all(session, locks));
    if (all) {
      return {};
    }
    if (clock.now() >= deadline) {
      return {StatusCode::kUnavailable,
              fmt::format("another migration runs on this database: the lock is held by {}; it is "
                          "tried again",
                          holder(session, locks)),
              "Locked"};
    }
    if (!clock.sleep_for(jittered(kPoll, round), stop)) {
      return {StatusCode::kCancelled, "stopped while waiting for the migration lock"};
    }
  }
}

Duration jittered(Duration middle, int salt) {
  std::minstd_rand random(std::random_device{}() + static_cast<unsigned>(salt));
  return Duration(std::uniform_int_distribution<std::int64_t>(middle.count() / 2,
                                                              middle.count() * 3 / 2)(random));
}

}  // namespace ripcord::postgres
