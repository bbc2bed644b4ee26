// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a plain YAML scalar means to kubectl (YAML 1.1 as go-yaml v2 reads it): y/yes/on are true,
// 010 is eight, 1_000 a thousand, dates are text. Pure functions.

#include "controller/codec/node.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

// The value of an unquoted scalar, without a mark. `.inf`, `.nan` are kNumber with that text, which
// is no JSON: see is_finite_number.
Node resolve_plain(std::string_view text);

// False for the numbers that JSON cannot hold.
bool is_finite_number(const Node& node);

}  // namespace ripcord::codec
