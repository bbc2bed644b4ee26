// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/at_risk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

SqlStatement losing(std::vector<DataLoss> losses, std::string unknown = "") {
  SqlStatement statement;
  statement.effects.loses = std::move(losses);
  statement.effects.unknown = std::move(unknown);
  return statement;
}

const DataLoss kTable{DataLoss::What::kTable, "orders"};
const DataLoss kEmail{DataLoss::What::kColumn, "users", "email"};

MigrationMove move(std::int64_t version, std::vector<SqlStatement> statements,
                   Direction direction = Direction::kDown) {
  MigrationMove made;
  made.step.direction = direction;
  made.step.migration.version = version;
  made.step.statements = std::move(statements);
  return made;
}

MigrationPath path() {
  MigrationPath made;
  made.moves = {move(4, {losing({kTable, kEmail}), losing({kTable})}),
                move(3, {losing({}, "it calls purge()")}), move(2, {losing({kTable})}),
                move(5, {losing({kTable})}, Direction::kUp)};
  made.moves[2].resumed = true;
  return made;
}

TEST(LossesOfAWayDown, AreEachThingOfEachVersionOnceAndWhatIsUnknown) {
  EXPECT_THAT(losses_of(path()), ElementsAre(LossAtRisk{4, kTable}, LossAtRisk{4, kEmail},
                                             LossAtRisk{3, {}, "it calls purge()"}));
}

DataLoss rows_where(std::string where) {
  DataLoss loss{DataLoss::What::kRows, "orders"};
  loss.where = std::move(where);
  return loss;
}

TEST(LossesOfAWayDown, AreExactRowsOnlyWhereNothingGoesBefore) {
  MigrationPath down;
  down.moves = {move(4, {losing({rows_where("a = 1")})}), move(3, {losing({rows_where("a = 1")})})};
  EXPECT_THAT(losses_of(down),
              ElementsAre(LossAtRisk{4, rows_where("a = 1")},
                          LossAtRisk{3, DataLoss{DataLoss::What::kRows, "orders"}}));
}

TEST(LossesOfAWayDown, AreOneThingForAllThatHappensToTheRowsOfATable) {
  DataLoss written{DataLoss::What::kRows, "orders"};
  written.overwrites = {"total"};
  written.keeps_rows = true;
  written.where = "a = 1";
  MigrationPath down;
  down.moves = {move(4, {losing({written}), losing({written})})};
  EXPECT_THAT(losses_of(down), ElementsAre(LossAtRisk{4, written}));
  DataLoss more = written;
  more.overwrites = {"state", "total"};
  down.moves = {move(4, {losing({written}), losing({more}), losing({rows_where("b = 1")})})};
  DataLoss both{DataLoss::What::kRows, "orders"};
  both.overwrites = {"total", "state"};
  EXPECT_THAT(losses_of(down), ElementsAre(LossAtRisk{4, both}));
}

TEST(LossesOfAWayDown, AreAtMostAsManyAsAStatusHolds) {
  MigrationPath many;
  for (std::int64_t i = 0; i < 60; ++i) {
    many.moves.push_back(move(60 - i, {losing({kTable})}));
  }
  EXPECT_EQ(losses_of(many).size(), kMaxAtRisk);
}

TEST(DataAtRiskText, SaysHowMuchAndHowNew) {
  const DataAtRisk counted{.version = 4,
                           .what = "column users.email",
                           .rows = 1204,
                           .newest = WallTime(std::chrono::seconds(1'768'478'400)),
                           .note = "",
                           .archive = ""};
  EXPECT_EQ(describe(counted), "column users.email: 1204 rows, the newest of 2026-01-15T12:00:00Z");
  EXPECT_EQ(describe({.version = 4,
                      .what = "rows of carts",
                      .rows = 1,
                      .at_most = true,
                      .newest = {},
                      .note = "an estimate",
                      .archive = ""}),
            "rows of carts: at most 1 row (an estimate)");
  EXPECT_EQ(describe({.version = 4,
                      .what = "unknown",
                      .rows = {},
                      .newest = {},
                      .note = "cannot be counted",
                      .archive = ""}),
            "unknown: cannot be counted");
  EXPECT_EQ(describe(std::vector<DataAtRisk>{}), "");
  EXPECT_EQ(describe(std::vector<DataAtRisk>(12, counted)).substr(0, 35),
            "At risk: column users.email: 1204 r");
  EXPECT_TRUE(describe(std::vector<DataAtRisk>(12, counted)).ends_with("; and 2 more"));
}

TEST(ArchiveOrders, AreOfLosingDownsThatHaveNotBegun) {
  const MigrationPath from = path();
  MigrationDecision decision;
  for (const MigrationMove& each : from.moves) {
    decision.steps.push_back(each.step);
  }
  std::vector<DataAtRisk> at_risk = {
      {.version = 4,
       .what = "column users.email",
       .rows = 1,
       .newest = {},
       .note = "",
       .archive = ""},
      {.version = 3, .what = "unknown", .rows = {}, .newest = {}, .note = "", .archive = ""},
      {.version = 4,
       .what = "rows of items, by its foreign key of_order (ON DELETE CASCADE)",
       .rows = 2,
       .newest = {},
       .note = "",
       .archive = ""}};
  order_archives({"/archive", ArchiveFormat::kCopyBinary}, "/archive/shop", from, decision,
                 at_risk);
  ASSERT_TRUE(decision.steps[0].archive);
  EXPECT_EQ(decision.steps[0].archive->folder, "/archive/shop-down-4");
  EXPECT_THAT(decision.steps[0].archive->items,
              ElementsAre(ArchiveOrder::Item{kTable, "01-table-orders.bin"},
                          ArchiveOrder::Item{kEmail, "02-column-users.email.bin"}));
  EXPECT_FALSE(decision.steps[1].archive) << "what is unknown cannot be copied";
  EXPECT_FALSE(decision.steps[2].archive) << "it had begun before";
  EXPECT_FALSE(decision.steps[3].archive) << "it goes up";
  EXPECT_EQ(at_risk[0].archive, "/archive/shop-down-4/02-column-users.email.bin");
  EXPECT_EQ(at_risk[1].archive, "");
  EXPECT_EQ(at_risk[2].archive, "/archive/shop-down-4") << "the driver names the file";
}

TEST(ArchiveOrders, NameFilesSoThatNoNameLeadsElsewhere) {
  MigrationPath from;
  from.moves = {move(1, {losing({{DataLoss::What::kTable, "../a b/\xC3\xA9\"'"},
                                 {DataLoss::What::kOther, "large objects"}})})};
  MigrationDecision decision;
  decision.steps = {from.moves[0].step};
  std::vector<DataAtRisk> none;
  order_archives({"/archive", ArchiveFormat::kCsv}, "/archive/shop", from, decision, none);
  ASSERT_TRUE(decision.steps[0].archive);
  EXPECT_THAT(decision.steps[0].archive->items,
              ElementsAre(Field(&ArchiveOrder::Item::file, "01-table-.._a_b_____.csv")));
}

}  // namespace
}  // namespace ripcord
