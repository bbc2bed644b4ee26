// SPDX-License-Identifier: Apache-2.0
#pragma once
// SchemaTransitions of a SQLite session. A batch is one BEGIN IMMEDIATE transaction, so that other
// writers wait for it; after it the file is left to them for a moment. The trigger on UPDATE is
// away inside of a batch: nobody sees that, since there is one writer. `connection`, `clock` and
// `trace` are the session's and outlive it.

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/transition_sync.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_transitions.h"

#include <functional>
#include <map>
#include <optional>

namespace ripcord::sqlite {

class SqliteTransitions final : public SchemaTransitions {
 public:
  SqliteTransitions(Connection& connection, Clock& clock, const Trace& trace)
      : connection_(connection), clock_(clock), trace_(trace) {}

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
  void body_over() { edges_ = {}; }
  bool attends() const { return !edges_.empty(); }

 private:
  struct Row;    // of ripcord_transitions
  struct Work {  // a backfill of this session
    std::string table;
    std::string key;
    std::optional<std::string> cursor;  // as SQL writes it
    std::int64_t size = 0;              // of the next batch
  };

  Result<bool> has_table();
  Result<std::map<std::string, Row>> read_rows(const std::vector<Transition>& declared);
  Result<TransitionState> state_of(const Transition& transition, const Row* row);
  Status begin(const Transition& transition);
  Status make_triggers(const Transition& transition);
  Status drop_triggers(const std::string& name);
  Status forget(const std::string& name);
  Status update_row(const std::string& set, const std::string& name,
                    const std::vector<Value>& more = {});
  Status in_transaction(const MigrationPolicy& policy, const std::stop_token& stop,
                        const std::function<Status()>& body);
  Result<Work> look(const Transition& transition);
  Result<TransitionBatch> attempt(const Transition& transition, Work& work,
                                  const std::stop_token& stop);
  Result<std::string> check(const TransitionValidation& validation, const std::stop_token& stop);

  Connection& connection_;
  Clock& clock_;
  const Trace& trace_;
  TransitionEdges edges_;
  std::map<std::string, Work> works_;
};

}  // namespace ripcord::sqlite
