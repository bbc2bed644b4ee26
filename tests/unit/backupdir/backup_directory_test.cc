// SPDX-License-Identifier: Apache-2.0
#include "adapters/backupdir/backup_directory.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using namespace std::string_literals;

class BackupDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(catalog_);
    write_file(outside_ / "secret.dump", "PGDMP secret");
  }
  void put(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(catalog_ + "/" + name).parent_path());
    write_file(catalog_ + "/" + name, content);
  }
  Result<Backup> find(const std::string& name) { return BackupDirectory().find(catalog_, name); }

  TempDir outside_;
  const std::string catalog_ = outside_ / "catalog";
};

TEST_F(BackupDirectoryTest, TellsFormatsApartByContent) {
  put("custom", "PGDMP\x01\x0e rest");
  put("dir/toc.dat", "PGDMP\x01\x0e toc");
  put("dir/1.dat.gz", "12345");
  put("plain.sql", "-- PostgreSQL database dump\ncreate table t ();\n");
  put("lite.dump", "SQLite format 3\0 page"s);
  const struct {
    const char* name;
    BackupFormat format;
    std::int64_t bytes;
  } cases[] = {{"custom", BackupFormat::kPgCustom, 12},
               {"dir", BackupFormat::kPgDirectory, 16},
               {"plain.sql", BackupFormat::kPgPlain, 47},
               {"lite.dump", BackupFormat::kSqliteFile, 21}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto found = find(c.name);
    ASSERT_OK(found);
    EXPECT_EQ(found->format, c.format);
    EXPECT_EQ(found->bytes, c.bytes);
    EXPECT_EQ(found->name, c.name);
  }
}

TEST_F(BackupDirectoryTest, ABackupIsAsOldAsItsNewestFile) {
  using FileClock = std::filesystem::file_time_type::clock;
  const auto set = [this](const std::string& name, std::chrono::seconds time) {
    std::filesystem::last_write_time(
        catalog_ + "/" + name,
        FileClock::from_sys(std::chrono::sys_time<std::chrono::seconds>(time)));
  };
  put("custom.dump", "PGDMP\x01\x0e rest");
  put("dir/1.dat.gz", "12345");
  put("dir/toc.dat", "PGDMP\x01\x0e toc");
  set("custom.dump", std::chrono::seconds(1'700'000'000));
  set("dir/1.dat.gz", std::chrono::seconds(1'700'000'100));
  set("dir/toc.dat", std::chrono::seconds(1'700'000'200));
  EXPECT_EQ(find("custom")->taken_at, WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_EQ(find("dir")->taken_at, WallTime(std::chrono::seconds(1'700'000'200)));
}

TEST_F(BackupDirectoryTest, FindsANameWithoutItsExtension) {
  put("users_backup_20240115.dump", "PGDMP");
  const auto found = find("users_backup_20240115");
  ASSERT_OK(found);
  EXPECT_EQ(found->name, "users_backup_20240115");
  EXPECT_TRUE(found->path.ends_with("/users_backup_20240115.dump"));
}

TEST_F(BackupDirectoryTest, AnExactNameWinsAndTwoCandidatesAreRefused) {
  put("users.dump", "PGDMP");
  put("users.sql", "select 1;");
  const auto ambiguous = find("users");
  EXPECT_CODE(ambiguous, StatusCode::kInvalidArgument);
  EXPECT_THAT(ambiguous.error().message(), testing::HasSubstr("users.dump or users.sql"));
  EXPECT_OK(find("users.sql"));
  put("users", "PGDMP");
  EXPECT_OK(find("users"));
}

TEST_F(BackupDirectoryTest, RefusesNamesThatAreNoPlainNames) {
  for (const std::string& name :
       {""s, "."s, ".."s, "../secret.dump"s, "/etc/passwd"s, "a/../../secret.dump"s, "dir/toc.dat"s,
        "a\\b"s, "a\0b"s, "a\nb"s, ".hidden"s, std::string(256, 'x')}) {
    SCOPED_TRACE(name);
    const auto refused = find(name);
    EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  }
}

TEST_F(BackupDirectoryTest, RefusesLinksThatLeaveTheCatalog) {
  std::filesystem::create_symlink(outside_ / "secret.dump", catalog_ + "/link.dump");
  std::filesystem::create_directory_symlink(outside_.path(), catalog_ + "/parent");
  put("dir/toc.dat", "PGDMP");
  std::filesystem::create_symlink(outside_ / "secret.dump", catalog_ + "/dir/1.dat");
  for (const char* name : {"link.dump", "link", "parent", "dir"}) {
    SCOPED_TRACE(name);
    const auto refused = find(name);
    EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  }
}

TEST_F(BackupDirectoryTest, ALinkInsideTheCatalogIsFollowed) {
  put("users_20240115.dump", "PGDMP");
  std::filesystem::create_symlink("users_20240115.dump", catalog_ + "/latest");
  const auto found = find("latest");
  ASSERT_OK(found);
  EXPECT_TRUE(found->path.ends_with("/users_20240115.dump"));
}

TEST_F(BackupDirectoryTest, NotFoundListsWhatIsThere) {
  EXPECT_THAT(find("users").error().message(), testing::HasSubstr("the catalog is empty"));
  for (int i = 10; i < 25; ++i) {
    put("backup" + std::to_string(i) + ".dump", "PGDMP");
  }
  const auto missing = find("users");
  EXPECT_CODE(missing, StatusCode::kNotFound);
  EXPECT_EQ(missing.error().reason(), "BackupNotFound");
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("backup10.dump, backup11.dump"));
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("and 5 more"));
}

TEST_F(BackupDirectoryTest, AMissingCatalogIsNamed) {
  const auto missing = BackupDirectory().find(catalog_ + "/nowhere", "users");
  EXPECT_CODE(missing, StatusCode::kNotFound);
  EXPECT_EQ(missing.error().reason(), "CatalogNotFound");
}

TEST_F(BackupDirectoryTest, SaysWhatToDoWithWhatItCannotRestore) {
  std::string tar(512, '\0');
  tar.replace(0, 7, "toc.dat");
  tar.replace(257, 5, "ustar");
  put("empty", "");
  put("packed.sql", "\x1f\x8b\x08 rest");
  put("tar", tar);
  put("binary", "\x01\x00\x02"s);
  put("dir/readme", "no toc");
  const struct {
    const char* name;
    const char* advice;
  } cases[] = {{"empty", "empty"},
               {"packed.sql", "unpack it"},
               {"tar", "pg_dump -Fc or -Fd"},
               {"binary", "neither"},
               {"dir", "toc.dat"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto refused = find(c.name);
    EXPECT_CODE(refused, StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr(c.advice));
  }
}

}  // namespace
}  // namespace ripcord
