// SPDX-License-Identifier: Apache-2.0
#pragma once
// For as long as it lives, a session that waits in the server for one of the migration locks that
// we hold is told no: its statement is cancelled. What runs CONCURRENTLY waits for the snapshot of
// every other statement, so that such a session (golang-migrate queues like that) and we would wait
// for each other, and the server would end one of the two in the middle of its work. Needs the
// right to cancel it (the same role, or pg_signal_backend); without it nothing is cancelled. Fails
// in silence: it only smooths the way. One thread of its own, with a connection of its own.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/migration_locks.h"

#include <functional>
#include <thread>

namespace ripcord::postgres {

class LockQueue {
 public:
  using Open = std::function<Result<Connection>(std::stop_token)>;  // to the locks' database
  LockQueue(Open open, const MigrationLocks& locks, Clock& clock);

 private:
  std::jthread thread_;
};

}  // namespace ripcord::postgres
