// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace ripcord::codec {
namespace {

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                         ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                         "+.INF", "-.inf", "-.Inf", "-.INF"};

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}

Node number_text(std::string_view text) {
  Node node;
  node.type = Node::Type::kNumber;
  node.text = text;
  return node;
}

// The parts of a decimal number: [-+] digits [. digits] [e [-+] digits].
struct Decimal {
  bool matched = false;  // the whole text
  bool plus = false;
  std::size_t whole = 0;
  bool leading_zero = false;
  bool point = false;
  std::size_t fraction = 0;
};

Decimal decimal_parts(std::string_view text) {
  Decimal parts;
  std::size_t at = 0;
  const auto sign = [&] {
    const bool found = at < text.size() && (text[at] == '-' || text[at] == '+');
    at += found ? 1 : 0;
    return found;
  };
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && digit(text[at])) {
      ++at;
    }
    return at - first;
  };
  parts.plus = sign() && text[0] == '+';
  parts.leading_zero = at < text.size() && text[at] == '0';
  parts.whole = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    parts.point = true;
    parts.fraction = digits();
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    sign();
    if (digits() == 0) {
      return parts;
    }
  }
  parts.matched = at == text.size();
  return parts;
}

// Such a text is kept as it is, so that 10.0 stays 10.0.
bool json_number(std::string_view text) {
  const Decimal parts = decimal_parts(text);
  return parts.matched && !parts.plus && parts.whole > 0 &&
         !(parts.leading_zero && parts.whole > 1) && (!parts.point || parts.fraction > 0);
}

bool float_grammar(std::string_view text) {
  const Decimal parts = decimal_parts(text);
  return parts.matched && parts.whole + parts.fraction > 0;
}

std::optional<Node> float_of(std::string_view text) {
  if (!float_grammar(text)) {
    return std::nullopt;
  }
  const std::string_view body = text.starts_with('+') ? text.substr(1) : text;
  double value = 0;
  const auto end = std::from_chars(body.data(), body.data() + body.size(), value);
  if (end.ec != std::errc() && value == 0) {
    // from_chars does not tell an underflow (Go: 0) from an overflow (Go: text).
    if (body.find("e-") == std::string_view::npos && body.find("E-") == std::string_view::npos) {
      return std::nullopt;
    }
  } else if (end.ec != std::errc() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return json_number(body) ? number_text(body) : Node::number_of(value);
}

// Sign, then decimal, 0x hexadecimal, 0b binary, 0o or a leading 0 octal.
std::optional<Node> integer_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || text.starts_with('+')) {
    digits.remove_prefix(1);
  }
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char mark = digits[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    const bool letter = base != 8 || mark == 'o' || mark == 'O';
    digits.remove_prefix(letter ? 2 : 1);
  }
  std::uint64_t value = 0;
  const char* last = digits.data() + digits.size();
  const auto end = std::from_chars(digits.data(), last, value, base);
  if (digits.empty() || end.ptr != last) {
    return std::nullopt;
  }
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (end.ec == std::errc() && value <= kLargest) {
    const auto signed_value = static_cast<std::int64_t>(value);
    return Node::integer_of(negative ? -signed_value : signed_value);
  }
  if (end.ec == std::errc() && negative && value == kLargest + 1) {
    return Node::integer_of(std::numeric_limits<std::int64_t>::min());
  }
  // Too large for 64 bits with sign: still a number, and out of range wherever one is wanted.
  const std::string_view body = text.starts_with('+') ? text.substr(1) : text;
  return json_number(body) ? number_text(body)
                           : number_text(negative ? "-9223372036854775809" : "9223372036854775808");
}

}  // namespace

Node resolve_plain(std::string_view text) {
  if (one_of(kNull, text)) {
    return {};
  }
  if (one_of(kTrue, text) || one_of(kFalse, text)) {
    Node node = Node::boolean_of(one_of(kTrue, text));
    node.text = text;
    return node;
  }
  if (one_of(kNotFinite, text)) {
    return number_text(text);
  }
  const char first = text.front();
  if (first == '.') {
    if (const std::optional<Node> number = float_of(text)) {
      return *number;
    }
  } else if (digit(first) || first == '-' || first == '+') {
    std::string plain(text);
    std::erase(plain, '_');
    std::optional<Node> number = integer_of(plain);
    if (!number) {
      number = float_of(plain);
    }
    if (number) {
      if (number->type == Node::Type::kInteger) {
        number->text = text;
      }
      return *number;
    }
  }
  return Node::string_of(std::string(text));
}

bool is_finite_number(const Node& node) {
  return node.type != Node::Type::kNumber || !one_of(kNotFinite, node.text);
}

}  // namespace ripcord::codec
