// SPDX-License-Identifier: Apache-2.0
#pragma once
// UTF-8, read one character at a time. Pure functions.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ripcord::codec {

struct Utf8Char {
  std::uint32_t code = 0;
  std::size_t length = 1;  // bytes; 1 when not valid
  bool valid = false;      // false: over-long, a surrogate, above U+10FFFF, or cut off
};

// The first character of a text that is not empty.
Utf8Char next_utf8(std::string_view text);

// May stand unescaped in YAML and JSON strings: no control character, line separator or BOM.
bool printable(std::uint32_t code);

// Position of the first byte that is not valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace ripcord::codec
