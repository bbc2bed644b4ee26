// SPDX-License-Identifier: Apache-2.0
// What a path owes to the tool whose history is in the database.
#include "controller/policy/migration_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Migration flyway(std::int64_t version, const std::string& checksum) {
  Migration m;
  m.version = version;
  m.name = "m" + std::to_string(version);
  m.up = "up";
  m.up_file = "V" + std::to_string(version) + "__m.sql";
  m.layout = MigrationLayout::kFlyway;
  m.tool_checksum = checksum;
  return m;
}
Migration repeatable(const std::string& name, const std::string& checksum) {
  Migration m = flyway(0, checksum);
  m.name = name;
  m.up_file = "R__" + name + ".sql";
  m.repeatable = true;
  return m;
}
AppliedMigration applied(std::int64_t version, std::int64_t previous, const std::string& checksum) {
  AppliedMigration a;
  a.version = version;
  a.previous = previous;
  a.tool_checksum = checksum;
  return a;
}

// Flyway applied 1 and 2, and one repeatable migration.
struct FlywayWorld {
  MigrationVersionSpec spec;
  SchemaState state;
  std::vector<Migration> files = {flyway(1, "11"), flyway(2, "22"), repeatable("views", "7")};

  FlywayWorld() {
    state.history = MigrationLayout::kFlyway;
    state.version = 2;
    state.applied = {applied(1, -1, "11"), applied(2, 1, "22")};
    state.repeatables = {{"views", "7"}};
  }
  MigrationPath path() const { return migration_path(spec, state, files, WallTime{}); }
  std::vector<std::string> runs() const {
    std::vector<std::string> all;
    for (const PlannedStep& step : decide_migration(spec, path()).plan.steps) {
      all.push_back(step.summary);
    }
    return all;
  }
};

TEST(MigrationTools, ARepeatableMigrationRunsAgainOnlyWhenItChanged) {
  FlywayWorld w;
  EXPECT_THAT(w.runs(), IsEmpty());
  w.files.back().tool_checksum = "8";
  w.files.push_back(repeatable("more", "9"));
  EXPECT_THAT(w.runs(), ElementsAre("again R__views.sql", "again R__more.sql"));
  EXPECT_EQ(w.path().moves.back().step.version_after, 2);
  w.files.push_back(flyway(3, "33"));
  EXPECT_THAT(w.runs(), ElementsAre("up 3 m3", "again R__views.sql", "again R__more.sql"));
}

TEST(MigrationTools, ARepeatableMigrationRunsNeitherBelowTheLastVersionNorOnAWayDown) {
  FlywayWorld w;
  w.files.back().tool_checksum = "8";
  w.files.push_back(flyway(3, "33"));
  w.spec.version = 2;
  EXPECT_THAT(w.runs(), IsEmpty());
  w.spec.version = 1;
  EXPECT_THAT(w.runs(), ElementsAre(HasSubstr("down 2")));
}

TEST(MigrationTools, AFileThatTheToolSawOtherwiseIsNamed) {
  FlywayWorld w;
  w.files[1].tool_checksum = "23";
  EXPECT_THAT(w.path().drift, ElementsAre(HasSubstr("V2__m.sql was changed after it was applied")));
}

TEST(MigrationTools, AMissingFileIsNamedUnlessItsUndoIsRecorded) {
  FlywayWorld w;
  w.files.erase(w.files.begin());
  EXPECT_THAT(w.path().drift,
              ElementsAre(HasSubstr("version 1 is applied, but its file is missing")));
  w.state.applied[0].tool_file = "V1__users.sql";
  EXPECT_THAT(
      w.path().drift,
      ElementsAre(HasSubstr("version 1 is applied, but its file V1__users.sql is missing")));
  w.state.applied[0].down = "DROP TABLE t";
  EXPECT_THAT(w.path().drift, IsEmpty());
}

TEST(MigrationTools, AFileThatWasLeftOutHoldsTheWayUp) {
  FlywayWorld w;
  w.state.version = 3;
  w.state.applied = {applied(1, -1, "11"), applied(3, 1, "33")};
  w.files = {flyway(1, "11"), flyway(2, "22"), flyway(3, "33"), flyway(4, "44")};
  ASSERT_TRUE(w.path().hold);
  EXPECT_EQ(w.path().hold->reason, "OutOfOrder");
  EXPECT_THAT(w.path().hold->message, HasSubstr("V2__m.sql"));
  w.state.applied.back().previous.reset();  // a baseline
  EXPECT_FALSE(w.path().hold);
}

TEST(MigrationTools, AnUpForAnotherToolThanTheDatabasesIsHeld) {
  FlywayWorld w;
  w.state.history = MigrationLayout::kGoose;
  EXPECT_FALSE(w.path().hold) << "nothing to do, nothing to refuse";
  w.files.push_back(flyway(3, "33"));
  ASSERT_TRUE(w.path().hold);
  EXPECT_EQ(w.path().hold->reason, "ForeignTable");
  EXPECT_THAT(w.path().hold->message, HasSubstr("V3__m.sql is written for Flyway"));
  EXPECT_THAT(w.path().hold->message, HasSubstr("kept by goose"));
  w.spec.version = 1;
  EXPECT_FALSE(w.path().hold) << "the way down depends on the database alone";
}

TEST(MigrationTools, TheToolsOwnWordsSayWhyItIsDirty) {
  FlywayWorld w;
  w.state.dirty = true;
  w.state.dirty_detail = "Flyway recorded V2__m.sql as failed";
  ASSERT_TRUE(w.path().hold);
  EXPECT_EQ(w.path().hold->reason, "Dirty");
  EXPECT_EQ(w.path().hold->message, w.state.dirty_detail);
}

}  // namespace
}  // namespace ripcord
