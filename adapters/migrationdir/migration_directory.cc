// SPDX-License-Identifier: Apache-2.0
#include "adapters/migrationdir/migration_directory.h"

#include "controller/codec/migration_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace ripcord::migrationdir {
namespace {

namespace fs = std::filesystem;
using codec::kMaxMigrationBytes;

Result<std::string> read_script(const fs::path& path) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  if (!failed && size > kMaxMigrationBytes) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: {} bytes; at most {} are allowed", path.string(), size,
                             kMaxMigrationBytes),
                 "BadMigration");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (failed || !file.good()) {
    return error(StatusCode::kUnavailable, fmt::format("{}: cannot be read", path.string()),
                 "SourceUnreadable");
  }
  return text;
}

Status add_file(const fs::path& path, codec::MigrationFiles& all) {
  const std::string file = path.filename().string();
  ASSIGN_OR_RETURN(const std::optional<codec::MigrationFileName> name,
                   codec::parse_migration_name(file));
  if (!name) {
    return {};
  }
  ASSIGN_OR_RETURN(std::string script, read_script(path));
  return all.add(file, *name, std::move(script));
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
  codec::MigrationFiles all;
  for (const fs::path& path : files) {
    RETURN_IF_ERROR(add_file(path, all));
  }
  return all.take();
}

}  // namespace

Result<std::vector<Migration>> MigrationDirectory::load(const MigrationSourceRef& ref) {
  if (ref.config_map) {
    return error(StatusCode::kInvalidArgument,
                 "only on Kubernetes: spec.source.configMapRef needs a cluster; run ripcord with "
                 "--in-cluster or --kubeconfig, or use source.directory",
                 "OnlyOnKubernetes");
  }
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
