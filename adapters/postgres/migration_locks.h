// SPDX-License-Identifier: Apache-2.0
#pragma once
// The advisory locks that keep two runners off one database: ours, and the ids under which
// golang-migrate (its command line and its library differ in how they spell the database's name),
// goose, Flyway and Atlas lock. Locks belong to the session, not to a transaction: CREATE INDEX
// CONCURRENTLY waits for every open transaction. They are polled, so that nobody queues in the
// server. One thread at a time.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/schema_tables.h"

#include <cstdint>
#include <vector>

namespace ripcord::postgres {

inline constexpr std::int64_t kOwnLock = 0x726970636f7264;  // "ripcord"

struct MigrationLocks {
  std::vector<std::int64_t> ids;
  static MigrationLocks of(const SchemaTables& tables);
};

// Returns once the session holds all of them. Unavailable (reason Locked) names the holder when
// that took longer than `patience`; Cancelled on stop. On failure the session holds none.
Status acquire(Connection& session, const MigrationLocks& locks, Duration patience, Clock& clock,
               std::stop_token stop);

// A delay between half and one and a half of `middle`, different for each process and call.
Duration jittered(Duration middle, int salt);

}  // namespace ripcord::postgres
