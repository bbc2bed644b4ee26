// SPDX-License-Identifier: Apache-2.0
#pragma once
// SchemaTransitions of a PostgreSQL session. Triggers: transition_sync.h; batches:
// transition_backfill.h. `connection`, `tables`, `clock` and `trace` are the session's and outlive
// it.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/schema_tables.h"
#include "adapters/postgres/transition_backfill.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_transitions.h"

#include <map>
#include <memory>

namespace ripcord::postgres {

class PostgresTransitions final : public SchemaTransitions {
 public:
  PostgresTransitions(Connection& connection, const SchemaTables& tables, Clock& clock,
                      const Trace& trace)
      : connection_(connection), tables_(tables), clock_(clock), trace_(trace) {}

  Result<TransitionStates> read(const std::vector<Transition>& declared) override;
  Status sync(const Transition& transition, bool wanted, const MigrationPolicy& policy,
              std::stop_token stop) override;
  Result<TransitionBatch> backfill(const Transition& transition, const MigrationPolicy& policy,
                                   std::stop_token stop) override;
  Result<std::vector<std::string>> validate(const Transition& transition,
                                            const MigrationPolicy& policy,
                                            std::stop_token stop) override;
  void attend(TransitionEdges edges) override { edges_ = std::move(edges); }

  // The session's side of attend(): in the transaction of the body, before it and after it.
  Status before_body();
  Status after_body();
  void body_over() {
    edges_ = {};
    table_known_ = false;  // it may have been undone
  }
  bool attends() const { return !edges_.empty(); }

 private:
  struct Row;  // of ripcord.transitions

  Result<bool> has_table();
  Result<std::map<std::string, Row>> read_rows(const std::vector<Transition>& declared);
  Result<TransitionState> state_of(const Transition& transition, const Row* row);
  // To be run in a transaction.
  Status begin(const Transition& transition);
  Status make_trigger(const Transition& transition);
  Status drop_trigger(const std::string& name);
  Status forget(const std::string& name);
  std::string row_key(const std::string& name) const;
  Status in_transaction(const MigrationPolicy& policy, const std::stop_token& stop,
                        const std::function<Status()>& body);
  Status run_sql(const std::string& sql, const std::stop_token& stop = {});

  Connection& connection_;
  const SchemaTables& tables_;
  Clock& clock_;
  const Trace& trace_;
  TransitionEdges edges_;
  std::map<std::string, std::unique_ptr<Backfill>> backfills_;  // of this session, by name
  bool table_known_ = false;
};

}  // namespace ripcord::postgres
