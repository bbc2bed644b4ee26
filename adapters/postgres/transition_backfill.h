// SPDX-License-Identifier: Apache-2.0
#pragma once
// The batches of one backfill in a PostgreSQL database. A batch is the next `batchSize` rows by
// key: those of them that `where` holds for are changed, in one transaction with the cursor. A row
// that is locked by others is waited for no longer than a fifth of a second; then the batch is
// undone and tried again, smaller. Replicas are asked before each batch. One thread.

#include "adapters/postgres/connection.h"
#include "controller/base/trace.h"
#include "controller/model/migration_version.h"
#include "controller/model/transition_state.h"

#include <optional>
#include <stop_token>
#include <string>

namespace ripcord::postgres {

class Backfill {
 public:
  // `row` is the WHERE of its row in ripcord.transitions.
  Backfill(Connection& connection, Clock& clock, const Trace& trace, std::string row)
      : connection_(connection), clock_(clock), trace_(trace), row_(std::move(row)) {}

  Result<TransitionBatch> next(const TransitionBackfill& declared, const MigrationPolicy& policy,
                               const std::stop_token& stop);

 private:
  Status look(const TransitionBackfill& declared);
  Result<std::optional<std::string>> too_far_behind(Duration max_lag);
  Result<TransitionBatch> attempt(const TransitionBackfill& declared, const MigrationPolicy& policy,
                                  const std::stop_token& stop);
  std::string beyond_cursor() const;

  Connection& connection_;
  Clock& clock_;
  const Trace& trace_;
  const std::string row_;
  std::string table_;  // empty: not looked yet
  std::string key_;
  std::string key_type_;
  std::optional<std::string> cursor_;
  std::int64_t size_ = 0;  // of the next batch
  int waits_ = 0;          // in a row
};

}  // namespace ripcord::postgres
