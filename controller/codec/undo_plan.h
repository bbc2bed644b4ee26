// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a recorded undo would do, as JSON text for people who look into the target database.
// Pure; never fails (bytes that are not UTF-8 become U+FFFD).

#include "controller/model/schema_state.h"

#include <string>
#include <vector>

namespace ripcord::codec {

// [{"line": 1, "effect": "Lossy", "needs_no_transaction": false, "statement": "DROP TABLE t"}]
std::string undo_plan_json(const std::vector<SqlStatement>& statements);

}  // namespace ripcord::codec
