// SPDX-License-Identifier: Apache-2.0
// Random histories of the queue against the oracle (queue_oracle.h). A failure prints its seed;
// RIPCORD_QUEUE_SEED=<seed> runs that history alone, RIPCORD_QUEUE_HISTORIES=<n> more of them.
#include "tests/support/sanitizers.h"
#include "tests/unit/runtime/queue_oracle.h"

#include <cstdlib>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::milliseconds;

class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed), policy_(make_policy(seed)), queue_(policy_), oracle_(policy_) {}

  const std::vector<std::string>& run() {
    const int steps = 8 + pick(40);
    for (int i = 0; i < steps && oracle_.violations.empty(); ++i) {
      step();
      oracle_.depths(queue_, now_);
    }
    if (oracle_.violations.empty()) {
      pick(2) == 0 ? settle() : stop();
    }
    return oracle_.violations;
  }

 private:
  static QueuePolicy make_policy(std::uint64_t seed) {
    QueuePolicy policy;
    policy.backoff_base = milliseconds(8);
    policy.backoff_max = milliseconds(100);
    policy.ageing = milliseconds(20);
    policy.seed = seed;
    return policy;
  }
  int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  ObjectKey any_key() {
    return {Kind::kFeatureFlag, "default", std::string(1, static_cast<char>('a' + pick(4)))};
  }
  Priority any_priority() { return pick(2) == 0 ? Priority::kHigh : Priority::kLow; }

  void step() {
    if (pick(3) == 0) {
      now_ += milliseconds(pick(4) == 0 ? pick(200) : pick(6));
    }
    switch (pick(8)) {
      case 0:
      case 1:
      case 2:
        add();
        break;
      case 3:
        add_after();
        break;
      case 4:
      case 5:
        get();
        break;
      default:
        finish(pick(3) != 0);
    }
  }

  void add() {
    const ObjectKey key = any_key();
    const Priority priority = any_priority();
    const std::int64_t generation = pick(5) == 0 ? ++generation_ : generations_[key];
    generations_[key] = generation;
    EXPECT_TRUE(queue_.add(key, priority, generation, now_));
    oracle_.added(key, priority, generation, now_);
  }

  void add_after() {
    const ObjectKey key = any_key();
    const Priority priority = any_priority();
    const Duration delay = milliseconds(pick(60));
    EXPECT_TRUE(queue_.add_after(key, delay, priority, now_));
    oracle_.added_after(key, delay, priority, now_);
  }

  bool get() {
    const auto item = queue_.get(now_);
    oracle_.got(item, now_);
    if (item) {
      running_.insert(item->key);
    }
    return item.has_value();
  }

  void finish(bool well) {
    if (running_.empty()) {
      return;
    }
    const auto it = std::next(running_.begin(), pick(static_cast<int>(running_.size())));
    const ObjectKey key = *it;
    running_.erase(it);
    if (well) {
      queue_.succeeded(key, now_);
      oracle_.succeeded(key, now_);
    } else {
      const Duration delay = queue_.failed(key, now_);
      oracle_.failed(key, delay, now_);
    }
  }

  // Everything that is owed is served, and then nothing is left.
  void settle() {
    for (int i = 0; i < 1000 && oracle_.violations.empty(); ++i) {
      while (get()) {
      }
      if (running_.empty() && !queue_.next_deadline()) {
        break;
      }
      while (!running_.empty()) {
        finish(true);
      }
      if (const auto deadline = queue_.next_deadline()) {
        now_ = std::max(now_, *deadline);
      }
    }
    expect_empty();
  }

  void stop() {
    const auto how =
        pick(2) == 0 ? WorkQueueCore::Shutdown::kDrain : WorkQueueCore::Shutdown::kDrop;
    queue_.shut_down(how, now_);
    oracle_.shut_down(how, now_);
    EXPECT_FALSE(queue_.add(any_key(), Priority::kHigh, 0, now_));
    EXPECT_FALSE(queue_.add_after(any_key(), milliseconds(1), Priority::kHigh, now_));
    for (int i = 0; i < 1000 && oracle_.violations.empty(); ++i) {
      if (pick(2) == 0) {
        get();
      } else {
        finish(pick(2) == 0);
      }
      oracle_.depths(queue_, now_);
      if (running_.empty() && !get()) {
        break;
      }
    }
    while (!running_.empty()) {
      finish(true);
    }
    while (get()) {
      finish(true);
    }
    expect_empty();
  }

  void expect_empty() {
    oracle_.depths(queue_, now_);
    if (queue_.known() != 0 || queue_.delayed() != 0 || queue_.next_deadline()) {
      oracle_.violations.push_back("the queue keeps something about keys that nobody asks for");
    }
  }

  std::mt19937_64 random_;
  const QueuePolicy policy_;
  WorkQueueCore queue_;
  QueueOracle oracle_;
  MonoTime now_{std::chrono::hours(1)};
  std::set<ObjectKey> running_;
  std::map<ObjectKey, std::int64_t> generations_;
  std::int64_t generation_ = 0;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(WorkQueueModel, KeepsItsPromisesInRandomHistories) {
  const std::uint64_t alone = from_environment("RIPCORD_QUEUE_SEED", 0);
  const std::uint64_t base = alone != 0 ? alone : std::random_device{}() * 1000003ULL + 1;
  const std::uint64_t histories =
      alone != 0 ? 1 : from_environment("RIPCORD_QUEUE_HISTORIES", affordable(100000));
  std::cout << "first seed " << base << ", " << histories << " histories\n";
  for (std::uint64_t i = 0; i < histories; ++i) {
    const auto violations = History(base + i).run();
    ASSERT_TRUE(violations.empty()) << "RIPCORD_QUEUE_SEED=" << base + i << "\n"
                                    << violations.front();
  }
}

}  // namespace
}  // namespace ripcord
