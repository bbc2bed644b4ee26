// SPDX-License-Identifier: Apache-2.0
// 3_add_total.up.sql, 3_add_total.down.sql; the extension is free, a version may have one half.
#include "adapters/migrationdir/layout.h"

#include <regex>

#include <fmt/format.h>

namespace ripcord::migrationdir {
namespace {

const std::regex& pattern() {
  static const std::regex kPattern(R"(^([0-9]+)_(.*)\.(down|up)\.(.*)$)");
  return kPattern;
}

class GolangMigrate final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kGolangMigrate; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      if (std::regex_match(file.name, pattern())) {
        return fmt::format("{} is named like VERSION_TITLE.up.EXTENSION", file.name);
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    VersionTable table;
    for (const SourceFile& file : files) {
      std::smatch match;
      if (!std::regex_match(file.name, match, pattern())) {
        continue;
      }
      Migration migration;
      ASSIGN_OR_RETURN(migration.version, numeric_version(id(), file.name, match[1].str()));
      migration.name = match[2];
      const bool up = match[3] == "up";
      ASSIGN_OR_RETURN((up ? migration.up : migration.down), file.text());
      (up ? migration.up_file : migration.down_file) = file.name;
      RETURN_IF_ERROR(table.add(std::move(migration)));
    }
    return table.take();
  }
};

}  // namespace

std::unique_ptr<Layout> golang_migrate_layout() {
  return std::make_unique<GolangMigrate>();
}

}  // namespace ripcord::migrationdir
