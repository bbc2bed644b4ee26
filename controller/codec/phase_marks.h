// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds `-- ripcord:phase Contract` in a script: line comments that have their line to themselves,
// told by the dialect's own lexer, so not inside strings and bodies. Pure, thread-safe.

#include "controller/codec/sql_lexer.h"
#include "controller/model/migration_phase.h"

#include <string_view>
#include <vector>

namespace ripcord::codec {

// Every mark, also with a word that is none.
std::vector<PhaseMark> phase_marks(SqlDialect dialect, std::string_view script);

}  // namespace ripcord::codec
