// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which rows a DELETE or UPDATE is about, as its author wrote it. Pure, thread-safe.

#include "controller/codec/sql_lexer.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// What stands behind the WHERE that is in no parentheses, up to RETURNING or the end; `all` where
// there is none. `tokens` are of `text`, their offsets count from `base`.
std::string row_filter(std::string_view text, const std::vector<SqlToken>& tokens, std::size_t base,
                       std::string_view all);

}  // namespace ripcord::codec
