// SPDX-License-Identifier: Apache-2.0
#include "adapters/migrationdir/migration_directory.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <regex>

#include <fmt/format.h>

namespace ripcord::migrationdir {
namespace {

namespace fs = std::filesystem;
constexpr std::uintmax_t kMaxFileBytes = 8 * 1024 * 1024;

struct FileName {
  std::int64_t version = 0;
  std::string name;
  bool up = false;
};

// Nothing for a file that is no migration.
Result<std::optional<FileName>> parse_name(const std::string& file) {
  static const std::regex kPattern(R"(^([0-9]+)_(.*)\.(down|up)\.(.*)$)");
  std::smatch match;
  if (!std::regex_match(file, match, kPattern)) {
    return std::optional<FileName>{};
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
  return FileName{static_cast<std::int64_t>(version), match[2], match[3] == "up"};
}

Result<std::string> read_script(const fs::path& path) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  if (!failed && size > kMaxFileBytes) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("{}: {} bytes; at most {} are allowed", path.string(), size, kMaxFileBytes),
        "BadMigration");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (failed || !file.good()) {
    return error(StatusCode::kUnavailable, fmt::format("{}: cannot be read", path.string()),
                 "SourceUnreadable");
  }
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) {
    text.erase(0, 3);
  }
  return text;
}

Status add_file(const fs::path& path, std::map<std::int64_t, Migration>& all) {
  const std::string file = path.filename().string();
  ASSIGN_OR_RETURN(const std::optional<FileName> name, parse_name(file));
  if (!name) {
    return {};
  }
  Migration& migration = all[name->version];
  std::optional<std::string>& script = name->up ? migration.up : migration.down;
  std::string& script_file = name->up ? migration.up_file : migration.down_file;
  if (script) {
    return {StatusCode::kInvalidArgument,
            fmt::format("{} and {} are both version {} {}; remove or renumber one", script_file,
                        file, name->version, name->up ? "up" : "down"),
            "BadMigration"};
  }
  ASSIGN_OR_RETURN(script, read_script(path));
  script_file = file;
  migration.version = name->version;
  if (migration.name.empty() || name->up) {
    migration.name = name->name;
  }
  return {};
}

Result<std::vector<Migration>> load_directory(const std::string& directory) {
  std::error_code failed;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(directory, failed), end; !failed && it != end;
       it.increment(failed)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) {
      files.push_back(it->path());
    }
  }
  if (failed) {
    return error(
        StatusCode::kFailedPrecondition,
        fmt::format("spec.source.directory: {}: {}; make the directory readable or correct "
                    "the path",
                    directory, failed.message()),
        "SourceNotFound");
  }
  std::sort(files.begin(), files.end());
  std::map<std::int64_t, Migration> all;
  for (const fs::path& path : files) {
    RETURN_IF_ERROR(add_file(path, all));
  }
  std::vector<Migration> migrations;
  for (auto& [version, migration] : all) {
    migrations.push_back(std::move(migration));
  }
  return migrations;
}

}  // namespace

Result<std::vector<Migration>> MigrationDirectory::load(const MigrationSourceRef& ref) {
  if (!ref.directory.empty()) {
    return load_directory(ref.directory);
  }
  std::vector<Migration> migrations = ref.inline_migrations;
  std::stable_sort(migrations.begin(), migrations.end(),
                   [](const Migration& a, const Migration& b) { return a.version < b.version; });
  const auto twice = std::adjacent_find(
      migrations.begin(), migrations.end(),
      [](const Migration& a, const Migration& b) { return a.version == b.version; });
  if (twice != migrations.end()) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("spec.source.inline: version {} is there twice; remove or renumber one",
                    twice->version),
        "BadMigration");
  }
  return migrations;
}

}  // namespace ripcord::migrationdir
