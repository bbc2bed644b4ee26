// SPDX-License-Identifier: Apache-2.0
#pragma once
// Statements that act on more than the database they run in (roles, other databases, the server,
// its files, other sessions, replication): on a shadow they would be done for real.

#include "controller/model/schema_state.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord::postgres {

// The first of them, in words. What a function does that is called is seen only of functions that
// PostgreSQL brings, and of a DO block.
std::optional<std::string> reaches_beyond(const std::vector<SqlStatement>& script);

}  // namespace ripcord::postgres
