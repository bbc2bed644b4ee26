// SPDX-License-Identifier: Apache-2.0
#include "adapters/migrationdir/migration_directory.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace ripcord::migrationdir {
namespace {

using ::testing::HasSubstr;

Result<std::vector<Migration>> load(const TempDir& directory) {
  MigrationDirectory source;
  return source.load({directory.path().string(), {}});
}

TEST(MigrationDirectory, ReadsTheLayoutOfGolangMigrateInNumericOrder) {
  const TempDir directory;
  write_file(directory / "10_ten.up.sql", "up10");
  write_file(directory / "002_two_b.up.sql", "\xEF\xBB\xBFup2");
  write_file(directory / "002_two_b.down.sql", "down2");
  write_file(directory / "3_.down.pgsql", "");
  write_file(directory / "README.md", "no migration");
  write_file(directory / "4.up.sql", "no underscore");
  const auto all = load(directory);
  ASSERT_OK(all);
  ASSERT_EQ(all->size(), 3U);
  const Migration two{2, "two_b", "up2", "down2", "002_two_b.up.sql", "002_two_b.down.sql"};
  EXPECT_EQ((*all)[0], two);
  EXPECT_EQ((*all)[1].version, 3);
  EXPECT_FALSE((*all)[1].up);
  EXPECT_EQ((*all)[1].down, "");
  EXPECT_EQ((*all)[2].version, 10);
  EXPECT_FALSE((*all)[2].down);
}

TEST(MigrationDirectory, NamesBothFilesOfADuplicate) {
  const TempDir directory;
  write_file(directory / "1_a.up.sql", "");
  write_file(directory / "01_b.up.sql", "");
  const auto all = load(directory);
  EXPECT_CODE(all, StatusCode::kInvalidArgument);
  EXPECT_THAT(status_of(all).message(), HasSubstr("1_a.up.sql"));
  EXPECT_THAT(status_of(all).message(), HasSubstr("01_b.up.sql"));
}

TEST(MigrationDirectory, TakesTheLargestVersionAndRefusesTheNext) {
  const TempDir good;
  write_file(good / "9223372036854775807_x.up.sql", "");
  ASSERT_OK(load(good));
  for (const std::string version :
       {"9223372036854775808", "18446744073709551616", "99999999999999999999999"}) {
    const TempDir bad;
    write_file(bad / (version + "_x.up.sql"), "");
    EXPECT_CODE(load(bad), StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(load(bad)).message(), HasSubstr(version + "_x.up.sql"));
  }
}

TEST(MigrationDirectory, RefusesAConfigMapAndNamesWhatToUse) {
  MigrationSourceRef ref;
  ref.config_map = ConfigMapRef{"shop-migrations"};
  MigrationDirectory source;
  const auto refused = source.load(ref);
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.error().reason(), "OnlyOnKubernetes");
  EXPECT_THAT(refused.error().message(), HasSubstr("source.directory"));
}

TEST(MigrationDirectory, SaysWhichDirectoryIsMissing) {
  MigrationDirectory source;
  const auto all = source.load({"/nonexistent/migrations", {}});
  EXPECT_CODE(all, StatusCode::kFailedPrecondition);
  EXPECT_THAT(status_of(all).message(), HasSubstr("/nonexistent/migrations"));
}

TEST(MigrationDirectory, SortsInlineMigrationsAndRefusesTwins) {
  MigrationDirectory source;
  MigrationSourceRef ref;
  ref.inline_migrations = {{2, "b", "x", {}, "", ""}, {1, "a", "y", {}, "", ""}};
  const auto all = source.load(ref);
  ASSERT_OK(all);
  EXPECT_EQ(all->front().version, 1);
  ref.inline_migrations.push_back({2, "c", "z", {}, "", ""});
  EXPECT_CODE(source.load(ref), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ripcord::migrationdir
