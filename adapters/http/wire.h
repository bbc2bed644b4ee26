// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of an HTTP/1.1 response head, and the checks that keep a value from becoming a header of
// its own. Pure functions.

#include "controller/ports/http_service.h"

#include <optional>
#include <string>
#include <string_view>

namespace ripcord::http {

std::string_view reason_phrase(int status);

// A field name or method: RFC 9110 token.
bool is_token(std::string_view text);
// No CR, LF, NUL or other control character but the tab.
bool is_field_value(std::string_view text);

// How the body is delimited.
enum class Framing { kLength, kChunked, kUntilClose };

struct HeadOptions {
  Framing framing = Framing::kLength;
  bool keep_alive = true;
  bool http10 = false;
};

// Status line and fields up to the empty line. Nothing when the service gave a field that is none.
std::optional<std::string> response_head(const ServedResponse& response,
                                         const HeadOptions& options);

// A whole plain-text response that ends the connection.
std::string refusal(int status, std::string_view message);

}  // namespace ripcord::http
