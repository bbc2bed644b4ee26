// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/history_follower.h"

#include "tests/support/status_matchers.h"

namespace ripcord::codec {
namespace {

using ::testing::HasSubstr;
using Layout = MigrationLayout;

const HistoryTable kTable{"\"h\"", "h"};

MigrationStep step(Layout layout, std::int64_t version, Direction direction) {
  MigrationStep step;
  step.direction = direction;
  step.migration.layout = layout;
  step.migration.version = version;
  step.migration.tool_version = "000" + std::to_string(version);
  const std::int64_t after = direction == Direction::kUp ? version : version - 1;
  step.version_after = after > 0 ? std::optional(after) : std::nullopt;
  return step;
}

// A follower that has read versions 1 and 2 of dbmate.
class Following : public ::testing::Test {
 protected:
  Following() { EXPECT_TRUE(*follower_.take(dbmate_, {{"0001"}, {"0002"}})); }
  std::string sql() const { return follower_.look_sql(dbmate_, kTable); }
  std::int64_t version() const { return follower_.versions().version().value_or(-1); }

  const MigrationHistory& dbmate_ = history_of(Layout::kDbmate);
  HistoryFollower follower_;
};

TEST_F(Following, AsksForACountAndTheLastRowOnceItHasReadAll) {
  EXPECT_EQ(HistoryFollower().look_sql(dbmate_, kTable), dbmate_.select_sql(kTable));
  EXPECT_EQ(sql(), R"(SELECT count(*), count(CASE WHEN version = '0002' THEN 1 END) FROM "h")");
  EXPECT_TRUE(*follower_.take(dbmate_, {{"2", "1"}}));
  EXPECT_EQ(version(), 2);
}

TEST_F(Following, MovesWithItsOwnSteps) {
  follower_.follow(dbmate_, step(Layout::kDbmate, 3, Direction::kUp));
  EXPECT_THAT(sql(), HasSubstr("'0003'"));
  EXPECT_TRUE(*follower_.take(dbmate_, {{"3", "1"}}));
  EXPECT_EQ(version(), 3);
  for (const std::int64_t down : {3, 2, 1}) {
    follower_.follow(dbmate_, step(Layout::kDbmate, down, Direction::kDown));
  }
  EXPECT_EQ(sql(), R"(SELECT count(*), 1 FROM "h")");
  EXPECT_TRUE(*follower_.take(dbmate_, {{"0", "1"}}));
  EXPECT_EQ(version(), -1);
}

TEST_F(Following, ReadsAllWhenSomebodyElseHasWritten) {
  EXPECT_FALSE(*follower_.take(dbmate_, {{"3", "1"}}));
  EXPECT_EQ(sql(), dbmate_.select_sql(kTable));
  EXPECT_TRUE(*follower_.take(dbmate_, {{"0001"}, {"0002"}, {"0007"}}));
  EXPECT_EQ(version(), 7);
  EXPECT_FALSE(*follower_.take(dbmate_, {{"3", "0"}}));
}

TEST_F(Following, ReadsAllAfterAStepThatItCannotFollow) {
  follower_.follow(dbmate_, step(Layout::kDbmate, 1, Direction::kDown));
  EXPECT_EQ(sql(), dbmate_.select_sql(kTable));
}

TEST_F(Following, RefusesAVersionThatItsLastStepDidNotLeave) {
  follower_.follow(dbmate_, step(Layout::kDbmate, 3, Direction::kUp));
  EXPECT_FALSE(*follower_.take(dbmate_, {{"2", "0"}}));
  const HistoryRows rolled_back = {{"0001"}, {"0002"}};
  const auto taken = follower_.take(dbmate_, rolled_back);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason(), "VersionMismatch");
  EXPECT_THAT(taken.error().message(), HasSubstr("at version 2 by now, not at 3"));
  EXPECT_FALSE(follower_.knows());
  EXPECT_FALSE(follower_.take(dbmate_, rolled_back)) << "asked again it is no better";
  follower_.forget();
  EXPECT_TRUE(*follower_.take(dbmate_, rolled_back));
}

TEST(HistoryFollower, HoldsATableOfOneRowToItsLastStepToo) {
  const MigrationHistory& history = history_of(Layout::kGolangMigrate);
  HistoryFollower follower;
  EXPECT_TRUE(*follower.take(history, {{"1", "f"}}));
  follower.follow(history, step(Layout::kGolangMigrate, 2, Direction::kUp));
  EXPECT_TRUE(*follower.take(history, {{"2", "f"}}));
  EXPECT_FALSE(follower.take(history, {{"7", "f"}}));
}

TEST(HistoryFollower, AlwaysReadsAllOfATableWhoseRowsSayMore) {
  for (const Layout layout : {Layout::kGolangMigrate, Layout::kFlyway, Layout::kAtlas}) {
    HistoryFollower follower;
    const MigrationHistory& history = history_of(layout);
    EXPECT_TRUE(*follower.take(history, {}));
    EXPECT_EQ(follower.look_sql(history, kTable), history.select_sql(kTable));
  }
}

}  // namespace
}  // namespace ripcord::codec
