// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/transition_verdict.h"

#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

TEST(TransitionVerdict, ANumberHasToBeWithinItsBounds) {
  TransitionValidation validation;
  validation.query = "select 1";
  validation.min = 0;
  validation.max = 10;
  EXPECT_EQ(judge_number(validation, "0"), "");
  EXPECT_EQ(judge_number(validation, "10.0"), "");
  EXPECT_EQ(judge_number(validation, "10.5"), "\"select 1\" gives 10.5, above max 10");
  EXPECT_EQ(judge_number(validation, "-1"), "\"select 1\" gives -1, below min 0");
  EXPECT_EQ(judge_number(validation, "NaN"),
            "\"select 1\" gives NaN, where one number was expected");
  EXPECT_EQ(judge_number(validation, "t"), "\"select 1\" gives t, where one number was expected");
  EXPECT_EQ(judge_number(validation, ""), "\"select 1\" gives , where one number was expected");
  EXPECT_EQ(judge_number(validation, std::nullopt),
            "\"select 1\" gives no value, or several, where one number was expected");
}

TEST(TransitionVerdict, RowsThatAreAgainstItAreCounted) {
  TransitionValidation validation;
  validation.table = "users";
  validation.column = "email";
  validation.not_null = true;
  EXPECT_EQ(judge_count(validation, "0", "SELECT"), "");
  EXPECT_EQ(judge_count(validation, "1", "SELECT *"), "users.email is NULL in 1 row: SELECT *");
  validation.not_null = false;
  validation.pattern = "@";
  EXPECT_EQ(judge_count(validation, "12", "SELECT *"),
            "users.email does not match \"@\" in 12 rows: SELECT *");
}

}  // namespace
}  // namespace ripcord::codec
