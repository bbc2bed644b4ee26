// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON text -> Node, for what nearly all objects of a server are made of. A pure function.

#include "controller/codec/json_reader.h"

#include <optional>
#include <string_view>

namespace ripcord::codec {

// As read_json_value() reads it, at a fraction of the cost; or nothing, when the text has what is
// left to the parser there: an error of any kind, a byte that is not ASCII, a \u escape, a number
// with an exponent or beyond 18 digits, or no list or map outside.
std::optional<JsonValue> scan_json_value(std::string_view text, Mark start, TreeLimits limits);

}  // namespace ripcord::codec
