// SPDX-License-Identifier: Apache-2.0
#include "adapters/yamldir/inotify_watch.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

namespace ripcord::yamldir {
namespace {

using std::chrono::milliseconds;

TEST(InotifyWatch, AsksToLookAtEverythingWhenTheKernelLostEvents) {
  std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
  int limit = 0;
  ASSERT_TRUE(limit_file >> limit);
  if (limit > 100000) {
    GTEST_SKIP() << "the queue of this machine holds " << limit << " events";
  }
  const TempDir directory;
  auto watch = InotifyWatch::open();
  ASSERT_OK(watch);
  const std::array<std::string, 2> files = {directory / "a.yaml", directory / "b.yaml"};
  write_file(files[0], "x");
  write_file(files[1], "x");
  ASSERT_OK((*watch)->follow({{directory.path().string(), std::nullopt}}));
  // Two names by turns, since equal events in a row are merged by the kernel.
  for (int i = 0; i <= limit + 1; ++i) {
    ASSERT_EQ(::chmod(files[static_cast<std::size_t>(i % 2)].c_str(), i % 4 < 2 ? 0600 : 0640), 0);
  }
  Changes changes;
  EXPECT_TRUE((*watch)->wait(milliseconds(1000), changes));
  EXPECT_TRUE(changes.everything);
}

TEST(InotifyWatch, TellsOnlyTheNamesThatMatterInAParent) {
  const TempDir directory;
  auto watch = InotifyWatch::open();
  ASSERT_OK(watch);
  ASSERT_OK((*watch)->follow({{directory.path().string(), std::set<std::string>{"current"}}}));
  Changes changes;
  write_file(directory / "noise.yaml", "x");
  (*watch)->wait(milliseconds(200), changes);
  EXPECT_TRUE(changes.empty());
  std::filesystem::create_symlink("somewhere", directory / "current");
  (*watch)->wait(milliseconds(1000), changes);
  EXPECT_TRUE(changes.everything);
}

TEST(InotifyWatch, CanBeWoken) {
  auto watch = InotifyWatch::open();
  ASSERT_OK(watch);
  (*watch)->wake();
  Changes changes;
  EXPECT_FALSE((*watch)->wait(std::chrono::hours(1), changes));
}

}  // namespace
}  // namespace ripcord::yamldir
