// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a contract drops, put aside in SQLite: the table or column is renamed, so that nobody finds
// it, and renamed back as long as it is there. Each is a row of ripcord_tombstones, which also
// keeps the author's down until it becomes the recorded undo. One thread; borrows everything.

#include "adapters/sqlite/connection.h"
#include "controller/base/trace.h"
#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::sqlite {

// Why one of `drops` cannot be renamed and kept; empty when all can, or are not there.
Result<std::string> find_obstacle(Connection& connection, const std::vector<DataLoss>& drops);

// Adds tombstones to `state`, whose other parts are read.
Status read_tombstones(Connection& connection, SchemaState& state);

// One contract going up, within its transaction.
class Burial {
 public:
  Burial(Connection& connection, const MigrationStep& step, const Trace& trace)
      : connection_(connection), step_(step), trace_(trace) {}

  // In place of the statement, which `run` tries first and which is taken back: what it would be
  // refused for is refused. Unavailable (reason CannotPutAside) when what it drops cannot be
  // renamed by now.
  template <class Run>
  Status bury(const SqlStatement& statement, const Run& run) {
    trace_point(trace_, "before trying a drop");
    RETURN_IF_ERROR(connection_.execute("SAVEPOINT ripcord_try"));
    RETURN_IF_ERROR(run());
    RETURN_IF_ERROR(connection_.execute("ROLLBACK TO ripcord_try; RELEASE ripcord_try"));
    return rename_all(statement);
  }
  bool empty() const { return graves_.empty(); }
  // The step to record: with the undo that renames back.
  MigrationStep recorded() const;
  Status record() const;

 private:
  struct Grave {
    std::string relation;  // as it was called
    std::string column;    // empty: the table
    std::string name;      // as it is called now
  };
  Status rename_all(const SqlStatement& statement);
  Status rename(const DataLoss& loss);
  Result<std::string> free_name(const Grave& grave) const;

  Connection& connection_;
  const MigrationStep& step_;
  const Trace& trace_;
  std::vector<Grave> graves_;
};

// After a way down by the recorded undo.
Status forget_tombstones(Connection& connection, const MigrationStep& step);

// SchemaSession::drop_tombstones, within its transaction.
Status drop_tombstones(Connection& connection, std::int64_t version, const Trace& trace);

}  // namespace ripcord::sqlite
