// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/backup_contents.h"

#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

const DatabaseContents kBackedUp = {"rest", {{"a", 1, "10", "s"}, {"b", 2, "20", "t"}}};

TEST(BackupContents, AgreeWithThemselves) {
  EXPECT_OK(compare_contents(kBackedUp, kBackedUp));
  EXPECT_OK(compare_contents({}, {}));
}

TEST(BackupContents, NameEachTableAndWhatDiffers) {
  const std::vector<std::pair<DatabaseContents, std::string>> cases = {
      {{"rest", {{"a", 1, "10", "s"}}}, "b is missing"},
      {{"rest", {{"a", 1, "10", "s"}, {"b", 2, "20", "t"}, {"c", 0, "0", "u"}}},
       "c was not backed up"},
      {{"rest", {{"a", 1, "10", "s"}, {"b", 3, "20", "t"}}}, "b has 3 rows instead of 2"},
      {{"rest", {{"a", 1, "11", "s"}, {"b", 2, "20", "t"}}}, "a has other rows"},
      {{"rest", {{"a", 1, "10", "s"}, {"b", 2, "20", "x"}}}, "b has other columns"},
      {{"more", {{"a", 1, "10", "s"}, {"b", 2, "20", "t"}}}, "views, functions"},
  };
  for (const auto& [restored, why] : cases) {
    SCOPED_TRACE(why);
    const Status differs = compare_contents(kBackedUp, restored);
    EXPECT_CODE(differs, StatusCode::kFailedPrecondition);
    EXPECT_EQ(differs.reason(), "ContentsDiffer");
    EXPECT_THAT(differs.message(), testing::HasSubstr(why));
  }
}

TEST(BackupContents, NameTenTablesAndCountTheRest) {
  DatabaseContents many;
  for (int i = 10; i < 25; ++i) {
    many.tables.push_back({"t" + std::to_string(i), 1, "1", "s"});
  }
  const Status differs = compare_contents(many, {});
  EXPECT_THAT(differs.message(), testing::HasSubstr("t19 is missing; and 5 more"));
}

TEST(BackupContents, CountWhatTheLiveDatabaseHasMore) {
  std::vector<TableRows> tables = {{"a", 5}, {"b", 5}, {"gone", 7}};
  EXPECT_EQ(compare_with_live(tables, {{"a", 8}, {"b", 2}, {"new", 4}}), 7);
  EXPECT_EQ(tables, (std::vector<TableRows>{{"a", 5, 8}, {"b", 5, 2}, {"gone", 7}, {"new", 0, 4}}));
}

TEST(BackupContents, SayWhichTablesHaveOtherRowsThanTheBackup) {
  std::vector<TableRows> tables = {{"a", 1, 1}, {"b", 2, 2}, {"gone", 7}, {"new", 0, 4}, {"none"}};
  mark_differing(tables, kBackedUp,
                 {"rest",
                  {{"a", 1, "10", "altered"},
                   {"b", 2, "21", "t"},
                   {"new", 4, "40", "u"},
                   {"none", 0, "0", "u"}}});
  EXPECT_EQ(tables, (std::vector<TableRows>{{"b", 2, 2, true},
                                            {"new", 0, 4, true},
                                            {"a", 1, 1, false},
                                            {"gone", 7},
                                            {"none", 0, {}, false}}));
  EXPECT_EQ(written_since(tables, 4),
            "the live database has 4 rows more than the backup, and other rows in b, new");
}

TEST(BackupContents, SayNothingOfWhatWasNotCompared) {
  EXPECT_EQ(written_since({{"a", 1, 1}}, std::nullopt), "");
  EXPECT_EQ(written_since({{"a", 1, 1}}, 0), "");
  EXPECT_EQ(written_since({{"a", 1, 3}}, 2), "the live database has 2 rows more than the backup");
  EXPECT_EQ(written_since({{"a", 1, 1, false}}, 0), "the live database has the rows of the backup");
  const std::vector<TableRows> many(12, TableRows{"t", 1, 1, true});
  EXPECT_THAT(written_since(many, 0), testing::EndsWith(" t, t and 2 more tables"));
}

TEST(BackupContents, SayWhatCouldNotBeCountedAndWhy) {
  EXPECT_EQ(told_uncounted({}), "");
  EXPECT_EQ(told_uncounted({{"a", "no such file"}}), "a: no such file");
  EXPECT_EQ(told_uncounted({{"a", "bad block"}, {"b", "x"}, {"c", "y"}}),
            "a and 2 more tables: bad block");
  EXPECT_EQ(written_since({{"a", 1}}, std::nullopt, "a: bad block"),
            "what was written since is not known of a: bad block");
  EXPECT_EQ(
      written_since({{"a", 1, 3}, {"b", 1}}, 2, "b: bad block"),
      "the live database has 2 rows more than the backup; what was written since is not known "
      "of b: bad block");
  EXPECT_EQ(told_uncounted({{"a", std::string(1000, 'y')}}).size(), 303U);
}

}  // namespace
}  // namespace ripcord
