// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/unseen_loss.h"

#include <gmock/gmock.h>

namespace ripcord {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UnseenLoss, KnowsWhichTypesKeepEveryValue) {
  struct Types {
    std::string_view from;
    std::string_view to;
    bool keeps;
  };
  const Types all[] = {
      {"smallint", "bigint", true},
      {"bigint", "integer", false},
      {"integer", "numeric", true},
      {"bigint", "numeric(18,0)", false},
      {"integer", "numeric(12,2)", true},
      {"numeric(8,2)", "numeric(10,2)", true},
      {"numeric(8,2)", "numeric(8,3)", false},
      {"numeric", "numeric(8,2)", false},
      {"numeric(8,2)", "numeric", true},
      {"numeric(8,2)", "integer", false},
      {"integer", "double precision", true},
      {"bigint", "double precision", false},
      {"double precision", "real", false},
      {"real", "double precision", true},
      {"character varying(10)", "character varying(20)", true},
      {"character varying(20)", "character varying(10)", false},
      {"text", "character varying(10)", false},
      {"character varying(10)", "text", true},
      {"jsonb", "text", true},
      {"json", "jsonb", false},
      {"timestamp without time zone", "timestamp with time zone", true},
      {"timestamp with time zone", "date", false},
      {"date", "timestamp without time zone", true},
      {"timestamp without time zone", "timestamp(0) without time zone", false},
      {"timestamp(0) without time zone", "timestamp(3) without time zone", true},
      {"integer[]", "bigint[]", true},
      {"bigint[]", "integer[]", false},
      {"mood", "mood", true},
      {"text", "mood", false},
  };
  for (const Types& each : all) {
    EXPECT_EQ(keeps_every_value(each.from, each.to), each.keeps) << each.from << " " << each.to;
  }
}

UnseenLosses losses(const DataLoss& loss, const TableContent& was, const TableContent& is) {
  TrialStage stage;
  stage.content["public.t"] = was;
  return unseen_losses({loss}, {}, stage, {{"public.t", is}}, "up");
}

DataLoss written(std::string column) {
  DataLoss loss{DataLoss::What::kRows, "t"};
  loss.overwrites = {std::move(column)};
  loss.keeps_rows = true;
  return loss;
}

TEST(UnseenLoss, IsNoneWhereRowsWereMetAndSaidNothing) {
  const TableContent was{{"a", "b"}, {{"1", "x"}, {"2", "y"}}};
  const DataLoss rows{DataLoss::What::kRows, "t"};
  EXPECT_THAT(losses(rows, was, {{"a", "b"}, {{"1", "x"}}}).lost, IsEmpty());
  EXPECT_THAT(losses(rows, was, was).lost, ElementsAre("rows of public.t, by the up"));
  EXPECT_THAT(losses(written("b"), was, {{"a", "b"}, {{"1", "z"}, {"2", "y"}}}).lost, IsEmpty());
  EXPECT_THAT(losses(written("b"), was, was).lost, ElementsAre("content of public.t.b, by the up"));
  EXPECT_THAT(losses(written("c"), was, was).lost, IsEmpty()) << "the up made it";
}

TEST(UnseenLoss, NamesColumnsThatCouldNotTellRowsApart) {
  const TableContent was{{"a", "b"}, {{"1", std::nullopt}, {"2", std::nullopt}}};
  EXPECT_THAT(losses({DataLoss::What::kTable, "t"}, was, was).blind, ElementsAre("public.t.b"));
  EXPECT_THAT(losses({DataLoss::What::kColumn, "t", "b"}, was, {{"a"}, {{"1"}, {"2"}}}).lost,
              ElementsAre("content of public.t.b, by the up"));
  EXPECT_THAT(losses({DataLoss::What::kColumn, "t", "a"}, was, {{"b"}, {}}).lost, IsEmpty());
}

}  // namespace
}  // namespace ripcord
