// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table that a loss is about, as the catalogs of a PostgreSQL database have it now.

#include "adapters/postgres/connection.h"
#include "controller/model/sql_effects.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord::postgres {

struct RiskColumn {
  std::string name;           // quoted
  std::string plain;          // as it is
  std::string type;           // SQL text, with the schema of one that is not built in
  std::string default_value;  // SQL text; empty: none, or it is no constant
  bool constant_default = true;
  bool not_null = false;
  bool is_time = false;  // timestamp, with or without time zone
  bool is_key = false;   // of the primary key
  bool owns_sequence = false;
};

struct RiskTable {
  std::string name;                 // quoted, with its schema
  std::vector<RiskColumn> columns;  // without generated ones

  const RiskColumn* find(const std::string& column) const;
  // `column` holds something: not its default, not NULL.
  static std::string differs_sql(const RiskColumn& column);
  std::vector<const RiskColumn*> key() const;
};

// `relation` as a statement names it (sql_effects.h); nothing when there is no such table now.
Result<std::optional<RiskTable>> find_risk_table(Connection& connection,
                                                 const std::string& relation);
// The triggers of users on `table`, or on a partition of it, that the statement of `loss` may fire;
// "a, b". Not ours (transition_sync.h).
Result<std::string> triggers_on(Connection& connection, const RiskTable& table,
                                const DataLoss& loss);
// The tables of a schema, quoted with it.
Result<std::vector<std::string>> tables_of_schema(Connection& connection,
                                                  const std::string& schema);

}  // namespace ripcord::postgres
