// SPDX-License-Identifier: Apache-2.0
// What a write has done to the disk by the time it is acknowledged.
#include "adapters/embedded/object_store.h"
#include "tests/integration/embedded_store/io_probe.h"
#include "tests/support/process.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

namespace ripcord {
namespace {

std::unique_ptr<EmbeddedObjectStore> open_store(const std::filesystem::path& directory,
                                                const Clock& clock) {
  EmbeddedStoreOptions options;
  options.directory = directory;
  options.checkpoint_pages = 16;
  auto store = EmbeddedObjectStore::open(std::move(options), clock);
  if (!store) {
    throw std::runtime_error(to_string(store.error()));
  }
  return *std::move(store);
}

TEST(EmbeddedStoreDurability, APowerCutLosesNoAcknowledgedWrite) {
  const TempDir directory;
  const SystemClock clock;
  const std::filesystem::path live = directory.path() / "live";
  // Holds of each file what it was at its last sync: all that is left after a power cut that loses
  // everything that was not synced.
  const std::filesystem::path disk = directory.path() / "disk";
  std::filesystem::create_directory(disk);
  const std::filesystem::path arriving = directory.path() / "arriving";
  const auto on_disk = [&disk](const std::string& path) {
    return disk / std::filesystem::path(path).filename();
  };
  // The store that is recovered has a disk of its own.
  const auto is_live = [&live](const std::string& path) {
    return std::filesystem::path(path).parent_path() == live;
  };
  const IoProbe probe(
      [&](const IoStep& step) {
        // Removals come to the disk with the directory's sync, which making the log causes.
        if (step.type == IoStep::Type::kRemove && is_live(step.path)) {
          std::filesystem::remove(on_disk(step.path));
        }
        return IoVerdict::kGoOn;
      },
      [&](const std::string& path) {
        if (!is_live(path)) {
          return;
        }
        // In one step: the log is shortened after the answer, while what is there is being read.
        write_file(arriving, read_file(path));
        std::filesystem::rename(arriving, on_disk(path));
      });
  const auto store = open_store(live, clock);
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(store->create(sample_flag("flag-" + std::to_string(i))));
    if (i % 3 == 2) {
      ASSERT_OK(store->remove(sample_flag("flag-" + std::to_string(i - 1)).key()));
    }
    if (i % 10 == 9) {
      const std::filesystem::path after = directory.path() / ("after-" + std::to_string(i));
      std::filesystem::create_directory(after);
      for (const auto& file : std::filesystem::directory_iterator(disk)) {
        write_file(after / file.path().filename(), read_file(file.path()));
      }
      const auto recovered = open_store(after, clock);
      const ObjectList want = *store->list(Kind::kFeatureFlag);
      const ObjectList got = *recovered->list(Kind::kFeatureFlag);
      EXPECT_EQ(got.resource_version, want.resource_version);
      ASSERT_EQ(got.items.size(), want.items.size());
      for (std::size_t n = 0; n < want.items.size(); ++n) {
        EXPECT_EQ(*got.items[n], *want.items[n]);
      }
    }
  }
}

TEST(EmbeddedStoreDurability, EveryLoneWriteIsSyncedAndConcurrentOnesShareSyncs) {
  const TempDir directory;
  const SystemClock clock;
  std::atomic<int> syncs{0};
  const IoProbe probe([&syncs](const IoStep& step) {
    syncs += step.type == IoStep::Type::kSync ? 1 : 0;
    // Makes a commit slow enough for others to gather behind it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return IoVerdict::kGoOn;
  });
  EmbeddedStoreOptions options;
  options.directory = directory.path() / "data";
  const auto store = *EmbeddedObjectStore::open(std::move(options), clock);

  for (int i = 0; i < 10; ++i) {
    const int before = syncs;
    ASSERT_OK(store->create(sample_flag("lone-" + std::to_string(i))));
    EXPECT_GE(syncs, before + 1);
  }
  const int before = syncs;
  constexpr int kWriters = 16;
  constexpr int kEach = 10;
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&store, w] {
        for (int i = 0; i < kEach; ++i) {
          ASSERT_OK(store->create(sample_flag("w" + std::to_string(w) + "-" + std::to_string(i))));
        }
      });
    }
  }
  EXPECT_LT(syncs - before, kWriters * kEach / 2);
}

TEST(EmbeddedStoreDurability, AFailedSyncIsNoSuccess) {
  for (const IoStep::Type type : {IoStep::Type::kSync, IoStep::Type::kWrite}) {
    const TempDir directory;
    const SystemClock clock;
    std::atomic<bool> broken{false};
    const IoProbe probe([&broken, type](const IoStep& step) {
      return broken && step.type == type ? IoVerdict::kFail : IoVerdict::kGoOn;
    });
    Resource object;
    {
      const auto store = open_store(directory.path() / "data", clock);
      object = *store->create(sample_flag("a")).value();
      const auto watch = *store->watch(Kind::kFeatureFlag, object.meta.resource_version);
      broken = true;
      EXPECT_CODE(store->update(with_suspend(object, true)), StatusCode::kUnavailable);
      EXPECT_CODE(store->create(sample_flag("b")), StatusCode::kUnavailable);
      EXPECT_EQ(*store->get(object.key()).value(), object) << "readers see what is durable";
      EXPECT_CODE(watch->next(Duration::zero(), {}), StatusCode::kDeadlineExceeded);
      broken = false;
      const auto after = store->update(with_suspend(object, true));
      ASSERT_OK(after);
      EXPECT_GT((*after)->meta.resource_version, object.meta.resource_version);
      EXPECT_EQ(*watch->next(std::chrono::seconds(30), {})->object, **after);
      object = **after;
    }
    const auto store = open_store(directory.path() / "data", clock);
    EXPECT_EQ(*store->get(object.key()).value(), object);
    EXPECT_CODE(store->get(sample_flag("b").key()), StatusCode::kNotFound);
  }
}

}  // namespace
}  // namespace ripcord
