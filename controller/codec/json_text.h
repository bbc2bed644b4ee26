// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON as text, for those who pass it through without looking inside. Pure functions; input is
// hostile: well-formedness, UTF-8 and nesting (kMaxDepth) are checked.

#include "controller/base/status.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// A complete, well-formed object.
bool is_json_object(std::string_view text);

struct JsonMember {
  std::string name;
  std::string_view text;  // the value as it was written, without the space around it
};

// The members of an object in the order they were written, values untouched (10.0 stays 10.0); the
// texts point into `object`. InvalidArgument when it is no object.
Result<std::vector<JsonMember>> json_members(std::string_view object);

// "a\"b" with quotes; bytes that are not UTF-8 become U+FFFD.
std::string quote_json(std::string_view text);
// Back; InvalidArgument when it is no JSON string.
Result<std::string> unquote_json(std::string_view text);

}  // namespace ripcord::codec
