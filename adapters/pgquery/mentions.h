// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a statement that clients run names a table, or a column of it, by its parse tree; by its
// words when it cannot be parsed. Pure.

#include "controller/model/sql_effects.h"

#include <string>

namespace ripcord::pgquery {

// Of SELECT, INSERT, UPDATE, DELETE and MERGE, also behind EXPLAIN, DECLARE, PREPARE and COPY
// (...). All else (DDL, COPY of a table as pg_dump runs it, SET) names nothing here. `SELECT *`
// names no column: it goes on without it. INSERT without a list of columns writes each one, so it
// names all.
bool mentions(const std::string& statement, const DataLoss& what);

}  // namespace ripcord::pgquery
