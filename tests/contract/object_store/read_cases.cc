// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

namespace ripcord {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const ObjectList& list) {
  std::vector<std::string> result;
  for (const ResourcePtr& object : list.items) {
    result.push_back(object->meta.ns + "/" + object->meta.name);
  }
  return result;
}

TEST_P(ObjectStoreContract, GetOfAnAbsentObjectIsNotFoundAndNamesIt) {
  const auto result = store().get(sample_flag("absent", "shop").key());
  EXPECT_CODE(result, StatusCode::kNotFound);
  EXPECT_THAT(status_of(result).message(), HasSubstr("absent"));
}

TEST_P(ObjectStoreContract, AnEmptyListCanBeWatchedFrom) {
  const auto list = store().list(Kind::kRestoreRequest);
  ASSERT_OK(list);
  EXPECT_TRUE(list->items.empty());
  const auto watch = watch_from(list->resource_version, Kind::kRestoreRequest);
  created(sample_object(Kind::kRestoreRequest, "a"));
  EXPECT_EQ(in_short(next(*watch)), "Added default/a");
}

TEST_P(ObjectStoreContract, ListIsOrderedByNamespaceThenName) {
  // '-' sorts before '0' and 'a': "a-b" must not come between the objects of "a".
  for (const auto& [ns, name] : std::vector<std::pair<std::string, std::string>>{
           {"b", "a"}, {"a", "z"}, {"a-b", "m"}, {"a", "b"}, {"default", "a"}, {"a", "b-1"}}) {
    created(sample_flag(name, ns));
  }
  created(sample_object(Kind::kTrafficTarget, "other-kind", "a"));
  EXPECT_THAT(names(must(store().list(Kind::kFeatureFlag))),
              ElementsAre("a/b", "a/b-1", "a/z", "a-b/m", "b/a", "default/a"));
  EXPECT_THAT(names(must(store().list(Kind::kFeatureFlag, "a"))),
              ElementsAre("a/b", "a/b-1", "a/z"));
  EXPECT_THAT(names(must(store().list(Kind::kFeatureFlag, "default"))), ElementsAre("default/a"));
  EXPECT_THAT(names(must(store().list(Kind::kFeatureFlag, "aa"))), ElementsAre());
  EXPECT_THAT(names(must(store().list(Kind::kTrafficTarget))), ElementsAre("a/other-kind"));
}

TEST_P(ObjectStoreContract, AListStaysAsItWasWhenTheStoreMovesOn) {
  const Resource object = created(sample_flag("a"));
  const ObjectList list = must(store().list(Kind::kFeatureFlag));
  updated(with_suspend(object, true));
  created(sample_flag("b"));
  ASSERT_EQ(list.items.size(), 1U);
  EXPECT_EQ(*list.items[0], object);
  expect_version(list.resource_version, object.meta.resource_version);
}

TEST_P(ObjectStoreContract, ManyObjectsAreFoundListedAndRemoved) {
  constexpr int kCount = 1000;
  for (int i = 0; i < kCount; ++i) {
    // Scattered, so that inserts go to every place of the order.
    created(sample_flag("flag-" + std::to_string(i * 37 % kCount)));
  }
  for (int i = 0; i < kCount; i += 2) {
    ASSERT_OK(store().remove(sample_flag("flag-" + std::to_string(i)).key()));
  }
  const ObjectList list = must(store().list(Kind::kFeatureFlag));
  EXPECT_EQ(list.items.size(), static_cast<std::size_t>(kCount / 2));
  EXPECT_TRUE(std::is_sorted(
      list.items.begin(), list.items.end(),
      [](const ResourcePtr& a, const ResourcePtr& b) { return a->meta.name < b->meta.name; }));
  for (int i = 0; i < kCount; ++i) {
    const auto found = store().get(sample_flag("flag-" + std::to_string(i)).key());
    EXPECT_EQ(found.has_value(), i % 2 == 1) << i;
  }
}

TEST_P(ObjectStoreContract, AListIsOneSnapshotWhileWritersGoOn) {
  // The writer keeps a at most one step ahead of b; a torn list would show anything else.
  Resource a = created(sample_flag("a"));
  Resource b = created(sample_flag("b"));
  const auto step_of = [](const Resource& object) {
    const auto label = object.meta.labels.find("step");
    return label == object.meta.labels.end() ? 0 : std::stoi(label->second);
  };
  const std::jthread writer([&](const std::stop_token& stop) {
    for (int step = 1; !stop.stop_requested(); ++step) {
      for (Resource* object : {&a, &b}) {
        object->meta.labels["step"] = std::to_string(step);
        const auto result = store().update(*object);
        ASSERT_OK(result);
        *object = **result;
      }
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const ObjectList list = must(store().list(Kind::kFeatureFlag));
    ASSERT_EQ(list.items.size(), 2U);
    const int ahead = step_of(*list.items[0]) - step_of(*list.items[1]);
    ASSERT_TRUE(ahead == 0 || ahead == 1) << ahead;
    expect_version(list.resource_version, std::max(list.items[0]->meta.resource_version,
                                                   list.items[1]->meta.resource_version));
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace ripcord
