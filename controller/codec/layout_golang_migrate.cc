// SPDX-License-Identifier: Apache-2.0
// 3_add_total.up.sql, 3_add_total.down.sql; the extension is free, a version may have one half.
#include "controller/codec/migration_files.h"
#include "controller/codec/migration_layout.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

class GolangMigrate final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kGolangMigrate; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      const auto name = parse_migration_name(file.name);
      if (!name || *name) {
        return fmt::format("{} is named like VERSION_TITLE.up.EXTENSION", file.name);
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    MigrationFiles all;
    for (const SourceFile& file : files) {
      ASSIGN_OR_RETURN(const auto name, parse_migration_name(file.name));
      if (name) {
        ASSIGN_OR_RETURN(std::string script, file.bytes);
        RETURN_IF_ERROR(all.add(file.name, *name, std::move(script)));
      }
    }
    return all.take();
  }
};

}  // namespace

std::unique_ptr<Layout> golang_migrate_layout() {
  return std::make_unique<GolangMigrate>();
}

}  // namespace ripcord::codec
