// SPDX-License-Identifier: Apache-2.0
#include "adapters/migrationdir/migration_directory.h"

#include "controller/codec/migration_files.h"
#include "controller/codec/migration_layout.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace ripcord::migrationdir {
namespace {

namespace fs = std::filesystem;
using codec::kMaxMigrationBytes;

Result<std::string> read_bytes(const fs::path& path) {
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

template <class Iterator>
Result<codec::SourceFiles> list(const std::string& directory) {
  std::error_code failed;
  codec::SourceFiles files;
  for (Iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code ignored;
    const std::string name = it->path().lexically_relative(directory).string();
    if (it->is_regular_file(ignored) && codec::may_be_migration(name)) {
      files.push_back({name, read_bytes(it->path())});
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
  std::sort(files.begin(), files.end(),
            [](const codec::SourceFile& a, const codec::SourceFile& b) { return a.name < b.name; });
  return files;
}

Result<std::vector<Migration>> load_directory(const std::string& directory) {
  ASSIGN_OR_RETURN(codec::SourceFiles files, list<fs::directory_iterator>(directory));
  auto layout = codec::layout_of(files);
  if (!layout) {
    return as_return(layout.error());
  }
  if (*layout == nullptr) {
    return std::vector<Migration>{};
  }
  if ((*layout)->id() == MigrationLayout::kFlyway) {  // alone in looking into folders
    ASSIGN_OR_RETURN(files, list<fs::recursive_directory_iterator>(directory));
  }
  return (*layout)->read(files);
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
