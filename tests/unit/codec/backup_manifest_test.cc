// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/backup_manifest.h"

#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

BackupManifest example() {
  BackupManifest manifest;
  manifest.name = "monday";
  manifest.format = "custom";
  manifest.database = "shop";
  manifest.started_at = WallTime(std::chrono::seconds(1'700'000'000));
  manifest.ended_at = WallTime(std::chrono::microseconds(1'700'000'060'123'456));
  manifest.lsn = "0/15D6A38";
  manifest.made_by = "ripcord 1";
  manifest.tool = "pg_dump (PostgreSQL) 15.4";
  manifest.server = "15.4";
  manifest.server_version = 150004;
  manifest.database_bytes = 1 << 20;
  manifest.extensions = {"hstore"};
  manifest.roles = {"Boss", "clerk"};
  manifest.contents = {"d1", {{"public.\"odd\"\n", 3, "-18446744073709551616", "d2"}}};
  manifest.files = {{"toc.dat", 12, "ab"}, {"1.dat.gz", 34, "cd"}};
  return manifest;
}

TEST(BackupManifestText, IsReadAsItWasWritten) {
  const auto read = codec::parse_backup_manifest(codec::backup_manifest_text(example()));
  ASSERT_OK(read);
  EXPECT_EQ(*read, example());
}

TEST(BackupManifestText, IsRefusedAtEveryLengthButItsOwn) {
  const std::string text = codec::backup_manifest_text(example());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    SCOPED_TRACE(length);
    EXPECT_CODE(codec::parse_backup_manifest(text.substr(0, length)),
                StatusCode::kFailedPrecondition);
  }
}

TEST(BackupManifestText, IsRefusedWhenAnyDigitOfItIsAnother) {
  const std::string text = codec::backup_manifest_text(example());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] >= '0' && text[at] <= '9') {
      std::string changed = text;
      changed[at] = changed[at] == '9' ? '8' : static_cast<char>(changed[at] + 1);
      const auto read = codec::parse_backup_manifest(changed);
      SCOPED_TRACE(at);
      EXPECT_CODE(read, StatusCode::kFailedPrecondition);
      EXPECT_EQ(read.error().reason(), "BadManifest");
    }
  }
}

TEST(BackupManifestText, MayBeLaidOutAnew) {
  std::string text = codec::backup_manifest_text(example());
  text.insert(1, "\n  ");
  EXPECT_OK(codec::parse_backup_manifest(text));
}

TEST(BackupManifestText, OfALaterVersionSaysWhatToDo) {
  std::string text = codec::backup_manifest_text(example());
  const std::string key = "\"ripcordBackup\":";
  text.replace(text.find(key), key.size() + 1, key + "2");
  const auto read = codec::parse_backup_manifest(text);
  EXPECT_CODE(read, StatusCode::kFailedPrecondition);
  EXPECT_THAT(read.error().message(), testing::HasSubstr("or a later one"));
}

}  // namespace
}  // namespace ripcord
