// SPDX-License-Identifier: Apache-2.0
#pragma once
// The queries of contents.h, as text.

#include <string>

namespace ripcord::postgres {

// oid, schema, name, the quoted columns by name; ordered by name.
std::string tables_sql();
// oid, digest of all that belongs to the table but rows.
std::string table_schemas_sql();
// One digest of what is no table: schemas, views, functions, types, sequences, extensions.
std::string rest_schema_sql();

}  // namespace ripcord::postgres
