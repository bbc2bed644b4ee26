// SPDX-License-Identifier: Apache-2.0
// Reads every file of tests/golden/<kind>/{valid,invalid}. What a valid file gives is compared as
// YAML with all defaults, what an invalid one gives as the list of its errors. RIPCORD_WRITE_GOLDEN
// in the environment writes the .expected files anew.
#include "controller/codec/codec.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> golden_files(std::string_view folder) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(source_dir()) / "tests/golden")) {
    const fs::path& path = entry.path();
    if (path.parent_path().filename() == folder &&
        (path.extension() == ".yaml" || path.extension() == ".json")) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string show(const codec::ManifestFile& file) {
  std::string text;
  for (const codec::Manifest& manifest : file.manifests) {
    text +=
        "--- # line " + std::to_string(manifest.line) + "\n" + codec::encode_yaml(manifest.object);
  }
  for (const codec::ManifestError& error : file.errors) {
    text += to_string(error) + "\n";
  }
  return text;
}

void compare(const fs::path& path, const std::string& actual) {
  fs::path expected = path;
  expected += ".expected";
  if (std::getenv("RIPCORD_WRITE_GOLDEN") != nullptr) {
    std::ofstream(expected, std::ios::binary) << actual;
  }
  EXPECT_EQ(slurp(expected), actual) << path;
}

TEST(Golden, ValidManifestsGiveTheObjectsThatTheySay) {
  const std::vector<fs::path> files = golden_files("valid");
  ASSERT_GT(files.size(), 15U);
  for (const fs::path& path : files) {
    const codec::ManifestFile file = codec::read_manifests(slurp(path), path.filename());
    EXPECT_TRUE(file.errors.empty()) << path;
    EXPECT_FALSE(file.manifests.empty()) << path;
    compare(path, show(file));
  }
}

TEST(Golden, InvalidManifestsGiveTheErrorsThatHelp) {
  const std::vector<fs::path> files = golden_files("invalid");
  ASSERT_GT(files.size(), 60U);
  for (const fs::path& path : files) {
    const codec::ManifestFile file = codec::read_manifests(slurp(path), path.filename());
    EXPECT_FALSE(file.errors.empty()) << path;
    for (const codec::ManifestError& error : file.errors) {
      EXPECT_GT(error.line, 0) << path;
      EXPECT_GT(error.column, 0) << path;
    }
    compare(path, show(file));
  }
}

// Files whose name tells which secret they hold in a wrong place.
TEST(Golden, NoErrorRepeatsAUrlOrAPassword) {
  for (const fs::path& path : golden_files("invalid")) {
    const std::string text =
        std::regex_replace(show(codec::read_manifests(slurp(path), path.filename())),
                           std::regex("secretKeyRef"), "");  // the name of a field
    for (const char* secret : {"secret", "hunter", "ter2", "u:secret"}) {
      EXPECT_THAT(text, testing::Not(testing::HasSubstr(secret))) << path;
    }
  }
}

TEST(Golden, WhatIsPrintedAsYamlReadsBackAsTheSameObject) {
  for (const fs::path& path : golden_files("valid")) {
    for (const codec::Manifest& manifest :
         codec::read_manifests(slurp(path), path.filename()).manifests) {
      const std::string yaml = codec::encode_yaml(manifest.object);
      const codec::ManifestFile back = codec::read_manifests(yaml, "printed.yaml");
      ASSERT_EQ(back.manifests.size(), 1U) << show(back) << yaml;
      EXPECT_TRUE(back.manifests.front().object == manifest.object) << yaml;
    }
  }
}

}  // namespace
}  // namespace ripcord
