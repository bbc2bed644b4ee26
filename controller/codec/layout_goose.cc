// SPDX-License-Identifier: Apache-2.0
// 00001_users.sql with `-- +goose Up` and `-- +goose Down`, in any letter case.
#include "controller/codec/annotated_script.h"

#include <algorithm>
#include <array>
#include <regex>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

const std::regex& file_pattern() {
  static const std::regex kPattern(R"(^([0-9]+)_(.*)\.(sql|go)$)");
  return kPattern;
}

// The words behind `-- +goose`, in lower case with single spaces.
std::optional<std::string> command(std::string_view line) {
  if (line.substr(0, 2) != "--") {
    return std::nullopt;
  }
  std::string words;
  bool gap = false;
  for (const char c : line.substr(2)) {
    if (c == ' ' || c == '\t') {
      gap = !words.empty();
      continue;
    }
    words += gap ? " " : "";
    words += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    gap = false;
  }
  const std::string_view mark = "+goose";
  if (words.rfind(mark, 0) != 0) {
    return std::nullopt;
  }
  return words.size() > mark.size() ? words.substr(mark.size() + 1) : std::string();
}

Result<Annotation> annotation(std::string_view line) {
  const auto words = command(line);
  if (!words) {
    return Annotation::kNone;
  }
  constexpr std::array<std::pair<std::string_view, Annotation>, 5> kKnown{
      {{"up", Annotation::kUp},
       {"down", Annotation::kDown},
       {"statementbegin", Annotation::kStatementBegin},
       {"statementend", Annotation::kStatementEnd},
       {"no transaction", Annotation::kNoTransaction}}};
  for (const auto& [name, meaning] : kKnown) {
    if (*words == name) {
      return meaning;
    }
  }
  if (*words == "envsub off") {
    return Annotation::kNone;  // nothing is put in anyway
  }
  if (*words == "envsub on") {
    return error(StatusCode::kInvalidArgument,
                 "ENVSUB ON is not followed: a script that depends on the environment cannot be "
                 "recorded or repeated; write the values into it");
  }
  return error(StatusCode::kInvalidArgument,
               fmt::format("goose knows no annotation `+goose {}`; correct it", *words));
}

class Goose final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kGoose; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      if (!file.bytes || !std::regex_match(file.name, file_pattern())) {
        continue;
      }
      const Result<std::string> text = file.text();
      for (const std::string_view line : lines_of(*text)) {
        if (command(line) == "up") {
          return fmt::format("{} holds `-- +goose Up`", file.name);
        }
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    VersionTable table;
    for (const SourceFile& file : files) {
      std::smatch match;
      if (!std::regex_match(file.name, match, file_pattern())) {
        continue;
      }
      if (match[3] == "go") {
        if (file.name.find("_test.go") == std::string::npos) {
          return as_return(bad_file(file.name,
                                    "a migration in Go cannot be run here; write it in SQL, or "
                                    "let goose go past it first and move it away"));
        }
        continue;
      }
      ASSIGN_OR_RETURN(Migration migration, read_annotated(file, {annotation, true}));
      migration.tool_version = match[1];
      ASSIGN_OR_RETURN(migration.version, numeric_version(id(), file.name, migration.tool_version));
      if (migration.version == 0) {
        return as_return(bad_file(file.name, "goose counts from 1; renumber it"));
      }
      migration.name = match[2];
      migration.layout = id();
      RETURN_IF_ERROR(table.add(std::move(migration)));
    }
    return table.take();
  }
};

}  // namespace

std::unique_ptr<Layout> goose_layout() {
  return std::make_unique<Goose>();
}

}  // namespace ripcord::codec
