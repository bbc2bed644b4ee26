// SPDX-License-Identifier: Apache-2.0
// kill -9 of a process in the middle of its writes: at every durable step, at every file operation
// of SQLite (and halfway through each write), and at random moments of concurrent writers.
#include "adapters/embedded/object_store.h"
#include "tests/integration/embedded_store/io_probe.h"
#include "tests/integration/embedded_store/store_workload.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include <sqlite3.h>

namespace ripcord {
namespace {

constexpr int kKilled = 128 + SIGKILL;

std::unique_ptr<EmbeddedObjectStore> open_store(const TempDir& directory, const Clock& clock,
                                                Trace trace = {}) {
  EmbeddedStoreOptions options;
  options.directory = directory.path() / "data";
  options.checkpoint_pages = 16;  // so that short runs have checkpoints in them
  options.trace = std::move(trace);
  auto store = EmbeddedObjectStore::open(std::move(options), clock);
  if (!store) {
    throw std::runtime_error(to_string(store.error()));
  }
  return *std::move(store);
}

// Goes on with the writer's workload up to `total`.
int work(ObjectStore& store, Acknowledged& acknowledged, int writer, int total) {
  while (acknowledged.count(writer) < total) {
    const int number = acknowledged.count(writer);
    if (!workload_write(store, writer, number).ok()) {
      return 1;
    }
    ++acknowledged.count(writer);
    acknowledged.saw(store.list(Kind::kFeatureFlag)->resource_version);
  }
  return 0;
}

void expect_sound(const TempDir& directory) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((directory / "data/objects.db").c_str(), &db), SQLITE_OK);
  std::string verdict;
  sqlite3_exec(
      db, "PRAGMA integrity_check",
      [](void* out, int, char** columns, char**) {
        *static_cast<std::string*>(out) += columns[0];
        return 0;
      },
      &verdict, nullptr);
  sqlite3_close(db);
  EXPECT_EQ(verdict, "ok");
}

// What was acknowledged is there; the one write in hand may be there or not. Counts it if it is.
void expect_nothing_lost(const ObjectStore& store, Acknowledged& acknowledged, int writer) {
  const int count = acknowledged.count(writer);
  const auto state = workload_state(store, writer);
  if (state == expected_state(writer, count)) {
    return;
  }
  EXPECT_EQ(state, expected_state(writer, count + 1)) << "writer " << writer << " after " << count;
  ++acknowledged.count(writer);
}

// Recovers with a plain store and finishes the work: the end is that of an undisturbed run.
void expect_recovery(const TempDir& directory, Acknowledged& acknowledged, int total) {
  const SystemClock clock;
  {
    const auto store = open_store(directory, clock);
    EXPECT_GE(store->list(Kind::kFeatureFlag)->resource_version, acknowledged.version());
    expect_nothing_lost(*store, acknowledged, 0);
    EXPECT_EQ(work(*store, acknowledged, 0, total), 0);
    EXPECT_EQ(workload_state(*store, 0), expected_state(0, total));
  }
  expect_sound(directory);
}

TEST(EmbeddedStoreCrash, KillAtEveryDurableStepLosesNothing) {
  constexpr int kTotal = 20;
  for (int point = 1;; ++point) {
    SCOPED_TRACE("killed at trace point " + std::to_string(point));
    const TempDir directory;
    Acknowledged acknowledged;
    const int exit_code = run_forked([&] {
      const SystemClock clock;
      std::atomic<int> left = point;
      const auto store = open_store(directory, clock, [&left](std::string_view) {
        if (--left == 0) {
          std::raise(SIGKILL);
        }
      });
      return work(*store, acknowledged, 0, kTotal);
    });
    expect_recovery(directory, acknowledged, kTotal);
    if (HasFailure() || exit_code == 0) {
      ASSERT_EQ(exit_code, 0);
      // Three points a commit, two of the schema, and the checkpoints.
      EXPECT_GT(point, 3 * kTotal + 2);
      break;
    }
    ASSERT_EQ(exit_code, kKilled);
  }
}

void kill_at_every_file_operation(IoVerdict death) {
  constexpr int kTotal = 15;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("killed at file operation " + std::to_string(step));
    const TempDir directory;
    Acknowledged acknowledged;
    const int exit_code = run_forked([&] {
      const SystemClock clock;
      std::atomic<int> left = step;
      const IoProbe probe(
          [&left, death](const IoStep&) { return --left == 0 ? death : IoVerdict::kGoOn; });
      const auto store = open_store(directory, clock);
      return work(*store, acknowledged, 0, kTotal);
    });
    expect_recovery(directory, acknowledged, kTotal);
    if (testing::Test::HasFailure() || exit_code == 0) {
      ASSERT_EQ(exit_code, 0);
      EXPECT_GT(step, 2 * kTotal) << "each commit writes and syncs";
      break;
    }
    ASSERT_EQ(exit_code, kKilled);
  }
}

TEST(EmbeddedStoreCrash, KillBeforeEveryFileOperationLosesNothing) {
  kill_at_every_file_operation(IoVerdict::kDieBefore);
}

TEST(EmbeddedStoreCrash, KillHalfwayThroughEveryWriteLosesNothing) {
  kill_at_every_file_operation(IoVerdict::kDieHalfway);
}

TEST(EmbeddedStoreCrash, RandomKillsOfConcurrentWritersLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kRounds = 15;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  const TempDir directory;
  Acknowledged acknowledged;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const auto after = std::chrono::microseconds(random() % 150'000);
    const int exit_code = run_forked([&] {
      const SystemClock clock;
      const auto store = open_store(directory, clock);
      std::vector<std::jthread> writers;
      for (int writer = 0; writer < kWriters; ++writer) {
        writers.emplace_back([&, writer] { work(*store, acknowledged, writer, 1'000'000); });
      }
      std::this_thread::sleep_for(after);
      return std::raise(SIGKILL);
    });
    ASSERT_EQ(exit_code, kKilled);
    const SystemClock clock;
    const auto store = open_store(directory, clock);
    EXPECT_GE(store->list(Kind::kFeatureFlag)->resource_version, acknowledged.version());
    for (int writer = 0; writer < kWriters; ++writer) {
      expect_nothing_lost(*store, acknowledged, writer);
    }
  }
  expect_sound(directory);
  EXPECT_GT(acknowledged.version(), 0) << "the writers never got to write";
}

}  // namespace
}  // namespace ripcord
