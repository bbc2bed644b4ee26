// SPDX-License-Identifier: Apache-2.0
// 1_users.sql with `-- +migrate Up` and `-- +migrate Down`, which may alternate; the option
// notransaction. The history knows a migration by the name of its file.
#include "controller/codec/annotated_script.h"

#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kPrefix = "-- +migrate ";

Result<Annotation> annotation(std::string_view line) {
  if (line.substr(0, kPrefix.size()) != kPrefix) {
    return Annotation::kNone;
  }
  std::istringstream words{std::string(line.substr(kPrefix.size()))};
  std::string command;
  words >> command;
  bool alone = false;
  for (std::string option; words >> option;) {
    alone = alone || option == "notransaction";
  }
  if (command == "Up") {
    return alone ? Annotation::kUpAlone : Annotation::kUp;
  }
  if (command == "Down") {
    return alone ? Annotation::kDownAlone : Annotation::kDown;
  }
  if (command == "StatementBegin") {
    return Annotation::kStatementBegin;
  }
  if (command == "StatementEnd") {
    return Annotation::kStatementEnd;
  }
  return error(StatusCode::kInvalidArgument,
               fmt::format("sql-migrate knows no annotation `+migrate {}`; correct it", command));
}

class SqlMigrate final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kSqlMigrate; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      if (!file.bytes || !is_sql(file)) {
        continue;
      }
      const Result<std::string> text = file.text();
      for (const std::string_view line : lines_of(*text)) {
        const auto found = annotation(line);
        if (found && (*found == Annotation::kUp || *found == Annotation::kUpAlone)) {
          return fmt::format("{} holds `-- +migrate Up`", file.name);
        }
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    static const std::regex kName(R"(^([0-9]+)[_-]?(.*)\.sql$)");
    VersionTable table;
    for (const SourceFile& file : files) {
      if (!is_sql(file)) {
        continue;
      }
      std::smatch match;
      if (!std::regex_match(file.name, match, kName)) {
        return as_return(bad_file(file.name,
                                  "has no number in front, which its version would be; rename it, "
                                  "e.g. 3_add_total.sql"));
      }
      ASSIGN_OR_RETURN(Migration migration, read_annotated(file, {annotation, false}));
      ASSIGN_OR_RETURN(migration.version, numeric_version(id(), file.name, match[1].str()));
      migration.name = match[2];
      migration.layout = id();
      migration.tool_version = file.name;
      RETURN_IF_ERROR(table.add(std::move(migration)));
    }
    return table.take();
  }

 private:
  static bool is_sql(const SourceFile& file) {
    return file.name.size() > 4 && file.name.compare(file.name.size() - 4, 4, ".sql") == 0;
  }
};

}  // namespace

std::unique_ptr<Layout> sql_migrate_layout() {
  return std::make_unique<SqlMigrate>();
}

}  // namespace ripcord::codec
