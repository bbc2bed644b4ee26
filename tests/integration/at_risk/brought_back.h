// SPDX-License-Identifier: Apache-2.0
#pragma once
// The folder that an archive was written to, and what a person runs there.

#include "tests/support/process.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {

// The one folder below `directory`.
inline std::filesystem::path only_folder(const std::string& directory) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    found.push_back(entry.path());
  }
  EXPECT_THAT(found, testing::SizeIs(1));
  return found.empty() ? std::filesystem::path() : found.front();
}

inline std::string run(const std::vector<std::string>& argv, const std::filesystem::path& folder) {
  ProcessOptions options;
  options.argv = argv;
  options.cwd = folder.string();
  ChildProcess child(std::move(options));
  const auto code = child.wait(std::chrono::seconds(60));
  EXPECT_EQ(code, 0) << child.out() << child.err();
  return child.out();
}

}  // namespace ripcord
