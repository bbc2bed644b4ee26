// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks a PostgreSQL database whether one validation of a transition holds.

#include "adapters/postgres/connection.h"
#include "controller/model/migration_version.h"

#include <stop_token>
#include <string>

namespace ripcord::postgres {

// Empty: it holds; else how many rows are against it, and the query that shows them. In a read-only
// transaction. FailedPrecondition when it cannot be asked.
Result<std::string> check(Connection& connection, const TransitionValidation& validation,
                          const MigrationPolicy& policy, const std::stop_token& stop);

}  // namespace ripcord::postgres
