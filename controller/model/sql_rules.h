// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules that SQL of a migration is held against. Their ids are stable: scripts waive them by
// name. docs/sql-rules.md says the same at length; a test keeps both sets equal.

#include <span>
#include <string_view>

namespace ripcord {

// kNote tells and asks for nothing. kError loses data or fails half way; kWarning blocks or breaks.
enum class SqlSeverity { kNote, kWarning, kError };
std::string_view to_string(SqlSeverity severity);  // "note", "warning", "error"

struct SqlRule {
  int number = 0;  // of docs/sql-rules.md
  std::string_view id;
  SqlSeverity severity = SqlSeverity::kWarning;  // unless the finding says less
  std::string_view danger;                       // what is wrong with it, half a sentence
  std::string_view safe;                         // what to write instead
};

std::span<const SqlRule> sql_rules();
const SqlRule* find_sql_rule(std::string_view id);  // null when there is none

}  // namespace ripcord
