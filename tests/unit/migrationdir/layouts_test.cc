// SPDX-License-Identifier: Apache-2.0
// Reads every directory of tests/golden/migrations/<layout>/<case> and compares what it holds, or
// why it is refused, with <case>.expected. RIPCORD_WRITE_GOLDEN in the environment writes these
// anew.
#include "adapters/migrationdir/migration_directory.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace ripcord::migrationdir {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto& layout : fs::directory_iterator(source_dir() + "/tests/golden/migrations")) {
    for (const auto& each : fs::directory_iterator(layout.path())) {
      if (each.is_directory()) {
        found.push_back(each.path());
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string show(std::string_view title, const std::optional<std::string>& script,
                 const std::string& file) {
  if (!script) {
    return fmt::format("--- no {}\n", title);
  }
  return fmt::format("--- {} of {}{}\n{}{}", title, file,
                     runs_without_transaction(*script) ? ", without a transaction" : "", *script,
                     script->empty() || script->back() == '\n' ? "" : "\n");
}

std::string show(const Result<std::vector<Migration>>& loaded) {
  if (!loaded) {
    return to_string(loaded.error()) + "\n";
  }
  std::string text;
  for (const Migration& m : *loaded) {
    text +=
        fmt::format("=== {} \"{}\" of {}, there '{}'{}{}\n",
                    m.repeatable ? "again" : std::to_string(m.version), m.name, to_string(m.layout),
                    m.tool_version, m.tool_checksum.empty() ? "" : ", checksum ", m.tool_checksum);
    text += show("up", m.up, m.up_file) + show("down", m.down, m.down_file);
  }
  return text.empty() ? "nothing\n" : text;
}

TEST(MigrationLayouts, AreReadAsTheirToolsReadThemOrRefusedByFile) {
  const std::vector<fs::path> all = cases();
  ASSERT_GT(all.size(), 60U);
  MigrationDirectory source;
  for (const fs::path& directory : all) {
    std::string actual = show(source.load({directory.string(), {}}));
    // Messages may name the directory.
    for (std::size_t at; (at = actual.find(directory.string())) != std::string::npos;) {
      actual.replace(at, directory.string().size(), "DIRECTORY");
    }
    const std::string expected = directory.string() + ".expected";
    if (std::getenv("RIPCORD_WRITE_GOLDEN") != nullptr) {
      write_file(expected, actual);
    }
    EXPECT_EQ(read_file(expected), actual) << directory;
  }
}

TEST(MigrationLayouts, SurviveLinesOfAMegabyte) {
  const std::string blob(1024 * 1024, 'x');
  for (const std::string& start : {std::string("-- migrate:up "), std::string("-- +goose Up\n-- "),
                                   std::string("-- +migrate Up\nSELECT '"), std::string("-- "),
                                   std::string("SELECT '"), std::string("#")}) {
    const TempDir directory;
    write_file(directory / "1_a.sql", start + blob);
    write_file(directory / "atlas.sum", "h1:" + blob + "\n");
    write_file(directory / "V1__a.sql.conf", "a=" + blob);
    MigrationDirectory source;
    EXPECT_CODE(source.load({directory.path().string(), {}}), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ripcord::migrationdir
