// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/schema_database/schema_world.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;
using Version = std::optional<std::int64_t>;
constexpr auto kSoon = std::chrono::seconds(10);

class SchemaDatabaseContract : public ::testing::TestWithParam<SchemaAdapter> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    if (!world_) {
      GTEST_SKIP() << "no server installed";
    }
  }

  std::unique_ptr<SchemaDatabase> open() {
    auto database = world_->databases().open(world_->ref());
    EXPECT_OK(database);
    return std::move(*database);
  }

  MigrationStep step(Direction direction, std::int64_t version, Version after,
                     const std::string& script) {
    MigrationStep made;
    made.direction = direction;
    made.migration.version = version;
    made.migration.name = fmt::format("m{}", version);
    (direction == Direction::kUp ? made.migration.up : made.migration.down) = script;
    if (direction == Direction::kUp) {
      made.migration.down = fmt::format("DROP TABLE t{}", version);
    }
    auto statements = world_->inspector().inspect(world_->ref().engine, script);
    EXPECT_OK(statements);
    made.statements = std::move(*statements);
    made.version_after = after;
    return made;
  }
  MigrationStep up(std::int64_t version) {
    return step(Direction::kUp, version, version,
                fmt::format("CREATE TABLE t{0} (a int); INSERT INTO t{0} VALUES (1);", version));
  }
  MigrationStep down(std::int64_t version, Version after) {
    return step(Direction::kDown, version, after, fmt::format("DROP TABLE t{}", version));
  }

  SchemaState read() {
    auto state = open()->read();
    EXPECT_OK(state);
    return state.value_or(SchemaState{});
  }

  std::unique_ptr<SchemaWorld> world_;
  MigrationPolicy policy_;
};

TEST_P(SchemaDatabaseContract, ANewDatabaseHasNothingAppliedAndReadingLeavesItSo) {
  EXPECT_EQ(read(), SchemaState{});
  EXPECT_EQ(read(), SchemaState{});
}

TEST_P(SchemaDatabaseContract, RecordsEachMigrationWithItsUndo) {
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  for (const std::int64_t version : {1, 2, 5}) {
    ASSERT_OK((*session)->run(up(version), policy_, {}));
    const auto seen = (*session)->read();
    ASSERT_OK(seen);
    EXPECT_EQ(seen->version, version);
  }
  const auto inside = (*session)->read();
  session->reset();
  const SchemaState state = read();
  ASSERT_OK(inside);
  EXPECT_EQ(*inside, state) << "the session and everybody else see the same";
  EXPECT_EQ(state.version, 5);
  ASSERT_EQ(state.applied.size(), 3U);
  EXPECT_EQ(state.applied[2].version, 5);
  EXPECT_EQ(state.applied[2].name, "m5");
  EXPECT_EQ(state.applied[2].down, "DROP TABLE t5");
  EXPECT_FALSE(state.dirty);
  EXPECT_FALSE(state.unfinished);
}

TEST_P(SchemaDatabaseContract, RunsAStepOnceHoweverOftenItIsAsked) {
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  ASSERT_OK((*session)->run(up(1), policy_, {}));
  ASSERT_OK((*session)->run(up(2), policy_, {}));
  const auto before = (*session)->read();
  ASSERT_OK((*session)->run(up(2), policy_, {}));
  EXPECT_EQ(*before, *(*session)->read());
  ASSERT_OK((*session)->run(down(2, 1), policy_, {}));
  ASSERT_OK((*session)->run(down(2, 1), policy_, {}));
  EXPECT_EQ((*session)->read()->version, 1);
}

TEST_P(SchemaDatabaseContract, GoesDownToNothingAndUpAgain) {
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK((*session)->run(up(1), policy_, {}));
    ASSERT_OK((*session)->run(up(2), policy_, {}));
    ASSERT_OK((*session)->run(down(2, 1), policy_, {}));
    ASSERT_OK((*session)->run(down(1, Version{}), policy_, {}));
    const auto state = (*session)->read();
    ASSERT_OK(state);
    EXPECT_EQ(state->version, Version{});
    EXPECT_TRUE(state->applied.empty());
  }
}

TEST_P(SchemaDatabaseContract, LetsOnlyOneHoldTheLock) {
  auto first = open();
  auto second = open();
  auto session = first->lock(kSoon, {});
  ASSERT_OK(session);
  const auto refused = second->lock(std::chrono::milliseconds(20), {});
  EXPECT_CODE(refused, StatusCode::kUnavailable);
  EXPECT_EQ(status_of(refused).reason(), "Locked");
  session->reset();
  EXPECT_OK(second->lock(kSoon, {}));
}

TEST_P(SchemaDatabaseContract, ChangesNothingWhenAStatementFails) {
  if (!world_->runs_sql()) {
    GTEST_SKIP() << "runs no SQL";
  }
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  ASSERT_OK((*session)->run(up(1), policy_, {}));
  MigrationStep bad = step(Direction::kUp, 2, 2, "CREATE TABLE t2 (a int);\n\nSELECT\n  nonsense;");
  bad.migration.up_file = "2_m2.up.sql";
  const Status failed = (*session)->run(bad, policy_, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), HasSubstr("2_m2.up.sql:4"));
  EXPECT_THAT(failed.message(), HasSubstr("nonsense"));
  EXPECT_EQ((*session)->read()->version, 1);
  ASSERT_OK((*session)->run(up(2), policy_, {}));  // t2 is not there
}

TEST_P(SchemaDatabaseContract, RunsSeveralStepsInOrderAndSaysHowManyAreDone) {
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  const std::vector<MigrationStep> steps{up(1), up(2), down(2, 1), up(2), up(3)};
  std::span<const MigrationStep> left = steps;
  while (!left.empty()) {
    const StepsRun ran = (*session)->run_some(left, policy_, {});
    ASSERT_OK(ran.status);
    ASSERT_GT(ran.done, 0U);
    ASSERT_LE(ran.done, left.size());
    EXPECT_EQ(read().version, left[ran.done - 1].version_after) << "seen by everybody";
    left = left.subspan(ran.done);
  }
  EXPECT_EQ(read().applied.size(), 3U);
}

TEST_P(SchemaDatabaseContract, KeepsTheStepsBeforeOneThatFails) {
  if (!world_->runs_sql()) {
    GTEST_SKIP() << "runs no SQL";
  }
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  const std::string half = "CREATE TABLE t3 (a int); SELECT nonsense;";
  const std::vector<MigrationStep> steps{up(1), up(2), step(Direction::kUp, 3, 3, half), up(4)};
  std::span<const MigrationStep> left = steps;
  StepsRun ran;
  while (ran.status.ok() && !left.empty()) {
    ran = (*session)->run_some(left, policy_, {});
    left = left.subspan(ran.done);
  }
  EXPECT_CODE(ran.status, StatusCode::kFailedPrecondition);
  EXPECT_THAT(ran.status.message(), HasSubstr("nonsense"));
  EXPECT_EQ(left.size(), 2U);
  EXPECT_EQ((*session)->read()->version, 2);
  EXPECT_EQ((*session)->read()->applied.size(), 2U);
  ASSERT_OK((*session)->run(up(3), policy_, {}));  // t3 is not there
  EXPECT_EQ(read().version, 3);
}

TEST_P(SchemaDatabaseContract, RefusesADownFromAVersionThatIsNotTheCurrentOne) {
  if (!world_->runs_sql()) {
    GTEST_SKIP() << "keeps no order";
  }
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  for (const std::int64_t version : {1, 2, 3}) {
    ASSERT_OK((*session)->run(up(version), policy_, {}));
  }
  EXPECT_CODE((*session)->run(down(2, 1), policy_, {}), StatusCode::kConflict);
  EXPECT_EQ((*session)->read()->version, 3);
}

TEST_P(SchemaDatabaseContract, RunsAMigrationWithoutAStatement) {
  auto database = open();
  auto session = database->lock(kSoon, {});
  ASSERT_OK(session);
  ASSERT_OK((*session)->run(step(Direction::kUp, 1, 1, "-- nothing to do"), policy_, {}));
  EXPECT_EQ((*session)->read()->version, 1);
}

INSTANTIATE_TEST_SUITE_P(Adapters, SchemaDatabaseContract,
                         ::testing::Values(postgres_schemas(), sqlite_schemas(),
                                           simulated_schemas()),
                         [](const auto& adapter) { return adapter.param.name; });

}  // namespace
}  // namespace ripcord
