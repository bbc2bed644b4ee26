// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/migration_files.h"

#include <charconv>
#include <limits>
#include <regex>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {

Result<std::optional<MigrationFileName>> parse_migration_name(const std::string& file) {
  static const std::regex kPattern(R"(^([0-9]+)_(.*)\.(down|up)\.(.*)$)");
  std::smatch match;
  if (!std::regex_match(file, match, kPattern)) {
    return std::optional<MigrationFileName>{};
  }
  const std::string digits = match[1];
  std::uint64_t version = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (failed != std::errc{} || end != digits.data() + digits.size() ||
      version > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("{}: version {} is over 9223372036854775807; renumber it", file, digits),
        "BadMigration");
  }
  return MigrationFileName{static_cast<std::int64_t>(version), match[2], match[3] == "up"};
}

Status MigrationFiles::add(const std::string& file, const MigrationFileName& name,
                           std::string script) {
  Migration& migration = all_[name.version];
  std::optional<std::string>& half = name.up ? migration.up : migration.down;
  std::string& half_file = name.up ? migration.up_file : migration.down_file;
  if (half) {
    return {StatusCode::kInvalidArgument,
            fmt::format("{} and {} are both version {} {}; remove or renumber one", half_file, file,
                        name.version, name.up ? "up" : "down"),
            "BadMigration"};
  }
  if (script.starts_with("\xEF\xBB\xBF")) {
    script.erase(0, 3);
  }
  half = std::move(script);
  half_file = file;
  migration.version = name.version;
  if (migration.name.empty() || name.up) {
    migration.name = name.name;
  }
  return {};
}

std::vector<Migration> MigrationFiles::take() {
  std::vector<Migration> migrations;
  for (auto& [version, migration] : all_) {
    migrations.push_back(std::move(migration));
  }
  all_.clear();
  return migrations;
}

}  // namespace ripcord::codec
