// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows for the tables of a shadow, made from their declarations alone.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_trial.h"

#include <map>
#include <string>

namespace ripcord::sqlite {

// Some rows more in every table; `round` tells one call's values from the next's. Returns the
// tables that took none, with SQLite's words.
Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round,
                                                       SeedRows wanted);
Status empty_tables(Connection& connection);

}  // namespace ripcord::sqlite
