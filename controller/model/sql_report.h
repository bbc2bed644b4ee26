// SPDX-License-Identifier: Apache-2.0
#pragma once
// A script with what each of its statements does and what is wrong with them. Values.

#include "controller/model/migration_phase.h"
#include "controller/model/schema_state.h"
#include "controller/model/sql_rules.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

// What is looked at. The texts must outlive the call only.
struct SqlScript {
  std::string_view text;
  Direction direction = Direction::kUp;
  std::string_view up{};  // of a down: the up that it undoes, empty when not at hand
  // What ran before it, oldest first, or SqlReport::schema: SQLite builds the schema from it. May
  // be left out.
  std::vector<std::string> before{};
};

struct SqlFinding {
  std::string_view rule;  // the id of an SqlRule
  SqlSeverity severity = SqlSeverity::kWarning;
  std::int32_t line = 1;    // 1-based
  std::int32_t column = 1;  // 1-based, in characters
  std::string message;      // what, why, and what to write instead
  // Why its author accepts it (-- ripcord:allow RULE: reason). Silences lint only: what a statement
  // loses stays in its effects, and a way down that loses data needs its approval all the same.
  std::optional<std::string> waived{};

  bool operator==(const SqlFinding&) const = default;
};

struct SqlReport {
  std::vector<SqlStatement> statements;
  std::vector<SqlFinding> findings;  // by position
  std::string schema{};  // SQLite, of an up: the schema behind it, for the next `before`
  // Line of the first BEGIN, COMMIT or the like; 0 = none.
  std::int32_t transaction_control = 0;
  std::vector<PhaseMark> phase_marks{};  // in the order of the text
};

}  // namespace ripcord
