// SPDX-License-Identifier: Apache-2.0
// 20240101_users.sql with `-- migrate:up` and `-- migrate:down`, each with options
// (transaction:false). Both blocks have to be there, each once; the second may be empty.
#include "controller/codec/migration_layout.h"

#include <regex>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::size_t kLongestAnnotation = 1000;

const std::regex& file_pattern() {
  static const std::regex kPattern(R"(^([0-9]+)_?(.*)\.sql$)");
  return kPattern;
}

// The options behind `-- migrate:up`, when the line is such a one.
std::optional<std::string> block(std::string_view line, std::string_view direction) {
  static const std::regex kBlock(R"(^--\s*migrate:(up|down)(\s.*)?$)");
  std::cmatch match;
  // An annotation is short; the library recurses over what is not.
  if (line.substr(0, 2) != "--" || line.size() > kLongestAnnotation ||
      !std::regex_match(line.data(), line.data() + line.size(), match, kBlock) ||
      match[1].str() != direction) {
    return std::nullopt;
  }
  return match[2].str();
}

bool refuses_transaction(const std::string& options) {
  static const std::regex kOption(R"((^|\s)transaction:false(\s|$))");
  return std::regex_search(options, kOption);
}

struct Blocks {
  std::size_t up = 0;  // lines; 0 = none
  std::size_t down = 0;
  bool up_alone = false;  // without a transaction
  bool down_alone = false;
};

Result<Blocks> find_blocks(const std::string& file, const std::vector<std::string_view>& lines) {
  Blocks found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const bool up : {true, false}) {
      const auto options = block(lines[i], up ? "up" : "down");
      if (!options) {
        continue;
      }
      std::size_t& line = up ? found.up : found.down;
      if (line != 0) {
        return as_return(bad_line(file, i + 1,
                                  fmt::format("a second block migrate:{0}, after that of line {1}; "
                                              "dbmate runs the first and stumbles over the next: "
                                              "join them, or make two files",
                                              up ? "up" : "down", line)));
      }
      line = i + 1;
      (up ? found.up_alone : found.down_alone) = refuses_transaction(*options);
    }
    const bool code = lines[i].find_first_not_of(" \t") != std::string_view::npos &&
                      lines[i].substr(lines[i].find_first_not_of(" \t"), 2) != "--";
    if (found.up == 0 && found.down == 0 && code) {
      return as_return(bad_line(file, i + 1, "a statement in front of `-- migrate:up`; move it"));
    }
  }
  if (found.up == 0 || found.down == 0) {
    return as_return(bad_file(file, fmt::format("has no `-- migrate:{}`; dbmate needs both blocks",
                                                found.up == 0 ? "up" : "down")));
  }
  if (found.down < found.up) {
    return as_return(bad_line(file, found.down, "migrate:down stands in front of migrate:up"));
  }
  return found;
}

class Dbmate final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kDbmate; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      if (!file.bytes || !std::regex_match(file.name, file_pattern())) {
        continue;
      }
      const Result<std::string> text = file.text();
      for (const std::string_view line : lines_of(*text)) {
        if (block(line, "up")) {
          return fmt::format("{} holds `-- migrate:up`", file.name);
        }
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    VersionTable table;
    for (const SourceFile& file : files) {
      std::smatch match;
      if (std::regex_match(file.name, match, file_pattern())) {
        ASSIGN_OR_RETURN(Migration migration, read_file(file, match[1], match[2]));
        RETURN_IF_ERROR(table.add(std::move(migration)));
      }
    }
    RETURN_IF_ERROR(table.check_text_order(id()));
    return table.take();
  }

 private:
  Result<Migration> read_file(const SourceFile& file, const std::string& digits,
                              const std::string& name) const {
    Migration migration;
    ASSIGN_OR_RETURN(migration.version, numeric_version(id(), file.name, digits));
    ASSIGN_OR_RETURN(const std::string text, file.text());
    const std::vector<std::string_view> lines = lines_of(text);
    ASSIGN_OR_RETURN(const Blocks blocks, find_blocks(file.name, lines));
    LineScript up;
    LineScript down;
    for (std::size_t line = 1; line <= lines.size(); ++line) {
      line < blocks.down ? up.take(lines[line - 1]) : up.skip();
      line < blocks.down ? down.skip() : down.take(lines[line - 1]);
    }
    migration.name = name;
    migration.up = blocks.up_alone ? without_transaction(up.script()) : up.script();
    migration.down = blocks.down_alone ? without_transaction(down.script()) : down.script();
    migration.up_file = migration.down_file = file.name;
    migration.layout = id();
    migration.tool_version = digits;
    return migration;
  }
};

}  // namespace

std::unique_ptr<Layout> dbmate_layout() {
  return std::make_unique<Dbmate>();
}

}  // namespace ripcord::codec
