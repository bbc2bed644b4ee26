// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/work_queue.h"

#include "tests/support/process.h"
#include "tests/unit/runtime/recorded_metrics.h"

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

ObjectKey key(const std::string& name) {
  return {Kind::kFeatureFlag, "default", name};
}

class WorkQueueTest : public testing::Test {
 protected:
  SystemClock clock_;
  RecordedMetrics metrics_;
  WorkQueue queue_{"feature_flag", QueuePolicy{}, clock_, metrics_};
};

TEST_F(WorkQueueTest, GivesEveryKeyToOneWorkerAtATimeUnderLoad) {
  constexpr int kKeys = 16;
  constexpr int kAddsPerProducer = 4000;
  std::array<std::atomic<int>, kKeys> holders{};
  std::array<std::atomic<int>, kKeys> wanted{};  // set by producers before add()
  std::array<std::atomic<int>, kKeys> seen{};    // as read by a worker after get()
  std::atomic<int> overlaps = 0;
  const auto work = [&](unsigned seed) {
    std::minstd_rand random(seed);
    while (const auto item = queue_.get()) {
      const auto k = static_cast<std::size_t>(std::stoi(item->key.name));
      overlaps += holders[k].fetch_add(1) == 0 ? 0 : 1;
      seen[k] = wanted[k].load();
      holders[k].fetch_sub(1);
      if (random() % 8 == 0) {
        queue_.failed(item->key, {});
      } else {
        queue_.succeeded(item->key, {});
      }
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < 4; ++i) {
    workers.emplace_back(work, i + 1);
  }
  {
    std::vector<std::jthread> producers;
    for (unsigned p = 0; p < 3; ++p) {
      producers.emplace_back([&, p] {
        std::minstd_rand random(p + 100);
        for (int i = 0; i < kAddsPerProducer; ++i) {
          const auto k = random() % kKeys;
          ++wanted[k];
          if (random() % 10 == 0) {
            queue_.add_after(key(std::to_string(k)), milliseconds(random() % 3), Priority::kLow);
          } else {
            queue_.add(key(std::to_string(k)),
                       random() % 2 == 0 ? Priority::kHigh : Priority::kLow);
          }
        }
      });
    }
  }
  const bool caught_up = eventually([&] {
    for (std::size_t k = 0; k < kKeys; ++k) {
      if (seen[k] != wanted[k]) {
        return false;
      }
    }
    return true;
  });
  EXPECT_TRUE(caught_up) << "an add was never followed by a get";
  queue_.shut_down(WorkQueueCore::Shutdown::kDrain);
  workers.clear();
  EXPECT_EQ(overlaps, 0);
  EXPECT_EQ(queue_.depth(), 0U);
  EXPECT_EQ(metrics_.value("workqueue_depth{feature_flag,feature_flag,0}"), 0);
  EXPECT_EQ(metrics_.value("workqueue_depth{feature_flag,feature_flag,-100}"), 0);
}

TEST_F(WorkQueueTest, WakesAWaitingWorkerAtTheEarliestDeadline) {
  queue_.add_after(key("late"), hours(1), Priority::kHigh);
  std::jthread adder([this] {
    std::this_thread::sleep_for(milliseconds(20));
    queue_.add_after(key("soon"), milliseconds(20), Priority::kHigh);
  });
  const MonoTime before = clock_.now();
  const auto item = queue_.get();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->key.name, "soon");
  EXPECT_GE(clock_.now() - before, milliseconds(20));
}

TEST_F(WorkQueueTest, HandsTheNextDeadlineOnWhenTheWorkerThatWatchedItGetsBusy) {
  std::atomic<int> got = 0;
  std::atomic<bool> release = false;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&] {
      while (const auto item = queue_.get()) {
        ++got;
        while (item->key.name == "busy" && !release) {
          std::this_thread::sleep_for(milliseconds(1));
        }
        queue_.succeeded(item->key, {});
      }
    });
  }
  queue_.add_after(key("later"), milliseconds(100), Priority::kHigh);
  queue_.add(key("busy"), Priority::kHigh);
  EXPECT_TRUE(eventually([&] { return got == 2; }));
  release = true;
  queue_.shut_down(WorkQueueCore::Shutdown::kDrain);
}

TEST_F(WorkQueueTest, EndsEveryWaitAtShutdown) {
  std::atomic<int> returned = 0;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] {
      while (queue_.get()) {
      }
      ++returned;
    });
  }
  queue_.shut_down(WorkQueueCore::Shutdown::kDrop);
  EXPECT_TRUE(eventually([&] { return returned == 8; }));
  EXPECT_FALSE(queue_.add(key("a"), Priority::kHigh));
}

TEST_F(WorkQueueTest, CountsAddsRetriesAndWork) {
  EXPECT_EQ(metrics_.value("workqueue_adds_total{feature_flag,feature_flag}"), 0);
  EXPECT_EQ(metrics_.value("workqueue_retries_total{feature_flag,feature_flag}"), 0);
  queue_.add(key("a"), Priority::kHigh);
  queue_.add(key("a"), Priority::kHigh);
  EXPECT_EQ(metrics_.value("workqueue_depth{feature_flag,feature_flag,0}"), 1);
  ASSERT_TRUE(queue_.get());
  EXPECT_EQ(metrics_.value("workqueue_depth{feature_flag,feature_flag,0}"), 0);
  queue_.publish_gauges();
  EXPECT_GT(metrics_.value("workqueue_unfinished_work_seconds{feature_flag,feature_flag}"), 0);
  queue_.failed(key("a"), {});
  queue_.publish_gauges();
  EXPECT_EQ(metrics_.value("workqueue_unfinished_work_seconds{feature_flag,feature_flag}"), 0);
  EXPECT_EQ(metrics_.value("workqueue_adds_total{feature_flag,feature_flag}"), 2);
  EXPECT_EQ(metrics_.value("workqueue_retries_total{feature_flag,feature_flag}"), 1);
  EXPECT_EQ(metrics_.value("workqueue_work_duration_seconds{feature_flag,feature_flag}"), 1);
  EXPECT_EQ(metrics_.value("workqueue_queue_duration_seconds{feature_flag,feature_flag}"), 1);
}

}  // namespace
}  // namespace ripcord
