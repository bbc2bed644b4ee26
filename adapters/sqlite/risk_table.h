// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table that a loss is about, as a SQLite database has it now.

#include "adapters/sqlite/connection.h"
#include "controller/model/sql_effects.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::sqlite {

std::string quoted(std::string_view name, char quote = '"');

struct RiskColumn {
  std::string plain;
  std::string name;           // quoted
  std::string default_value;  // SQL text; empty: none, or it is no constant
  bool constant_default = true;
  bool is_time = false;
  bool is_key = false;
};

struct RiskTable {
  std::string name;                 // quoted
  std::vector<RiskColumn> columns;  // without generated ones; none: there is no such table

  const RiskColumn* find(const std::string& column) const;
  // `column` holds something: not its default, not NULL.
  static std::string differs_sql(const RiskColumn& column);
};

// The triggers on `relation` that the statement of `loss` may fire, not ours; "a, b".
Result<std::string> triggers_on(Connection& connection, const std::string& relation,
                                const DataLoss& loss);

Result<RiskTable> find_risk_table(Connection& connection, const std::string& relation);

}  // namespace ripcord::sqlite
