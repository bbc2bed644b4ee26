// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows for the tables of a shadow database, made from the catalogs alone: a value of the right type
// in every column, of the enum's or the check constraint's own words where there are any, foreign
// keys to rows that are there.

#include "adapters/postgres/connection.h"
#include "controller/model/schema_trial.h"

#include <map>
#include <string>

namespace ripcord::postgres {

// Some rows more in every table; `round` tells one call's values from the next's. Returns the
// tables that took none, with the server's words.
Result<std::map<std::string, std::string>> seed_tables(Connection& connection, int round,
                                                       SeedRows wanted);
Status empty_tables(Connection& connection);

// Every row of every table, as text.
Result<ShadowContent> read_content(Connection& connection);

}  // namespace ripcord::postgres
