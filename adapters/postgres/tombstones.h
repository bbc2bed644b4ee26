// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a contract drops, put aside in PostgreSQL: the table or column is renamed, so that nobody
// finds it, and renamed back as long as it is there. Each is a row of ripcord.tombstones, which
// also keeps the author's down until it becomes the recorded undo. One thread; borrows everything.
//
// Put aside as it is: its rows, indexes and grants. Changed: a NOT NULL without a default is
// lifted, so that inserts go on without it; foreign keys of a table go, so that it holds nobody
// back.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/schema_tables.h"
#include "controller/base/trace.h"

#include <string>
#include <vector>

namespace ripcord::postgres {

// Why one of `drops` cannot be renamed and kept; empty when all can, or are not there.
Result<std::string> find_obstacle(Connection& connection, const std::vector<DataLoss>& drops);

// Adds tombstones and remarks to `state`, whose other parts are read.
Status read_tombstones(Connection& connection, const SchemaTables& tables, SchemaState& state);

// One contract going up, within its transaction.
class Burial {
 public:
  Burial(Connection& connection, const MigrationStep& step, const Trace& trace)
      : connection_(connection), step_(step), trace_(trace) {}

  // In place of the statement. It is tried and taken back first, so that what it would be refused
  // for is refused: the server's own error. Unavailable (reason CannotPutAside) when what it drops
  // cannot be renamed by now.
  Status bury(const SqlStatement& statement, const std::stop_token& stop);
  bool empty() const { return graves_.empty(); }
  // The step to record: with the undo that renames back.
  MigrationStep recorded() const;
  // Statements that remember all of it, for the transaction of `recorded`.
  std::string record_sql(const SchemaTables& tables) const;

 private:
  struct Grave {
    std::string place;     // schema
    std::string relation;  // as it was called
    std::string column;    // empty: the table
    std::string name;      // as it is called now
    bool was_not_null = false;
    std::vector<std::pair<std::string, std::string>> foreign_keys;  // name, definition
  };
  Status bury_one(const DataLoss& loss);
  Status free_table(Grave& grave);
  Result<std::string> free_name(const Grave& grave);
  Status run(const std::string& sql, const std::stop_token& stop = {});
  std::vector<std::string> undo_statements() const;

  Connection& connection_;
  const MigrationStep& step_;
  const Trace& trace_;
  std::vector<Grave> graves_;
};

// After a way down by the recorded undo: forgets what came back as it was, remembers what did not.
std::string forget_tombstones_sql(const SchemaTables& tables, const MigrationStep& step);

// The statements of SchemaSession::drop_tombstones, to be run in one transaction, in this order;
// none when there is nothing.
Result<std::vector<std::string>> drop_tombstones_sql(Connection& connection,
                                                     const SchemaTables& tables,
                                                     std::int64_t version);

}  // namespace ripcord::postgres
