// SPDX-License-Identifier: Apache-2.0
#include "controller/base/changing_file.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <sys/stat.h>

namespace ripcord {
namespace {

using testing::HasSubstr;
using testing::Optional;

class ChangingFileTest : public testing::Test {
 protected:
  // Nothing: unchanged.
  std::optional<std::string> look() {
    const auto text = file_.changed(clock_.wall_now());
    EXPECT_OK(text);
    return text.value_or(std::nullopt);
  }
  // As a file that was written long ago.
  void pass_time() { later_ += std::chrono::hours(1); }
  std::optional<std::string> look_later() {
    const auto text = file_.changed(clock_.wall_now() + later_);
    EXPECT_OK(text);
    return text.value_or(std::nullopt);
  }

  SystemClock clock_;
  TempDir folder_;
  const std::string path_ = folder_ / "file";
  ChangingFile file_{path_};
  std::chrono::seconds later_{0};
};

TEST_F(ChangingFileTest, GivesATextOnceAndAgainWhenItIsAnother) {
  write_file(path_, "one");
  EXPECT_THAT(look(), Optional(std::string("one")));
  EXPECT_EQ(look(), std::nullopt);
  write_file(path_, "two");  // the same size, and most likely the same tick of the file system
  EXPECT_THAT(look(), Optional(std::string("two")));
  pass_time();
  EXPECT_EQ(look_later(), std::nullopt);
  EXPECT_EQ(look_later(), std::nullopt);
  write_file(folder_ / "next", "three");
  std::filesystem::rename(folder_ / "next", path_);
  EXPECT_THAT(look_later(), Optional(std::string("three")));
}

TEST_F(ChangingFileTest, FollowsASymbolicLinkThatIsSwappedAsKubernetesDoes) {
  for (const std::string version : {"a", "b"}) {
    std::filesystem::create_directory(folder_ / version);
    write_file(folder_ / (version + "/file"), "of " + version);
  }
  std::filesystem::create_directory_symlink("a", folder_ / "data");
  std::filesystem::create_symlink("data/file", path_);
  EXPECT_THAT(look_later(), Optional(std::string("of a")));
  std::filesystem::create_directory_symlink("b", folder_ / "fresh");
  std::filesystem::rename(folder_ / "fresh", folder_ / "data");
  EXPECT_THAT(look_later(), Optional(std::string("of b")));
}

TEST_F(ChangingFileTest, NamesAFileThatCannotBeReadAndGoesOnWhenItCan) {
  const auto absent = file_.changed(clock_.wall_now());
  EXPECT_CODE(absent, StatusCode::kNotFound);
  EXPECT_THAT(absent.error().message(), HasSubstr(path_));
  write_file(path_, std::string(2 * 1024 * 1024, 'x'));
  EXPECT_CODE(file_.changed(clock_.wall_now()), StatusCode::kFailedPrecondition);
  write_file(path_, "small");
  EXPECT_THAT(look(), Optional(std::string("small")));
}

}  // namespace
}  // namespace ripcord
