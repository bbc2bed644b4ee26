// SPDX-License-Identifier: Apache-2.0
// The corpus as `ripcord validate` sees it. tests/integration/crds holds an API server to the same.
#include "tests/support/crds/corpus.h"

#include "controller/codec/codec.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

TEST(Corpus, TheCodecGivesTheVerdictAndNamesTheField) {
  const std::vector<CorpusCase> corpus = read_corpus();
  ASSERT_GT(corpus.size(), 150U);
  for (const CorpusCase& one : corpus) {
    const codec::ManifestFile file = codec::read_manifests(one.manifest, one.file);
    std::vector<std::string> fields;
    for (const codec::ManifestError& error : file.errors) {
      fields.push_back(error.field);
    }
    if (one.field.empty()) {
      EXPECT_THAT(fields, testing::IsEmpty()) << one.file << ": " << one.name;
    } else {
      EXPECT_THAT(fields, testing::Contains(one.field)) << one.file << ": " << one.name;
    }
  }
}

}  // namespace
}  // namespace ripcord
