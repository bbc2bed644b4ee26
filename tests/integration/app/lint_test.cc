// SPDX-License-Identifier: Apache-2.0
// `ripcord validate --lint` as a pipeline calls it.
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

RunResult lint(const TempDir& dir, std::vector<std::string> options) {
  std::vector<std::string> argv = {
      "sh",       "-c",    "cd \"$0\" && exec \"$@\"", dir.path().string(), bin_dir() + "/ripcord",
      "validate", "--lint"};
  argv.insert(argv.end(), options.begin(), options.end());
  return run({.argv = argv});
}

TEST(Lint, PrintsFileLineAndColumnAndExitsWithTwo) {
  const TempDir dir;
  write_file(dir / "3_x.up.sql", "SELECT 'é';\n  ALTER TABLE users DROP COLUMN é;\n");
  const RunResult bad = lint(dir, {"."});
  EXPECT_EQ(bad.exit_code, 2) << bad.err;
  EXPECT_THAT(bad.out, HasSubstr("3_x.up.sql:2:3: error: DROP COLUMN users.é: "));
  EXPECT_THAT(bad.out, HasSubstr("Instead: "));
  EXPECT_THAT(bad.out, HasSubstr("[drop-column]\n1 files, 2 statements: 1 errors, 0 warnings"));
}

TEST(Lint, ExitsWithZeroOverWaivedFindingsAndNotes) {
  const TempDir dir;
  write_file(dir / "a.sql",
             "-- ripcord:allow drop-table: empty since March\nDROP TABLE t;\n"
             "ALTER TABLE u ADD COLUMN b int DEFAULT 0;\n");
  const RunResult good = lint(dir, {"a.sql"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.out, "1 files, 2 statements: 0 errors, 0 warnings, 1 waived, 1 notes\n");
  EXPECT_THAT(lint(dir, {"--notes", "a.sql"}).out, HasSubstr("[add-column-default]"));
}

TEST(Lint, ShowsPhasesAndHoldsADeclaredExpandToItsWord) {
  const TempDir dir;
  write_file(dir / "1_a.up.sql",
             "-- ripcord:phase Expand\nCREATE TABLE IF NOT EXISTS t (a bigint);\n");
  write_file(dir / "2_b.up.sql", "-- ripcord:phase Expand\nALTER TABLE t ADD COLUMN b bigint;\n");
  write_file(dir / "3_c.up.sql", "-- ripcord:phase Shrink\nSELECT 1;\n");
  write_file(dir / "4_d.up.sql", "ALTER TABLE t DROP COLUMN b;\n");
  const RunResult shown = lint(dir, {"--notes", "."});
  EXPECT_THAT(shown.out, HasSubstr("\n1_a.up.sql: Expand\n"));
  EXPECT_THAT(shown.out, HasSubstr("2_b.up.sql:2:1: error: declared Expand, but"));
  EXPECT_THAT(shown.out, HasSubstr("write ADD COLUMN IF NOT EXISTS"));
  EXPECT_THAT(shown.out, HasSubstr("[not-idempotent]"));
  EXPECT_THAT(shown.out, HasSubstr("3_c.up.sql:1:1: error: "));
  EXPECT_THAT(shown.out, HasSubstr("[bad-phase]"));
  EXPECT_THAT(shown.out, HasSubstr("\n4_d.up.sql: Contract (inferred)\n"));
}

TEST(Lint, ExitsWithOneWhenThereIsNothingToRead) {
  const TempDir dir;
  EXPECT_EQ(lint(dir, {"."}).exit_code, 1);
  const RunResult missing = lint(dir, {"nowhere.sql"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("nowhere.sql: no such file"));
}

TEST(Lint, ReadsBothHalvesOfAFileAndKnowsThatADownTakesBackItsUp) {
  for (const std::string mark : {"-- migrate:", "-- +goose ", "-- +migrate "}) {
    const TempDir dir;
    write_file(dir / "1_t.sql", mark + "Up\nCREATE TABLE t (a int);\n" + mark +
                                    "Down\nDROP TABLE t;\nDROP TABLE users;\n");
    const RunResult result = lint(dir, {"."});
    EXPECT_THAT(result.out, HasSubstr("1_t.sql:5:1: error: DROP TABLE users")) << mark;
    EXPECT_THAT(result.out, HasSubstr("1 errors, 0 warnings, 0 waived, 1 notes")) << mark;
  }
  const TempDir pairs;
  write_file(pairs / "V1__t.sql", "CREATE TABLE t (a int);");
  write_file(pairs / "U1__t.sql", "DROP TABLE t;");
  write_file(pairs / "2_u.up.sql", "CREATE TABLE u (a int);");
  write_file(pairs / "2_u.down.sql", "DROP TABLE u;");
  EXPECT_EQ(lint(pairs, {"."}).exit_code, 0);
}

TEST(Lint, GivesSqliteTheSchemaOfTheMigrationsBefore) {
  const TempDir dir;
  write_file(dir / "9_t.up.sql", "CREATE TABLE t (color text);");
  write_file(dir / "10_t.up.sql", "UPDATE t SET colour = 'red' WHERE color IS NULL;");
  const RunResult result = lint(dir, {"--engine", "sqlite", "."});
  EXPECT_THAT(result.out, HasSubstr("10_t.up.sql:1:1: warning: no such column: colour"));
}

TEST(Lint, AnnotatesForGithubWithNothingThatEndsTheCommandEarly) {
  const TempDir dir;
  write_file(dir / "a,b.sql", "DROP TABLE \"50%\";");
  const RunResult result = lint(dir, {"--output", "github", "."});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(
      result.out,
      HasSubstr("::error file=a%2Cb.sql,line=1,col=1,title=drop-table::DROP TABLE 50%25: "));
}

// Structure that code scanning demands, by jq; the whole schema when RIPCORD_SARIF_SCHEMA names it.
TEST(Lint, WritesSarif) {
  const TempDir dir;
  write_file(dir / "a b.sql",
             "-- ripcord:allow drop-table: it's \"old\"\nDROP TABLE t;\n TRUNCATE u;\n");
  const RunResult result = lint(dir, {"--output", "sarif", "."});
  EXPECT_EQ(result.exit_code, 2);
  write_file(dir / "out.sarif", result.out);
  const char* const kRight = R"(
    .version == "2.1.0" and (.["$schema"] | type) == "string" and (.runs | length) == 1 and
    (.runs[0] | .columnKind == "unicodeCodePoints" and .tool.driver.name == "ripcord" and
      ([.tool.driver.rules[].id] | length == (unique | length)) and
      ([.tool.driver.rules[] | .shortDescription.text, .help.text] | all(length > 0)) and
      (.tool.driver.rules as $rules | .results | length == 2 and
        all(.[]; . as $r | $rules[$r.ruleIndex].id == $r.ruleId and
          ([.level] | inside(["error", "warning", "note"])) and
          (.message.text | length > 0) and
          .locations[0].physicalLocation.artifactLocation.uri == "a%20b.sql") and
        .[0].suppressions == [{"kind": "inSource", "justification": "it's \"old\""}] and
        .[1].locations[0].physicalLocation.region == {"startLine": 3, "startColumn": 11} and
        (.[1] | has("suppressions") | not))))";
  const RunResult checked = run({.argv = {"jq", "-e", kRight, dir / "out.sarif"}});
  EXPECT_EQ(checked.exit_code, 0) << checked.err << result.out;
  if (const char* schema = std::getenv("RIPCORD_SARIF_SCHEMA")) {
    const RunResult valid =
        run({.argv = {"python3", "-m", "jsonschema", "-i", dir / "out.sarif", schema}});
    EXPECT_EQ(valid.exit_code, 0) << valid.out << valid.err;
  }
}

}  // namespace
}  // namespace ripcord
