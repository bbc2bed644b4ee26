// SPDX-License-Identifier: Apache-2.0
#include "adapters/migrationdir/migration_directory.h"

#include "adapters/migrationdir/layout.h"
#include "controller/codec/migration_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

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

// What any layout could be about; the rest is not opened.
bool may_matter(const std::string& name) {
  static const std::regex kPattern(
      R"(^(.*\.sql|.*\.sql\.conf|atlas\.sum|[0-9]+_.*\.go|[0-9]+_.*\.(up|down)\..*)$)");
  return std::regex_match(name, kPattern);
}

template <class Iterator>
Result<SourceFiles> list(const std::string& directory) {
  std::error_code failed;
  SourceFiles files;
  for (Iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code ignored;
    const std::string name = it->path().lexically_relative(directory).string();
    if (it->is_regular_file(ignored) && may_matter(name)) {
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
            [](const SourceFile& a, const SourceFile& b) { return a.name < b.name; });
  return files;
}

// Nobody's files would else pass for an empty directory.
Status refuse_unknown(const SourceFiles& files) {
  static const std::regex kNumbered(R"(^[0-9]+.*\.sql$)");
  for (const SourceFile& file : files) {
    if (std::regex_match(file.name, kNumbered)) {
      return bad_file(file.name,
                      "nothing tells whose migration this is: golang-migrate's are named "
                      "3_add_total.up.sql, Flyway's V3__add_total.sql; dbmate's hold `-- "
                      "migrate:up`, goose's `-- +goose Up`, sql-migrate's `-- +migrate Up`; Atlas "
                      "keeps an atlas.sum beside them");
    }
  }
  return {};
}

// Null for a directory without migrations.
Result<std::unique_ptr<Layout>> choose(const SourceFiles& files) {
  std::array<std::unique_ptr<Layout>, 5> known{golang_migrate_layout(), dbmate_layout(),
                                               goose_layout(), flyway_layout(),
                                               sql_migrate_layout()};
  std::unique_ptr<Layout> chosen;
  std::string signs;
  int count = 0;
  for (std::unique_ptr<Layout>& layout : known) {
    if (const auto sign = layout->sign(files)) {
      signs +=
          fmt::format("{}{}'s ({})", count == 0 ? "" : " and ", to_string(layout->id()), *sign);
      ++count;
      chosen = std::move(layout);
    }
  }
  if (count > 1) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.source.directory: its files are {}: only one can be right; move "
                             "the others to a directory of their own",
                             signs),
                 "AmbiguousLayout");
  }
  if (!chosen) {
    chosen = atlas_layout();
    if (!chosen->sign(files)) {
      RETURN_IF_ERROR(refuse_unknown(files));
      chosen.reset();
    }
  }
  return chosen;
}

Result<std::vector<Migration>> load_directory(const std::string& directory) {
  ASSIGN_OR_RETURN(SourceFiles files, list<fs::directory_iterator>(directory));
  ASSIGN_OR_RETURN(const std::unique_ptr<Layout> layout, choose(files));
  if (!layout) {
    return std::vector<Migration>{};
  }
  RETURN_IF_ERROR(check_atlas_sum(files));
  if (layout->id() == MigrationLayout::kFlyway) {  // alone in looking into folders
    ASSIGN_OR_RETURN(files, list<fs::recursive_directory_iterator>(directory));
  }
  return layout->read(files);
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
