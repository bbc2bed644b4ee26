// SPDX-License-Identifier: Apache-2.0
#include "controller/model/tombstone_name.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

TEST(TombstoneName, TellsTheVersionAndTheName) {
  EXPECT_EQ(tombstone_name(7, "email"), "zz_ripcord_7_email");
  EXPECT_EQ(tombstone_name(7, "email", 2), "zz_ripcord_7_email_2");
}

TEST(TombstoneName, IsCutTo63BytesSoThatTwoLongNamesDoNotMeet) {
  const std::string long_name(60, 'x');
  const std::string one = tombstone_name(7, long_name + "a");
  const std::string two = tombstone_name(7, long_name + "b");
  EXPECT_EQ(one.size(), 63U);
  EXPECT_EQ(two.size(), 63U);
  EXPECT_NE(one, two);
  EXPECT_EQ(one.substr(0, 20), two.substr(0, 20));
  EXPECT_EQ(tombstone_name(7, long_name, 2).size(), 63U);
  EXPECT_EQ(tombstone_name(7, std::string(50, 'x')).size(), 63U) << "just fits: nothing is cut";
  EXPECT_EQ(tombstone_name(7, std::string(50, 'x')).substr(13), std::string(50, 'x'));
}

TEST(TombstoneName, CutsBetweenCharactersNotWithinOne) {
  std::string umlauts;
  for (int i = 0; i < 40; ++i) {
    umlauts += "\xC3\xA4";
  }
  for (std::int64_t version : {7, 77}) {
    const std::string name = tombstone_name(version, umlauts);
    EXPECT_LE(name.size(), 63U);
    const std::string kept = name.substr(0, name.size() - 9);
    EXPECT_EQ(static_cast<unsigned char>(kept.back()), 0xA4U) << "a whole character";
  }
}

}  // namespace
}  // namespace ripcord
