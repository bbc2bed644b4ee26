// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies what a step destroys into a folder: a CSV file for each thing, and bring-back.sql, which
// sqlite3 runs to bring it back. To be called in the transaction of the step (BEGIN IMMEDIATE),
// before its statements: nobody writes in between.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_state.h"

namespace ripcord::sqlite {

// Errors of the database, and (reason ArchiveFailed) of the disk.
Status archive(Connection& connection, const ArchiveOrder& order, std::int64_t version,
               const std::stop_token& stop);

}  // namespace ripcord::sqlite
