// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/field_reader.h"

#include "controller/base/time_text.h"
#include "controller/codec/suggest.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// More are not shown for one document, and finding them costs time.
constexpr std::size_t kSuggestions = 50;

// What came, in words; the text of a string is not repeated, it may be a secret in a wrong place.
std::string came(const Node& node) {
  switch (node.type) {
    case Node::Type::kNull:
      return "nothing (null)";
    case Node::Type::kBool:
      return "the boolean " + node.text;
    case Node::Type::kInteger:
    case Node::Type::kNumber:
      return "the number " + node.text.substr(0, 40);
    case Node::Type::kString:
      return node.text.empty() ? "an empty string" : "a string";
    case Node::Type::kList:
      return "a list";
    case Node::Type::kMap:
      return "a mapping";
  }
  return "something else";
}

// A key of the document may be a URL in a wrong place, and those are not repeated.
std::string shown_key(std::string_view key) {
  return key.find("://") == std::string_view::npos ? std::string(key) : "(a URL, not shown)";
}

// What Kubernetes takes of RFC 3339: no space for the T, no leap second.
bool is_kubernetes_time(std::string_view text) {
  return text.size() > 18 && text[10] != ' ' && text.substr(17, 2) != "60";
}

// "environments" of "spec.environments[1]".
std::string_view last_name(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  std::string_view name = dot == std::string_view::npos ? path : path.substr(dot + 1);
  return name.substr(0, name.find('['));
}

}  // namespace

const Node* FieldReader::take(std::string_view name) {
  known_.push_back(name);
  const Node* node = node_.find(name);
  return node == nullptr || node->is_null() ? nullptr : node;
}

bool FieldReader::has(std::string_view name) const {
  const Node* node = node_.find(name);
  return node != nullptr && !node->is_null();
}

std::string FieldReader::child(std::string_view name) const {
  return path_.empty() ? shown_key(name) : joined(path_, name);
}

std::string FieldReader::joined(const std::string& path, std::string_view key) {
  return path + "." + shown_key(key);
}

void FieldReader::finish() const {
  for (const Member& member : node_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) == known_.end()) {
      std::string message = "unknown field";
      if (problems_.size() < kSuggestions) {
        message += "; " + suggestion(member.key, known_);
      }
      problems_.push_back({member.mark, child(member.key), std::move(message)});
    }
  }
}

void FieldReader::fail(std::string_view name, std::string message) {
  const Member* member = node_.member(name);
  problems_.push_back(
      {member == nullptr ? node_.mark : member->mark, child(name), std::move(message)});
}

void FieldReader::fail_missing(std::string_view name) {
  fail(name, fmt::format("is missing; write `{}: ...`", name));
}

void FieldReader::wrong_type(const Node& node, const std::string& path, std::string_view wanted,
                             std::string_view example) {
  const bool item = path.ends_with(']');
  const std::string_view name = last_name(path);
  problems_.push_back({node.mark, path,
                       fmt::format("wanted {}, got {}; write {}", wanted, came(node),
                                   item ? fmt::format("`- {}`", example)
                                        : fmt::format("`{}: {}`", name, example))});
}

void FieldReader::unknown_word(const Node& node, const std::string& path,
                               const std::vector<std::string_view>& known) {
  if (node.type != Node::Type::kString) {
    wrong_type(node, path, "a word", known.front());
    return;
  }
  problems_.push_back(
      {node.mark, path,
       fmt::format("{} is not known; {}", echo(node.text), suggestion(node.text, known))});
}

bool FieldReader::expect_map(const Node& node, const std::string& path) {
  if (!node.is_map()) {
    wrong_type(node, path, "a mapping", "{...}");
  }
  return node.is_map();
}

bool FieldReader::expect_list(const Node& node, const std::string& path) {
  if (node.type != Node::Type::kList) {
    wrong_type(node, path, "a list", "[...]");
    return false;
  }
  return true;
}

void FieldReader::read(const Node& node, const std::string& path, bool& value) {
  if (node.type == Node::Type::kBool) {
    value = node.boolean;
  } else {
    wrong_type(node, path, "a boolean", "true");
  }
}

void FieldReader::read(const Node& node, const std::string& path, std::int64_t& value) {
  if (node.type == Node::Type::kInteger) {
    value = node.integer;
  } else if (node.type == Node::Type::kNumber &&
             node.text.find_first_of(".eE") == std::string::npos) {
    problems_.push_back({node.mark, path, "out of range; the largest number is 2^63-1"});
  } else {
    wrong_type(node, path, "a whole number", "3");
  }
}

void FieldReader::read(const Node& node, const std::string& path, std::int32_t& value) {
  const std::size_t before = problems_.size();
  std::int64_t wide = value;
  read(node, path, wide);
  if (wide < std::numeric_limits<std::int32_t>::min() ||
      wide > std::numeric_limits<std::int32_t>::max()) {
    problems_.push_back({node.mark, path, "out of range; the largest number is 2147483647"});
  } else if (problems_.size() == before) {
    value = static_cast<std::int32_t>(wide);
  }
}

void FieldReader::read(const Node& node, const std::string& path, double& value) {
  if (node.type != Node::Type::kInteger && node.type != Node::Type::kNumber) {
    wrong_type(node, path, "a number", "1.5");
    return;
  }
  if (node.type == Node::Type::kInteger) {
    value = static_cast<double>(node.integer);
    return;
  }
  double parsed = 0;
  const auto end = std::from_chars(node.text.data(), node.text.data() + node.text.size(), parsed);
  if (end.ec != std::errc() || !std::isfinite(parsed)) {
    problems_.push_back({node.mark, path, "out of range for a number"});
    return;
  }
  value = parsed;
}

void FieldReader::read(const Node& node, const std::string& path, std::string& value) {
  if (node.type == Node::Type::kString) {
    value = node.text;
    return;
  }
  const bool scalar = node.type == Node::Type::kBool || node.type == Node::Type::kInteger ||
                      node.type == Node::Type::kNumber;
  if (scalar) {
    wrong_type(node, path, "a string",
               fmt::format("\"{}\"` with quotes, not `{}", node.text, node.text));
  } else {
    wrong_type(node, path, "a string", "\"text\"");
  }
}

void FieldReader::read(const Node& node, const std::string& path, Duration& value) {
  if (node.type != Node::Type::kString) {
    wrong_type(node, path, "a duration with its unit", "2s");
    return;
  }
  if (const Result<Duration> parsed = parse_duration(node.text)) {
    value = *parsed;
  } else {
    problems_.push_back(
        {node.mark, path,
         fmt::format("{} is no duration; write it like 300ms, 2s, 48h or 1h30m", echo(node.text))});
  }
}

void FieldReader::read(const Node& node, const std::string& path, WallTime& value) {
  if (node.type != Node::Type::kString) {
    wrong_type(node, path, "a time", "\"2024-01-15T12:00:00Z\"");
    return;
  }
  const Result<WallTime> parsed = parse_time(node.text);
  if (parsed && is_kubernetes_time(node.text)) {
    value = *parsed;
  } else {
    problems_.push_back(
        {node.mark, path,
         fmt::format("{} is no time; write it like 2024-01-15T12:00:00Z", echo(node.text))});
  }
}

void FieldReader::json(std::string_view name, std::string& member) {
  if (const Node* node = take(name)) {
    member = to_json(*node, KeyOrder::kSorted);
  }
}

void FieldReader::json_map(std::string_view name, std::map<std::string, std::string>& member) {
  const Node* node = take(name);
  if (node == nullptr || !expect_map(*node, child(name))) {
    return;
  }
  member.clear();
  for (const Member& entry : node->members) {
    member[entry.key] = to_json(entry.value, KeyOrder::kSorted);
  }
}

void FieldReader::one_or_many(std::string_view one, std::string_view many,
                              std::vector<std::string>& member) {
  const bool both = has(one) && has(many);
  if (const Node* node = take(one)) {
    member.assign(1, "");
    read(*node, child(one), member.front());
  }
  field(many, member);
  if (both) {
    fail(many, fmt::format("write either {} or {}, not both", one, many));
  }
}

void FieldReader::version_or_latest(std::string_view name, std::optional<std::int64_t>& member) {
  const Node* node = take(name);
  if (node == nullptr) {
    return;
  }
  if (node->type == Node::Type::kString) {
    if (node->text == "Latest") {
      member.reset();
    } else {
      problems_.push_back(
          {node->mark, child(name),
           fmt::format("wanted a whole number or Latest, got a string; write `{}: 3` without "
                       "quotes, or `{}: Latest`",
                       name, name)});
    }
    return;
  }
  std::int64_t value = 0;
  read(*node, child(name), value);
  member = value;
}

void FieldReader::number_in_string(std::string_view name, std::int64_t& member) {
  const Node* node = take(name);
  if (node == nullptr) {
    return;
  }
  std::int64_t value = 0;
  const char* end = node->text.data() + node->text.size();
  const auto parsed = std::from_chars(node->text.data(), end, value);
  if (node->type != Node::Type::kString || parsed.ec != std::errc() || parsed.ptr != end ||
      value < 0) {
    wrong_type(*node, child(name), "a number in a string", "\"42\"");
    return;
  }
  member = value;
}

bool FieldReader::marker(std::string_view name) {
  const Node* node = take(name);
  if (node == nullptr || !expect_map(*node, child(name))) {
    return false;
  }
  for (const Member& member : node->members) {
    problems_.push_back(
        {member.mark, child(name) + "." + member.key,
         fmt::format("unknown field; {} takes none, write `{}: {{}}`", name, name)});
  }
  return true;
}

}  // namespace ripcord::codec
