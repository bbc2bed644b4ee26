// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"
#include "tests/support/paths/paths.h"
#include "tests/support/status_matchers.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

// The ```yaml blocks of a page.
std::vector<std::string> yaml_blocks(const std::string& page) {
  std::ifstream in(source_dir() + "/docs/" + page);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = text.find("```yaml\n", at)) != std::string::npos;) {
    at += 8;
    const std::size_t end = text.find("```", at);
    blocks.push_back(text.substr(at, end - at));
    at = end;
  }
  return blocks;
}

TEST(ManifestsPage, HasOnlyExamplesThatApply) {
  const std::vector<std::string> blocks = yaml_blocks("manifests.md");
  ASSERT_EQ(blocks.size(), 2U);
  std::size_t objects = 0;
  for (const std::string& block : blocks) {
    const codec::ManifestFile file = codec::read_manifests(block, "manifests.md");
    for (const codec::ManifestError& error : file.errors) {
      ADD_FAILURE() << to_string(error);
    }
    for (const codec::Manifest& manifest : file.manifests) {
      EXPECT_OK(codec::apply_manifest(manifest, nullptr));
      ++objects;
    }
  }
  EXPECT_EQ(objects, 5U);
}

}  // namespace
}  // namespace ripcord
