// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies what a step destroys into a folder: a file for each thing, and bring-back.sql, which psql
// runs to bring it back. To be called in the transaction of the step, before its statements:
// writers of the tables wait from here to its end, so that nothing is destroyed that was not
// copied.

#include "adapters/postgres/connection.h"
#include "controller/model/schema_state.h"

namespace ripcord::postgres {

// Errors of the database, and (reason ArchiveFailed) of the disk.
Status archive(Connection& connection, const ArchiveOrder& order, std::int64_t version,
               const std::stop_token& stop);

}  // namespace ripcord::postgres
