// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/undo_plan.h"

#include "controller/codec/json_text.h"

#include <fmt/format.h>

namespace ripcord::codec {

std::string undo_plan_json(const std::vector<SqlStatement>& statements) {
  std::string text = "[";
  for (const SqlStatement& statement : statements) {
    text += fmt::format(
        R"({}{{"line": {}, "effect": "{}", "needs_no_transaction": {}, "statement": {}}})",
        text.size() == 1 ? "" : ", ", statement.line, to_string(statement.effect),
        statement.needs_no_transaction, quote_json(statement.text));
  }
  return text + "]";
}

}  // namespace ripcord::codec
