// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/lock_queue.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

// The server looks for a deadlock once a wait has lasted for a second.
constexpr auto kLook = std::chrono::milliseconds(200);

}  // namespace

LockQueue::LockQueue(Open open, const MigrationLocks& locks, Clock& clock)
    : thread_([open = std::move(open), &clock,
               sql = fmt::format(
                   "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND "
                   "NOT granted AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE "
                   "datname = current_database()) AND (classid::bigint << 32 | objid::bigint) IN "
                   "({})",
                   fmt::join(locks.ids, ", "))](const std::stop_token& stop) {
        std::optional<Connection> session;
        do {
          if (!session || !session->alive()) {
            auto opened = open(stop);
            session = opened ? std::optional(std::move(*opened)) : std::nullopt;
          }
          if (session) {
            static_cast<void>(session->execute(sql, stop));
          }
        } while (clock.sleep_for(kLook, stop));
      }) {}

}  // namespace ripcord::postgres
