// SPDX-License-Identifier: Apache-2.0
// V1.2__add_total.sql, U1.2__add_total.sql (undo), R__views.sql (again whenever it changes), and
// beside each NAME.sql.conf with executeInTransaction=false.
#include "controller/base/crc32.h"
#include "controller/codec/migration_layout.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::size_t kLongestSetting = 1000;

const std::regex& file_pattern() {
  static const std::regex kPattern(R"(^(?:.*/)?(?:([VUB])([0-9][0-9._]*?)|(R))__(.*)\.sql$)");
  return kPattern;
}

bool is_callback(const std::string& file) {
  static const std::regex kPattern(R"(^(?:.*/)?(before|after)[A-Z][A-Za-z]*(__.*)?\.sql$)");
  return std::regex_match(file, kPattern);
}

bool is_misspelt(const std::string& file) {
  static const std::regex kPattern(R"(^(?:.*/)?[VU][0-9].*\.sql$)");
  return std::regex_match(file, kPattern);
}

// Of the lines without their ends, as a signed number: what Flyway keeps.
std::string checksum_of(std::string_view text) {
  Crc32 crc;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    crc.update(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::to_string(static_cast<std::int32_t>(crc.value()));
}

std::string words_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

// What NAME.sql.conf says.
struct ScriptSettings {
  bool in_transaction = true;
  bool placeholders = true;
};

Result<ScriptSettings> settings_of(const SourceFiles& files, const std::string& script) {
  ScriptSettings settings;
  const auto conf = std::find_if(files.begin(), files.end(), [&](const SourceFile& file) {
    return file.name == script + ".conf";
  });
  if (conf == files.end()) {
    return settings;
  }
  ASSIGN_OR_RETURN(const std::string text, conf->text());
  static const std::regex kLine(R"(^\s*([A-Za-z.]+)\s*=\s*(\S*)\s*$)");
  for (const std::string_view line : lines_of(text)) {
    std::cmatch match;
    if (line.size() > kLongestSetting ||
        !std::regex_match(line.data(), line.data() + line.size(), match, kLine)) {
      continue;
    }
    const bool off = match[2] == "false";
    if (match[1] == "executeInTransaction") {
      settings.in_transaction = !off;
    } else if (match[1] == "placeholderReplacement") {
      settings.placeholders = !off;
    }
  }
  return settings;
}

Result<std::string> script_of(const SourceFile& file, const ScriptSettings& settings,
                              const std::string& text) {
  const std::size_t at = settings.placeholders ? text.find("${") : std::string::npos;
  if (at != std::string::npos) {
    const auto line =
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    return as_return(bad_line(
        file.name, static_cast<std::size_t>(line) + 1,
        fmt::format("placeholders such as {} are not filled in here; write the value, or put "
                    "placeholderReplacement=false into {}.conf when it is none",
                    text.substr(at, std::min<std::size_t>(text.find('}', at) - at + 1, 40)),
                    file.name)));
  }
  return settings.in_transaction ? text : without_transaction(text);
}

class Flyway final : public Layout {
 public:
  MigrationLayout id() const override { return MigrationLayout::kFlyway; }

  std::optional<std::string> sign(const SourceFiles& files) const override {
    for (const SourceFile& file : files) {
      if (std::regex_match(file.name, file_pattern())) {
        return fmt::format("{} is named like V1__TITLE.sql", file.name);
      }
    }
    return std::nullopt;
  }

  Result<std::vector<Migration>> read(const SourceFiles& files) const override {
    VersionTable table;
    std::vector<Migration> repeatables;
    for (const SourceFile& file : files) {
      std::smatch match;
      if (!std::regex_match(file.name, match, file_pattern())) {
        RETURN_IF_ERROR(refuse_neighbour(file.name));
        continue;
      }
      ASSIGN_OR_RETURN(Migration migration, read_file(files, file));
      migration.name = words_of(match[4]);
      if (match[3].matched) {
        migration.repeatable = true;
        repeatables.push_back(std::move(migration));
        continue;
      }
      RETURN_IF_ERROR(number(migration, file.name, match[2]));
      if (match[1] == "B") {
        return as_return(bad_file(file.name,
                                  "baseline migrations are not read; on an empty database the V "
                                  "files do the same: move it away"));
      }
      if (match[1] == "U") {
        std::swap(migration.up, migration.down);
        std::swap(migration.up_file, migration.down_file);
      }
      RETURN_IF_ERROR(table.add(std::move(migration)));
    }
    std::vector<Migration> migrations = table.take();
    RETURN_IF_ERROR(append(migrations, std::move(repeatables)));
    return migrations;
  }

 private:
  static Status refuse_neighbour(const std::string& file) {
    if (is_callback(file)) {
      return bad_file(file, "callbacks are not run; move what it does into a migration");
    }
    if (is_misspelt(file)) {
      return bad_file(file, "is not named like V1.2__TITLE.sql (two underscores); rename it");
    }
    return {};
  }

  Result<Migration> read_file(const SourceFiles& files, const SourceFile& file) const {
    ASSIGN_OR_RETURN(const std::string text, file.text());
    ASSIGN_OR_RETURN(const ScriptSettings settings, settings_of(files, file.name));
    Migration migration;
    ASSIGN_OR_RETURN(migration.up, script_of(file, settings, text));
    migration.up_file = file.name;
    migration.layout = id();
    migration.tool_checksum = checksum_of(text);
    return migration;
  }

  Status number(Migration& migration, const std::string& file, const std::string& text) const {
    const auto version = version_number(id(), text);
    if (!version) {
      return bad_file(file, fmt::format("version {} is too long: at most three parts, the second "
                                        "and third up to 99 (1.2.3 is 10203 here); renumber it",
                                        text));
    }
    migration.version = *version;
    migration.tool_version = text;
    std::replace(migration.tool_version.begin(), migration.tool_version.end(), '_', '.');
    return {};
  }

  static Status append(std::vector<Migration>& migrations, std::vector<Migration> repeatables) {
    std::sort(repeatables.begin(), repeatables.end(),
              [](const Migration& a, const Migration& b) { return a.name < b.name; });
    for (Migration& each : repeatables) {
      if (!migrations.empty() && migrations.back().repeatable &&
          migrations.back().name == each.name) {
        return bad_file(each.up_file, fmt::format("has the same title as {}; rename one",
                                                  migrations.back().up_file));
      }
      migrations.push_back(std::move(each));
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Layout> flyway_layout() {
  return std::make_unique<Flyway>();
}

}  // namespace ripcord::codec
