// SPDX-License-Identifier: Apache-2.0
#pragma once
// The locked session of a SQLite database: runs steps. See schema_database.h for the contract.

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_lock.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_database.h"

namespace ripcord::sqlite {

// `clock` must outlive the session.
std::unique_ptr<SchemaSession> make_session(Connection connection, FileLock lock, Clock& clock,
                                            Trace trace);

}  // namespace ripcord::sqlite
