// SPDX-License-Identifier: Apache-2.0
#include "controller/model/migration.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

namespace ripcord {
namespace {

constexpr std::int64_t kPart = 100;  // room of Flyway's second and third part
constexpr std::size_t kParts = 3;

std::optional<std::int64_t> number(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(end);
  return failed == std::errc{} ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> dotted(std::string_view text) {
  std::vector<std::int64_t> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find_first_of("._", begin), text.size());
    const auto part = number(text.substr(begin, end - begin));
    if (!part) {
      return std::nullopt;
    }
    parts.push_back(*part);
    begin = end + 1;
  }
  while (parts.size() > 1 && parts.back() == 0) {
    parts.pop_back();  // 1.0 is 1
  }
  if (parts.size() > kParts) {
    return std::nullopt;
  }
  parts.resize(kParts);
  if (parts[0] > std::numeric_limits<std::int64_t>::max() / (kPart * kPart) - 1 ||
      parts[1] >= kPart || parts[2] >= kPart) {
    return std::nullopt;
  }
  return (parts[0] * kPart + parts[1]) * kPart + parts[2];
}

}  // namespace

std::string_view to_string(MigrationLayout layout) {
  switch (layout) {
    case MigrationLayout::kGolangMigrate:
      return "golang-migrate";
    case MigrationLayout::kDbmate:
      return "dbmate";
    case MigrationLayout::kGoose:
      return "goose";
    case MigrationLayout::kFlyway:
      return "Flyway";
    case MigrationLayout::kSqlMigrate:
      return "sql-migrate";
    case MigrationLayout::kAtlas:
      return "Atlas";
  }
  return "unknown";
}

std::optional<std::int64_t> version_number(MigrationLayout layout, std::string_view text) {
  switch (layout) {
    case MigrationLayout::kFlyway:
      return dotted(text);
    case MigrationLayout::kSqlMigrate:
      return number(text.substr(0, text.find_first_not_of("0123456789")));
    default:
      return number(text);
  }
}

std::string without_transaction(std::string script) {
  if (!script.empty() && script.back() != '\n') {
    script += '\n';
  }
  return script.append(kNoTransactionMark);
}

bool runs_without_transaction(std::string_view script) {
  const std::size_t end = script.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) {
    return false;
  }
  script = script.substr(0, end + 1);
  const std::size_t line = script.rfind('\n');
  return script.substr(line == std::string_view::npos ? 0 : line + 1) == kNoTransactionMark;
}

}  // namespace ripcord
