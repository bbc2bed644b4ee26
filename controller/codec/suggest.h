// SPDX-License-Identifier: Apache-2.0
#pragma once
// Words of error messages: what the writer may have meant, and quoting that never shows a URL.
// Pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// "did you mean 'enabled'?" when one of `known` is near, else "known are a, b, c".
std::string suggestion(std::string_view written, const std::vector<std::string_view>& known);

// The text in single quotes, shortened; a text that looks like a URL is not repeated, since URLs
// carry passwords.
std::string echo(std::string_view text);

}  // namespace ripcord::codec
