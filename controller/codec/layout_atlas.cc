// SPDX-License-Identifier: Apache-2.0
// 20240101_users.sql without a down, and atlas.sum over all of them.
#include "controller/codec/migration_layout.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// A directive counts in the comments at the top, with an empty line behind them.
struct Directives {
  bool alone = false;  // txmode none
  bool checkpoint = false;
  bool archive = false;
  std::string delimiter;
};

Directives directives_of(const std::vector<std::string_view>& lines) {
  constexpr std::string_view kMark = "atlas:";
  Directives top;
  for (const std::string_view line : lines) {
    if (line.substr(0, 2) != "--" && line.substr(0, 1) != "#") {
      return line.empty() ? top : Directives{};
    }
    const std::size_t mark = line.find(kMark);
    if (mark == std::string_view::npos) {
      continue;
    }
    const std::string_view rest = line.substr(mark + kMark.size());
    const std::string_view name = rest.substr(0, rest.find(' '));
    std::string_view value = rest.substr(name.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    top.alone = top.alone || (name == "txmode" && value == "none");
    top.checkpoint = top.checkpoint || name == "checkpoint";
    top.archive = top.archive || name == "txtar";
    if (name == "delimiter") {
      top.delimiter = value;
    }
  }
  return top;
}

// Statements are told apart by their grammar: a delimiter that is none of SQL's would stay in them.
bool is_foreign(const std::string& delimiter) {
  return !delimiter.empty() && delimiter.rfind("--", 0) != 0 &&
         delimiter.find_first_not_of(";\\nrt ") != std::string::npos;
}

class Atlas final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kAtlas; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    const bool sum = std::any_of(files.begin(), files.end(),
                                 [](const SourceFile& file) { return file.name == "atlas.sum"; });
    return sum ? std::optional<std::string>("atlas.sum is there") : std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    static const std::regex kName(R"(^([0-9]+)(?:_(.*))?\.sql$)");
    ASSIGN_OR_RETURN(const auto hashes, atlas_hashes(files));
    VersionTable table;
    for (const SourceFile& file : files) {
      if (file.name.size() < 4 || file.name.compare(file.name.size() - 4, 4, ".sql") != 0) {
        continue;
      }
      std::smatch match;
      if (!std::regex_match(file.name, match, kName)) {
        return as_return(bad_file(file.name,
                                  "its version is not a number; rename it, e.g. "
                                  "20240115093000_add_total.sql, and hash the directory again"));
      }
      ASSIGN_OR_RETURN(Migration migration, read_file(file));
      ASSIGN_OR_RETURN(migration.version, numeric_version(id(), file.name, match[1].str()));
      migration.name = match[2];
      migration.tool_version = match[1];
      const auto hash = hashes.find(file.name);
      migration.tool_checksum = hash == hashes.end() ? "" : hash->second;
      RETURN_IF_ERROR(table.add(std::move(migration)));
    }
    RETURN_IF_ERROR(table.check_text_order(id()));
    return table.take();
  }

 private:
  Result<Migration> read_file(const SourceFile& file) const {
    ASSIGN_OR_RETURN(const std::string text, file.text());
    const Directives directives = directives_of(lines_of(text));
    if (directives.checkpoint) {
      return as_return(bad_file(file.name,
                                "atlas:checkpoint is not followed: the files before it are run "
                                "one by one; move the checkpoint away and hash again"));
    }
    if (directives.archive) {
      return as_return(bad_file(file.name, "atlas:txtar is not read; write plain SQL"));
    }
    if (is_foreign(directives.delimiter)) {
      return as_return(bad_file(file.name, fmt::format("atlas:delimiter {} is not followed; end "
                                                       "statements with semicolons",
                                                       directives.delimiter)));
    }
    Migration migration;
    migration.up = directives.alone ? without_transaction(text) : text;
    migration.up_file = file.name;
    migration.layout = id();
    return migration;
  }
};

}  // namespace

std::unique_ptr<Layout> atlas_layout() {
  return std::make_unique<Atlas>();
}

}  // namespace ripcord::codec
