// SPDX-License-Identifier: Apache-2.0
#pragma once
// libpg_query, called with a stack that fits the script: its parser recurses over expressions.
// Thread-safe, keeps no state.

#include "controller/base/status.h"

#include <cstddef>
#include <string>

namespace ripcord::pgquery {

struct Parsed {
  std::string tree;    // JSON; empty when refused
  std::string error;   // the parser's message; empty when understood
  std::size_t at = 0;  // of the error: 1-based, in characters; 0 = not said
};

// Statements. ResourceExhausted when there is no memory for the stack.
Result<Parsed> parse_sql(const std::string& script);
// A whole DO or CREATE FUNCTION statement in PL/pgSQL: what stands in its body.
Result<Parsed> parse_plpgsql(const std::string& statement);

}  // namespace ripcord::pgquery
