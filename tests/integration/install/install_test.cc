// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;
using testing::Not;

class Install : public testing::Test {
 protected:
  void SetUp() override {
    const RunResult installed =
        run({.argv = {RIPCORD_CMAKE, "--install", RIPCORD_BUILD_DIR, "--prefix", prefix_ / "usr"}});
    ASSERT_EQ(installed.exit_code, 0) << installed.out << installed.err;
  }
  std::string binary(const std::string& name) const { return prefix_ / "usr/bin/" + name; }
  // With an empty environment, in a directory that has nothing to do with the build.
  RunResult start(const std::string& name, const std::string& argument) const {
    return run({.argv = {"env", "-i", binary(name), argument}, .cwd = "/"});
  }

  const TempDir prefix_;
};

TEST_F(Install, BothBinariesAnswerFromThePrefix) {
  for (const std::string name : {"ripcord", "ripcord-adapter"}) {
    const RunResult answer = start(name, "--version");
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(answer.out, name + " " + RIPCORD_VERSION + "\n");
  }
  EXPECT_EQ(start("ripcord", "version").out, std::string("ripcord ") + RIPCORD_VERSION + "\n");
}

TEST_F(Install, NeitherBinaryLooksIntoTheBuildTree) {
  for (const std::string name : {"ripcord", "ripcord-adapter"}) {
    const RunResult libraries = run({.argv = {"ldd", binary(name)}});
    ASSERT_EQ(libraries.exit_code, 0) << libraries.err;
    EXPECT_THAT(libraries.out, Not(HasSubstr("not found")));
    EXPECT_THAT(libraries.out, Not(HasSubstr(RIPCORD_BUILD_DIR)));
    const RunResult dynamic = run({.argv = {"readelf", "-d", binary(name)}});
    ASSERT_EQ(dynamic.exit_code, 0) << dynamic.err;
    EXPECT_THAT(dynamic.out, Not(HasSubstr("PATH)"))) << "an RPATH or a RUNPATH";
  }
}

TEST_F(Install, NothingElseIsInstalled) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(prefix_.path() / "usr")) {
    if (!entry.is_directory()) {
      files.push_back(entry.path().lexically_relative(prefix_.path()).string());
    }
  }
  EXPECT_THAT(files, testing::UnorderedElementsAre("usr/bin/ripcord", "usr/bin/ripcord-adapter"));
}

}  // namespace
}  // namespace ripcord
