// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema of a PostgreSQL database as a set of named definitions, for comparing. Has schemas,
// tables, columns, constraints, indexes, views, functions, triggers, rules, policies, sequences,
// types, domains, extensions, statistics, event triggers, grants and comments; not operators,
// casts, collations, text search and publications. What belongs to an extension is the extension.
// Reads only.

#include "adapters/postgres/connection.h"
#include "controller/model/schema_trial.h"

namespace ripcord::postgres {

Result<SchemaCatalog> read_catalog(Connection& connection);

}  // namespace ripcord::postgres
