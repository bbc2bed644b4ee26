// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds values in JSON text without building anything, so that a large document is taken apart
// before its parts are parsed. Checks only what it steps over, brackets and quotes: whoever uses a
// part parses it, and what is left of the whole. Pure functions.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct JsonSpan {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
};

// The value of the first member `name` of the object that is all of `text`. Nothing when there is
// none, or when the text is no object up to there.
std::optional<JsonSpan> member_value(std::string_view text, std::string_view name);

// The values of the array that is all of `text`. Nothing when it is none.
std::optional<std::vector<std::string_view>> array_values(std::string_view text);

}  // namespace ripcord::codec
