// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs the statements of a step that cannot be one transaction, each exactly once across crashes.
// A statement that can, runs in a transaction together with its journal row; one that cannot, has
// its row written before and finished after. A row that is started and not finished is judged by
// asking the catalogs. FailedPrecondition: the script changed half-way, or nobody can tell what
// came of a statement (the message says how to settle it). One thread; borrows everything.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/lock_queue.h"
#include "adapters/postgres/schema_tables.h"
#include "controller/base/trace.h"

#include <map>

namespace ripcord::postgres {

// The opening of every transaction that moves the version: limits, then what the history says.
std::string begin_sql(const MigrationPolicy& policy, const std::string& look_sql);
// One row can be locked, and is; to lock all rows of a long history would rewrite it each time.
bool is_one_row(const SchemaTables& tables);
std::string locking_look_sql(const SchemaTables& tables, const std::string& look_sql);

class JournaledStep {
 public:
  JournaledStep(Connection& connection, const LockQueue::Open& open, const SchemaTables& tables,
                Clock& clock, const Trace& trace)
      : connection_(connection), open_(open), tables_(tables), clock_(clock), trace_(trace) {}

  Status run_statements(const MigrationStep& step, const MigrationPolicy& policy,
                        const std::stop_token& stop);
  // To be run in the transaction that moves the version.
  std::string forget_sql(const MigrationStep& step) const;

 private:
  struct Entry {
    std::string digest;
    bool finished = false;
    std::string statement;  // with its target behind it, where it has one
  };
  // What is being worked on.
  struct Item {
    const MigrationStep& step;
    const SqlStatement& statement;
    int index = 0;
  };

  Result<std::map<int, Entry>> read_entries(const MigrationStep& step);
  Status run_one(const Item& item, const std::map<int, Entry>& entries,
                 const MigrationPolicy& policy, const std::stop_token& stop);
  Status run_inside(const Item& item, const MigrationPolicy& policy, const std::stop_token& stop);
  Status run_outside(const Item& item, const MigrationPolicy& policy, const std::stop_token& stop);
  Status run_beside_others(const Item& item, const std::stop_token& stop);
  // Clears up after a statement that was refused. False when a half of it stays.
  bool nothing_is_left(const std::string& statement);
  std::string entry_key(const MigrationStep& step) const;
  std::string insert_sql(const Item& item, bool finished, const std::string& target = {}) const;
  Status run_sql(const std::string& sql, const std::stop_token& stop = {});

  Connection& connection_;
  const LockQueue::Open& open_;
  const SchemaTables& tables_;
  Clock& clock_;
  const Trace& trace_;
};

}  // namespace ripcord::postgres
