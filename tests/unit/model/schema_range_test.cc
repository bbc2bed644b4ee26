// SPDX-License-Identifier: Apache-2.0
#include "controller/model/schema_range.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

TEST(SchemaRange, HoldsWhatLiesBetweenItsEndsAndThemselves) {
  const SchemaRange range{5, 7};
  EXPECT_FALSE(range.contains(4));
  EXPECT_TRUE(range.contains(5));
  EXPECT_TRUE(range.contains(7));
  EXPECT_FALSE(range.contains(8));
}

TEST(SchemaRange, HasNothingAppliedBelowEveryVersion) {
  EXPECT_FALSE((SchemaRange{0, std::nullopt}).contains(std::nullopt));
  EXPECT_TRUE((SchemaRange{std::nullopt, 3}).contains(std::nullopt));
}

TEST(SchemaRange, MayBeOpenAtEitherEnd) {
  EXPECT_TRUE((SchemaRange{5, std::nullopt}).contains(900));
  EXPECT_TRUE((SchemaRange{std::nullopt, 7}).contains(0));
  EXPECT_TRUE(SchemaRange{}.contains(std::nullopt));
}

}  // namespace
}  // namespace ripcord
