// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/migration_layout.h"

#include <algorithm>
#include <array>
#include <regex>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kBadMigration = "BadMigration";

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

// As the tools see it: word by word, up to one that begins a comment.
bool ends_statement(std::string_view line) {
  std::string_view last;
  for (std::size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    const std::string_view word = line.substr(at, end - at);
    if (word.substr(0, 2) == "--") {
      break;
    }
    last = word;
    at = line.find_first_not_of(" \t", end);
  }
  return !last.empty() && last.back() == ';';
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

}  // namespace

bool may_be_migration(const std::string& name) {
  static const std::regex kPattern(
      R"(^(.*\.sql|.*\.sql\.conf|atlas\.sum|[0-9]+_.*\.go|[0-9]+_.*\.(up|down)\..*)$)");
  return std::regex_match(name, kPattern);
}

Result<std::unique_ptr<Layout>> layout_of(const SourceFiles& files) {
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
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("spec.source: its files are {}: only one can be right; move the others to a "
                    "place of their own",
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
  if (chosen) {
    RETURN_IF_ERROR(check_atlas_sum(files));
  }
  return chosen;
}

Result<std::string> SourceFile::text() const {
  Result<std::string> read = bytes;
  if (read && read->rfind("\xEF\xBB\xBF", 0) == 0) {
    read->erase(0, 3);
  }
  return read;
}

Status bad_file(std::string_view file, std::string_view what) {
  return {StatusCode::kInvalidArgument, fmt::format("{}: {}", file, what),
          std::string(kBadMigration)};
}

Status bad_line(std::string_view file, std::size_t line, std::string_view what) {
  return bad_file(fmt::format("{}:{}", file, line), what);
}

Status VersionTable::add(Migration migration) {
  const auto [at, fresh] = all_.emplace(migration.version, migration);
  if (fresh) {
    return {};
  }
  Migration& there = at->second;
  const bool up = migration.up.has_value();
  if (up ? there.up.has_value() : there.down.has_value()) {
    return {StatusCode::kInvalidArgument,
            fmt::format("{} and {} are both version {} {}; remove or renumber one",
                        up ? there.up_file : there.down_file,
                        up ? migration.up_file : migration.down_file, migration.version,
                        up ? "up" : "down"),
            std::string(kBadMigration)};
  }
  if (up) {
    std::swap(there, migration);  // the up names it
  }
  there.down = std::move(migration.down);
  there.down_file = std::move(migration.down_file);
  return {};
}

Status VersionTable::check_text_order(MigrationLayout layout) const {
  const Migration* before = nullptr;
  for (const auto& [version, migration] : all_) {
    if (before != nullptr && before->up_file > migration.up_file) {
      return bad_file(migration.up_file,
                      fmt::format("out of order: {} sorts file names as text, and so would run it "
                                  "before {}; write all versions with the same number of digits",
                                  to_string(layout), before->up_file));
    }
    before = &migration;
  }
  return {};
}

std::vector<Migration> VersionTable::take() {
  std::vector<Migration> migrations;
  for (auto& [version, migration] : all_) {
    migrations.push_back(std::move(migration));
  }
  all_.clear();
  return migrations;
}

Result<std::int64_t> numeric_version(MigrationLayout layout, const std::string& file,
                                     std::string_view digits) {
  const auto version = version_number(layout, digits);
  if (!version) {
    return as_return(
        bad_file(file, fmt::format("version {} is over 9223372036854775807; renumber it", digits)));
  }
  return *version;
}

std::string LineScript::script() const {
  const std::size_t end = text_.find_last_not_of('\n');
  return end == std::string::npos ? std::string() : text_.substr(0, end + 1) + "\n";
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void StatementEnds::line(std::string_view text, std::size_t number) {
  if (block_ != 0 || blank(text) || text.substr(0, 2) == "--") {
    return;
  }
  if (ends_statement(text)) {
    open_ = 0;
  } else if (open_ == 0 && text.substr(text.find_first_not_of(" \t"), 2) != "--") {
    open_ = number;
  }
}

Status StatementEnds::begin(std::string_view file, std::size_t number) {
  if (block_ != 0) {
    return bad_line(file, number,
                    fmt::format("StatementBegin inside the one of line {}; end that one with "
                                "StatementEnd first",
                                block_));
  }
  block_ = number;
  return {};
}

Status StatementEnds::end(std::string_view file, std::size_t number) {
  if (block_ == 0) {
    return bad_line(file, number, "StatementEnd without a StatementBegin; remove it");
  }
  block_ = 0;
  open_ = 0;
  return {};
}

Status StatementEnds::closed(std::string_view file) const {
  if (block_ != 0) {
    return bad_line(file, block_, "StatementBegin without a StatementEnd; add it");
  }
  if (open_ != 0) {
    return bad_line(file, open_,
                    "the last statement does not end with a semicolon; add it, or put the "
                    "statement between StatementBegin and StatementEnd");
  }
  return {};
}

}  // namespace ripcord::codec
