// SPDX-License-Identifier: Apache-2.0
#pragma once
// The locked session of a PostgreSQL database: runs steps. See schema_database.h for the contract.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/lock_queue.h"
#include "adapters/postgres/schema_tables.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_database.h"

#include <functional>

namespace ripcord::postgres {

// Makes the server notice a dead client in half a second (else a killed runner's statement goes on
// and may commit), and undoes what a migration's body has set.
Status prepare_session(Connection& connection);

// `connection` holds the locks; `open` gives further ones to the same database. `clock` must
// outlive the session.
std::unique_ptr<SchemaSession> make_session(Connection connection, LockQueue::Open open,
                                            SchemaTables tables, Clock& clock, Trace trace);

// "3_add_total.up.sql", or "down of 3 add_total": how messages name a step.
std::string label_of(const MigrationStep& step);

// The server's refusal of one statement, with file and line.
Status located(const Status& failure, const ServerError& error, const MigrationStep& step,
               const SqlStatement& statement);

// Runs `attempt` again after 55P03, 40P01 and 40001, a bounded number of times, with jitter.
Status with_retries(Clock& clock, const std::stop_token& stop,
                    const std::function<Status()>& attempt);

}  // namespace ripcord::postgres
