// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_index.h"

#include "tests/support/sample_objects.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using Key = std::pair<std::string, std::string>;
using Model = std::map<Key, ResourcePtr>;

void expect_same(const ObjectIndex& index, const Model& model) {
  ASSERT_EQ(index.size(), model.size());
  std::vector<ResourcePtr> expected;
  for (const auto& [key, object] : model) {
    expected.push_back(object);
  }
  ASSERT_EQ(index.items(), expected);
}

TEST(ObjectIndex, BehavesLikeAnOrderedMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ObjectIndex index;
  Model model;
  for (int i = 0; i < 20'000; ++i) {
    const Key key{"n" + std::to_string(random() % 3), "o" + std::to_string(random() % 700)};
    // Grows in the first half, shrinks in the second.
    if (random() % 10 < (i < 10'000 ? 7U : 2U)) {
      auto object = std::make_shared<const Resource>(
          make_resource(Kind::kFeatureFlag, key.second, key.first));
      model[key] = object;
      index.put(std::move(object));
    } else {
      model.erase(key);
      index.erase(key.first, key.second);
    }
    const auto known = model.find(key);
    ASSERT_EQ(index.find(key.first, key.second), known == model.end() ? nullptr : known->second);
    if (i % 500 == 0) {
      expect_same(index, model);
    }
  }
  expect_same(index, model);
  std::vector<ResourcePtr> all = index.items();
  std::shuffle(all.begin(), all.end(), random);
  expect_same(ObjectIndex(std::move(all)), model);
  for (const std::string ns : {"n", "n0", "n1", "n2", "n3"}) {
    std::vector<ResourcePtr> expected;
    for (const auto& [key, object] : model) {
      if (key.first == ns) {
        expected.push_back(object);
      }
    }
    EXPECT_EQ(index.items(ns), expected) << ns;
  }
}

TEST(ObjectIndex, ACopyStaysAsItWas) {
  ObjectIndex index;
  for (int i = 0; i < 300; ++i) {
    index.put(std::make_shared<const Resource>(sample_flag("o" + std::to_string(i))));
  }
  const ObjectIndex copy = index;
  const std::vector<ResourcePtr> before = copy.items();
  for (int i = 0; i < 300; ++i) {
    index.erase("default", "o" + std::to_string(i));
    index.put(std::make_shared<const Resource>(sample_flag("p" + std::to_string(i))));
  }
  EXPECT_EQ(copy.items(), before);
  EXPECT_EQ(index.find("default", "o5"), nullptr);
  EXPECT_NE(copy.find("default", "o5"), nullptr);
}

}  // namespace
}  // namespace ripcord
