// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema of a SQLite database as a set of named definitions, for comparing, and the rows of its
// tables. From SQLite's own pragmas where it has them; texts (checks, views, triggers) token by
// token, so that spacing and quotes do not count.

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_trial.h"

namespace ripcord::sqlite {

struct SchemaObject {
  std::string type;
  std::string name;
  std::string sql;
};
// Of the application, by name. `where` is a condition on sqlite_schema.
Result<std::vector<SchemaObject>> schema_objects(Connection& connection, const std::string& where);
bool is_virtual(const SchemaObject& table);
// What stands in parentheses after CHECK and AS: the pragmas do not tell it.
std::vector<std::string> schema_clauses(const std::string& sql);

Result<SchemaCatalog> read_catalog(Connection& connection);

Result<ShadowContent> read_content(Connection& connection);

}  // namespace ripcord::sqlite
