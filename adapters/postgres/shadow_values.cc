// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_values.h"

#include "adapters/postgres/connection.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr int kLongText = 40;
constexpr int kWideDigits = 12;

// As long as a varchar(n) lets it be.
std::string text_of(const SeedColumn& column, int n, bool wide) {
  std::string text = fmt::format("s{}", n);
  const int limit = column.modifier >= 4 ? column.modifier - 4 : kLongText;
  if (limit < static_cast<int>(text.size())) {
    return std::string(1, static_cast<char>('a' + n % 26));
  }
  while (wide && static_cast<int>(text.size()) < std::min(limit, kLongText)) {
    text += static_cast<char>('a' + text.size() % 26);
  }
  return text;
}

// Every digit behind the point that the type keeps is there, none of them a zero.
std::string fraction_of(const SeedColumn& column, int n, bool wide) {
  int precision = 20;
  int scale = column.base_type == "money" ? 2 : 4;
  if (column.base_type == "numeric" && column.modifier >= 4) {
    precision = (column.modifier - 4) >> 16;
    scale = (column.modifier - 4) & 0x7ff;
    scale = scale >= 1024 ? 0 : scale;  // below zero: whole numbers
  }
  const int digits = std::clamp(precision - scale, 0, kWideDigits);
  const std::string whole =
      wide ? std::string(static_cast<std::size_t>(digits), '8') : fmt::format("{}", n);
  const bool fits = static_cast<int>(whole.size()) <= digits;
  const std::string text = digits == 0 ? "0"
                           : fits      ? whole
                                  : whole.substr(whole.size() - static_cast<std::size_t>(digits));
  return scale == 0 ? text
                    : fmt::format("{}.{}", text,
                                  std::string(static_cast<std::size_t>(scale),
                                              static_cast<char>('1' + n % 9)));
}

std::string number_of(const SeedColumn& column, int n, bool wide) {
  const std::string& type = column.base_type;
  if (type == "numeric" || type == "money" || type.starts_with("float")) {
    return fraction_of(column, n, wide);
  }
  const std::int64_t far = type == "int8"   ? 3'000'000'000
                           : type == "int4" ? 2'000'000'000
                           : type == "int2" ? 30'000
                                            : 0;
  return fmt::format("{}", wide ? far + n : n);
}

std::string moment_of(const std::string& type, int n) {
  const std::string day = fmt::format("2001-{:02}-{:02}", 1 + n / 28 % 12, 1 + n % 28);
  if (type == "date") {
    return day;
  }
  return type.starts_with("timestamp") ? fmt::format("{} 12:34:56.{:06}", day, 123456 + n)
                                       : fmt::format("12:34:{:02}.{:06}", n % 60, 123456 + n);
}

// Ranges of one column do not overlap.
std::optional<std::string> range_of(const SeedColumn& column, int n) {
  if (column.element_category == 'N') {
    return fmt::format("[{},{})", 10 * n, 10 * n + 5);
  }
  return column.element_category == 'D'
             ? std::optional(fmt::format("[{},{})", moment_of(column.element, n),
                                         moment_of(column.element, n + 1)))
             : std::nullopt;
}

std::optional<std::string> special_of(const std::string& type, int n) {
  if (type == "uuid") {
    return fmt::format("00000000-0000-4000-8000-{:012}", n);
  }
  if (type == "json" || type == "jsonb") {
    return fmt::format(R"({{"n": {}}})", n);
  }
  if (type == "bytea") {
    return fmt::format("\\x{:02x}", n % 256);
  }
  if (type == "macaddr") {
    return fmt::format("08:00:2b:01:02:{:02x}", n % 256);
  }
  if (type == "xml") {
    return fmt::format("<n>{}</n>", n);
  }
  if (type == "hstore") {
    return fmt::format("n=>{}", n);
  }
  if (type == "pg_lsn") {
    return fmt::format("0/{:x}", n);
  }
  return type == "tsvector" || type == "tsquery" || type == "ltree"
             ? std::optional(fmt::format("s{}", n))
             : std::nullopt;
}

// In text form.
std::optional<std::string> text_form(const SeedColumn& column, int n, bool wide) {
  switch (column.category) {
    case 'N':
      return number_of(column, n, wide);
    case 'B':
      return n % 2 == 0 ? "true" : "false";
    case 'S':
      return text_of(column, n, wide);
    case 'D':
      return moment_of(column.base_type, n);
    case 'T':
      return fmt::format("{}.123456 seconds", n);
    case 'I':
      return fmt::format("10.0.{}.{}{}", n / 256 % 256, n % 256,
                         column.base_type == "cidr" ? "/32" : "");
    case 'V':
      return std::string(static_cast<std::size_t>(std::max(1, column.modifier)),
                         n % 2 == 0 ? '0' : '1');
    case 'G':
      return column.base_type == "point" ? std::optional(fmt::format("({},{})", n, n))
                                         : std::nullopt;
    case 'R':
      return range_of(column, n);
    default:
      return special_of(column.base_type, n);
  }
}

}  // namespace

std::optional<std::string> seed_value(const SeedColumn& column, int n, bool wide) {
  const bool array = column.category == 'A';
  const char category = array ? column.element_category : column.category;
  if (!column.words.empty() && (category == 'E' || category == 'S')) {
    const std::string& word = column.words[static_cast<std::size_t>(n) % column.words.size()];
    return array ? "array[" + word + "]" : word;
  }
  SeedColumn one = column;
  if (array) {
    one.category = column.element_category;
    one.base_type = column.element;
  }
  const auto text = text_form(one, n, wide);
  if (!text) {
    return std::nullopt;
  }
  const std::string quoted = Connection::quote_literal(*text);
  return array ? "array[" + quoted + "]" : quoted;
}

}  // namespace ripcord::postgres
