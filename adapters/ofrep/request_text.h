// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of an OFREP request that are text: percent-encoding, query parameters, entity tags.
// Pure functions, liberal in what they take.

#include <optional>
#include <string>
#include <string_view>

namespace ripcord::ofrep {

// %XX becomes its byte; an escape that is none stays as it is.
std::string percent_decode(std::string_view text);
// Everything but unreserved characters is escaped, and so is a key that is only dots, which a
// client would take for a relative path.
std::string percent_encode(std::string_view text);

// The decoded value of a query parameter; nothing when it is not there.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// Whether If-None-Match (a list, or *) names `etag` by weak comparison (RFC 9110 §13.1.2).
bool none_match_names(std::string_view field, std::string_view etag);

// The opaque part of W/"x", "x" or x.
std::string_view opaque_tag(std::string_view tag);

}  // namespace ripcord::ofrep
