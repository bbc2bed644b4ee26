// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts what migrations would destroy in a SQLite database, and copies it into a folder before it
// is: a CSV file for each thing, and bring-back.sql, which sqlite3 runs to bring it back. The copy
// is made in the transaction of the step (BEGIN IMMEDIATE): nobody writes in between.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_state.h"

#include <vector>

namespace ripcord::sqlite {

// One entry a loss, in order.
Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const std::stop_token& stop);
// Errors of the database, and (reason ArchiveFailed) of the disk.
Status archive(Connection& connection, const ArchiveOrder& order, std::int64_t version,
               const std::stop_token& stop);

}  // namespace ripcord::sqlite
