// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <vector>

namespace ripcord {
namespace {

constexpr int kWriters = 4;
constexpr int kRounds = 100;

// Creates, changes, reports on and removes objects of its own; the last round leaves one behind.
void write_rounds(ObjectStore& store, int writer) {
  for (int round = 0; round < kRounds; ++round) {
    const std::string name = "w" + std::to_string(writer) + "-" + std::to_string(round % 7);
    Resource object = *must(store.create(sample_flag(name)));
    object = *must(store.update(with_suspend(object, true)));
    common(object.status).observed_generation = object.meta.generation;
    object = *must(store.update_status(object));
    if (round + 1 < kRounds) {
      ASSERT_OK(store.remove(object.key()));
    }
  }
}

// Follows a watch from `list` until the store is at `until`; gives what a cache would then hold.
std::map<ObjectKey, ResourcePtr> follow(const ObjectStore& store, const ObjectList& list,
                                        const std::function<bool(std::int64_t)>& reached) {
  std::map<ObjectKey, ResourcePtr> cache;
  for (const ResourcePtr& object : list.items) {
    cache[object->key()] = object;
  }
  const auto watch = must(store.watch(Kind::kFeatureFlag, list.resource_version));
  std::int64_t last = list.resource_version;
  while (!reached(last)) {
    const auto event = watch->next(std::chrono::milliseconds(50), {});
    if (!event) {
      EXPECT_CODE(event, StatusCode::kDeadlineExceeded);
      continue;
    }
    const Resource& object = *event->object;
    EXPECT_GT(object.meta.resource_version, last) << "in order, none twice";
    last = object.meta.resource_version;
    const bool known = cache.count(object.key()) != 0;
    EXPECT_EQ(known, event->type != WatchEvent::Type::kAdded) << in_short(*event);
    if (event->type == WatchEvent::Type::kDeleted) {
      cache.erase(object.key());
    } else {
      cache[object.key()] = event->object;
    }
  }
  return cache;
}

TEST_P(ObjectStoreContract, ListAndWatchTogetherMissNothingUnderConcurrentWriters) {
  constexpr int kWatchers = 3;
  store();
  std::atomic<std::int64_t> end{0};  // the version of the last write, once known
  std::vector<std::map<ObjectKey, ResourcePtr>> caches(kWatchers);
  std::vector<std::jthread> watchers;
  std::vector<std::jthread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(test_thread([this, i] { write_rounds(store(), i); }));
  }
  for (auto& cache : caches) {
    // Each lists at whatever moment it comes to run.
    watchers.push_back(test_thread([this, &cache, &end] {
      cache = follow(store(), must(store().list(Kind::kFeatureFlag)),
                     [&end](std::int64_t last) { return end != 0 && last >= end; });
    }));
  }
  writers.clear();
  const ObjectList final_list = must(store().list(Kind::kFeatureFlag));
  end = final_list.resource_version;
  watchers.clear();

  std::map<ObjectKey, ResourcePtr> expected;
  for (const ResourcePtr& object : final_list.items) {
    expected[object->key()] = object;
  }
  EXPECT_EQ(expected.size(), static_cast<std::size_t>(kWriters));
  for (const auto& cache : caches) {
    ASSERT_EQ(cache.size(), expected.size());
    for (const auto& [key, object] : expected) {
      ASSERT_EQ(cache.count(key), 1U) << to_string(key);
      EXPECT_EQ(*cache.at(key), *object);
    }
  }
}

TEST_P(ObjectStoreContract, AWatchGivesEveryVersionExactlyOnce) {
  const std::int64_t start = version_now();
  std::vector<std::set<std::int64_t>> written(kWriters);
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(test_thread([this, i, &versions = written[static_cast<std::size_t>(i)]] {
        Resource object = created(sample_flag("w" + std::to_string(i)));
        versions.insert(object.meta.resource_version);
        for (int round = 0; round < kRounds; ++round) {
          object = updated(with_suspend(object, round % 2 == 0));
          versions.insert(object.meta.resource_version);
        }
      }));
    }
  }
  std::set<std::int64_t> all;
  for (const auto& versions : written) {
    EXPECT_EQ(versions.size(), static_cast<std::size_t>(kRounds + 1));
    all.insert(versions.begin(), versions.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kWriters * (kRounds + 1)))
      << "no version is given out twice";
  const auto watch = watch_from(start);
  for (const std::int64_t version : all) {
    ASSERT_EQ(next(*watch).object->meta.resource_version, version);
  }
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, NoUpdateIsLostBetweenCompetingWriters) {
  Resource start = sample_flag("counter");
  start.meta.labels["count"] = "0";
  const ObjectKey key = created(start).key();
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(test_thread([this, &key] {
        for (int done = 0; done < kRounds;) {
          Resource object = *must(store().get(key));
          object.meta.labels["count"] = std::to_string(std::stoi(object.meta.labels["count"]) + 1);
          const auto result = store().update(object);
          if (result) {
            ++done;
          } else {
            ASSERT_EQ(result.error().code(), StatusCode::kConflict);
          }
        }
      }));
    }
  }
  EXPECT_EQ(must(store().get(key))->meta.labels.at("count"), std::to_string(kWriters * kRounds));
}

TEST_P(ObjectStoreContract, OneOfManyCreatesWins) {
  std::atomic<int> won{0};
  std::atomic<int> refused{0};
  store();
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(test_thread([this, &won, &refused] {
        for (int round = 0; round < 20; ++round) {
          const auto result = store().create(sample_flag("race-" + std::to_string(round)));
          if (result) {
            ++won;
          } else if (result.error().code() == StatusCode::kAlreadyExists) {
            ++refused;
          }
        }
      }));
    }
  }
  EXPECT_EQ(won, 20);
  EXPECT_EQ(refused, 20 * (kWriters - 1));
}

TEST_P(ObjectStoreContract, AWriterReadsItsOwnWritesAtOnce) {
  store();
  std::vector<std::jthread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(test_thread([this, i] {
      Resource object = created(sample_flag("w" + std::to_string(i)));
      for (int round = 0; round < kRounds; ++round) {
        ASSERT_EQ(stored(object), object);
        object = updated(with_suspend(object, round % 2 == 0));
        ASSERT_GE(version_now(), object.meta.resource_version);
      }
    }));
  }
}

}  // namespace
}  // namespace ripcord
