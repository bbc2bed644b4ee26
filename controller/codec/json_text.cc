// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_text.h"

#include "controller/codec/codec.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using nlohmann::json;

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Means itself between quotes.
bool plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// The end of the string that starts at `at`; the text is known to be well-formed.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; text[at] != '"'; ++at) {
    at += text[at] == '\\' ? 1 : 0;
  }
  return at + 1;
}

// Checks nesting before the parser sees it, so that its stack stays small.
bool too_deep(std::string_view text) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1 : 0;
      }
    } else if (text[at] == '{' || text[at] == '[') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if (text[at] == '}' || text[at] == ']') {
      --depth;
    }
  }
  return false;
}

// The end of the value that starts at `at`, in well-formed text: the first ',' or '}' outside.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}')) {
      return at;
    }
    depth += c == '{' || c == '[' ? 1 : 0;
    depth -= c == '}' || c == ']' ? 1 : 0;
    ++at;
  }
  return at;
}

}  // namespace

bool is_json_object(std::string_view text) {
  const std::string_view body = trimmed(text);
  return body.starts_with('{') && !too_deep(body) && json::accept(body);
}

Result<std::vector<JsonMember>> json_members(std::string_view object) {
  if (!is_json_object(object)) {
    return error(StatusCode::kInvalidArgument, "this is no well-formed JSON object");
  }
  const std::string_view text = trimmed(object);
  std::vector<JsonMember> members;
  std::size_t at = text.find_first_not_of(kSpace, 1);
  while (text[at] == '"') {
    const std::size_t name_end = end_of_string(text, at);
    ASSIGN_OR_RETURN(std::string name, unquote_json(text.substr(at, name_end - at)));
    const std::size_t start = text.find(':', name_end) + 1;
    const std::size_t end = end_of_value(text, start);
    members.push_back({std::move(name), trimmed(text.substr(start, end - start))});
    at = text[end] == ',' ? text.find_first_not_of(kSpace, end + 1) : end;
  }
  return members;
}

std::string quote_json(std::string_view text) {
  if (std::ranges::all_of(text, plain)) {
    std::string quoted;
    quoted.reserve(text.size() + 2);
    return quoted.append(1, '"').append(text).append(1, '"');
  }
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::string> unquote_json(std::string_view text) {
  // Most strings are plain and need no parser.
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
      std::all_of(text.begin() + 1, text.end() - 1, plain)) {
    return std::string(text.substr(1, text.size() - 2));
  }
  const json value = text.starts_with('"') ? json::parse(text, nullptr, false) : json();
  if (!value.is_string()) {
    return error(StatusCode::kInvalidArgument, "this is no JSON string");
  }
  return value.get<std::string>();
}

}  // namespace ripcord::codec
