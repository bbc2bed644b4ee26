// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema of a SQLite database as a set of named definitions, for comparing, and rows for its
// tables. From SQLite's own pragmas where it has them; texts (checks, views, triggers) token by
// token, so that spacing and quotes do not count.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_trial.h"

namespace ripcord::sqlite {

Result<SchemaCatalog> read_catalog(Connection& connection);

// Three rows more in every table; `round` tells one call's values from the next's. Returns the
// tables that took none, with SQLite's words.
Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round);

Result<ShadowContent> read_content(Connection& connection);

}  // namespace ripcord::sqlite
