// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading UTF-8 that may be broken. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace ripcord::codec {

inline constexpr char32_t kReplacement = 0xFFFD;

// The code point that starts at `at`, which is moved past it; kReplacement and one byte further
// when it is no shortest-form UTF-8 of a Unicode scalar value.
char32_t next_code_point(std::string_view text, std::size_t& at, bool& valid);

// `text` with every broken byte replaced by U+FFFD; `broken_at` is the offset of the first one, or
// npos.
std::string repaired_utf8(std::string_view text, std::size_t& broken_at);

// At most `bytes` bytes of `text`, whole code points, with "..." when something was cut.
std::string clipped(std::string_view text, std::size_t bytes);

}  // namespace ripcord::codec
