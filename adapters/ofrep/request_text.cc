// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/request_text.h"

namespace ripcord::ofrep {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape = text[at] == '%' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 &&
                        hex_digit(text[at + 2]) >= 0;
    if (escape) {
      out.push_back(static_cast<char>(hex_digit(text[at + 1]) * 16 + hex_digit(text[at + 2])));
      at += 2;
    } else {
      out.push_back(text[at]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const bool dots = text.find_first_not_of('.') == std::string_view::npos;
  std::string out;
  for (const char c : text) {
    if (unreserved(c) && !dots) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte / 16]);
      out.push_back(kHex[byte % 16]);
    }
  }
  return out;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals)) == name) {
      return equals == std::string_view::npos ? std::string()
                                              : percent_decode(pair.substr(equals + 1));
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return std::nullopt;
}

bool none_match_names(std::string_view field, std::string_view etag) {
  std::string_view rest = trimmed(field);
  if (rest == "*") {
    return true;
  }
  const std::string_view wanted = opaque_tag(etag);
  // A comma may stand inside a quoted tag, so the list is walked tag by tag.
  while (true) {
    const std::size_t open = rest.find('"');
    if (open == std::string_view::npos) {
      return false;
    }
    const std::size_t close = rest.find('"', open + 1);
    if (close == std::string_view::npos) {
      return false;
    }
    if (rest.substr(open + 1, close - open - 1) == wanted) {
      return true;
    }
    rest = rest.substr(close + 1);
  }
}

std::string_view opaque_tag(std::string_view tag) {
  tag = trimmed(tag);
  if (tag.starts_with("W/")) {
    tag.remove_prefix(2);
  }
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') {
    tag = tag.substr(1, tag.size() - 2);
  }
  return tag;
}

}  // namespace ripcord::ofrep
