// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema version of a real database and the ways to change it. What was applied, and how to
// undo it, is stored in the database itself.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/migration_version.h"
#include "controller/model/schema_state.h"
#include "controller/ports/sql_inspector.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace ripcord {

class SchemaTransitions;

// Of the steps that were given: how many are done, and what went wrong with the next.
struct StepsRun {
  std::size_t done = 0;
  Status status;
};

// Steps share one wait for the disk as long as this.
constexpr Duration kStepsTogether = std::chrono::milliseconds(50);

// Holds the locks of the database (ours and golang-migrate's) until destroyed. One thread at a
// time.
class SchemaSession {
 public:
  virtual ~SchemaSession() = default;
  virtual Result<SchemaState> read() = 0;  // under the lock
  // Runs the first of `steps`, and with it those behind that can share its wait for the disk
  // (kStepsTogether). Each is one transaction, or (SQLite) a savepoint of one that they share, and
  // takes effect exactly once: running a step that is done already is ok and changes nothing; an
  // unfinished one goes on where it stopped. What is done when this returns is durable; a server
  // that crashes before loses the last of them whole, and never one before another.
  // Once a step took effect, the database is at its version_after.
  // FailedPrecondition names file, line and the database's own message; Conflict (reason
  // VersionMismatch) when the version is not where the session's last step left it; Unavailable
  // when the connection was lost (read again before anything else).
  // With step.put_aside, what its statements drop is renamed instead, in the same transaction, and
  // the undo that is recorded renames it back; the author's own is kept for later. Unavailable
  // (reason CannotPutAside) when that has become impossible.
  virtual StepsRun run_some(std::span<const MigrationStep> steps, const MigrationPolicy& policy,
                            std::stop_token stop) = 0;
  Status run(const MigrationStep& step, const MigrationPolicy& policy, std::stop_token stop) {
    return run_some({&step, 1}, policy, std::move(stop)).status;
  }
  // Drops for good what `version` had put aside and makes the author's down the recorded undo, in
  // one transaction. Ok when there is nothing.
  virtual Status drop_tombstones(std::int64_t /*version*/, const MigrationPolicy& /*policy*/,
                                 std::stop_token /*stop*/) {
    return {};
  }
  // Null where the driver has none (schema_transitions.h).
  virtual SchemaTransitions* transitions() { return nullptr; }
};

class SchemaDatabase {
 public:
  virtual ~SchemaDatabase() = default;
  // Asks without a lock; changes nothing, not even to create our tables.
  virtual Result<SchemaState> read() = 0;
  // Why what a contract drops cannot be renamed and kept for a while; empty = it can. Asks without
  // a lock.
  virtual Result<std::string> why_not_put_aside(const std::vector<DataLoss>& /*drops*/) {
    return std::string("this database keeps no tombstones");
  }
  // What of `losses` is there now, one entry each, in order; behind them what is lost with it by
  // foreign keys (is_by_foreign_key). Without a lock. What cannot be counted, or (PostgreSQL) not
  // in time, says so in its note. A database that cannot count anything says that.
  virtual Result<std::vector<DataAtRisk>> count(const std::vector<LossAtRisk>& losses,
                                                std::stop_token stop);
  // Polls for the locks; Unavailable (reason Locked) names the holder when they are not had within
  // `patience`. Deletes records above the version.
  virtual Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) = 0;
};

class SchemaDatabases {
 public:
  virtual ~SchemaDatabases() = default;
  virtual Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) = 0;
};

// Migrations as their authors wrote them, ascending by version.
class MigrationSource {
 public:
  virtual ~MigrationSource() = default;
  virtual Result<std::vector<Migration>> load(const MigrationSourceRef& ref) = 0;
};

}  // namespace ripcord
