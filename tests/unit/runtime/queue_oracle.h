// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a work queue owes, told apart from how it is built: every call and answer is written down as
// obligations of each key, and an answer that breaks one is a sentence in `violations`.
// Looks at all keys on every call: slow and plain on purpose.

#include "controller/runtime/work_queue_core.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace ripcord {

class QueueOracle {
 public:
  explicit QueueOracle(const QueuePolicy& policy) : policy_(policy) {}

  void added(const ObjectKey& key, Priority priority, std::int64_t generation, MonoTime now) {
    pass(now);
    Owed& owed = keys_[key];
    if (generation != 0 && generation != owed.generation) {
      owed.generation = generation;
      owed.failures = 0;
      owed.retry_at.reset();
      owed.early_taken = false;
    }
    if (owed.running) {
      owed.events_while_running = true;
      owed.next = std::max(owed.next, priority);
      return;
    }
    owed.next = std::max(owed.next, priority);
    event(owed, now);
  }

  void added_after(const ObjectKey& key, Duration delay, Priority priority, MonoTime now) {
    pass(now);
    Owed& owed = keys_[key];
    owed.alarm_priority = owed.alarm ? std::max(owed.alarm_priority, priority) : priority;
    owed.alarm = owed.alarm ? std::min(*owed.alarm, now + delay) : now + delay;
    pass(now);
  }

  void got(const std::optional<QueueItem>& item, MonoTime now) {
    pass(now);
    if (!item) {
      for (const auto& [key, owed] : keys_) {
        check(!owed.ready_at, now, key, "is ready but get() gave nothing (Q2, Q4)");
      }
      return;
    }
    Owed& owed = keys_[item->key];
    check(!owed.running, now, item->key, "was given to a second worker (Q1)");
    check(owed.ready_at.has_value(), now, item->key, "was given without a reason (Q3, Q4)");
    if (!owed.ready_at) {
      return;
    }
    check(item->priority == owed.next, now, item->key, "came with the wrong priority");
    check(item->waited == now - *owed.ready_at, now, item->key, "says a wrong waiting time");
    check(item->generation == owed.generation, now, item->key, "says a wrong generation");
    check_order(item->key, owed, now);
    owed.running = true;
    owed.running_since = now;
    owed.running_generation = owed.generation;
    owed.running_priority = owed.next;
    owed.running_early = owed.retry_at.has_value();
    owed.ready_at.reset();
    owed.next = Priority::kLow;
  }

  void succeeded(const ObjectKey& key, MonoTime now) {
    pass(now);
    Owed& owed = keys_[key];
    owed.failures = 0;
    owed.retry_at.reset();
    owed.early_taken = false;
    finish(owed, now);
  }

  void failed(const ObjectKey& key, Duration delay, MonoTime now) {
    pass(now);
    Owed& owed = keys_[key];
    owed.next = std::max(owed.next, owed.running_priority);
    if (owed.generation != owed.running_generation) {
      check(delay == Duration::zero(), now, key, "backs off although its generation is new");
    } else if (stopped_) {
      check(delay == Duration::zero(), now, key, "backs off in a queue that is shut down");
    } else {
      owed.failures += owed.running_early ? 0 : 1;
      if (owed.retry_at) {
        check(now + delay == *owed.retry_at, now, key, "moved the end of its back-off (Q8)");
      } else {
        check_delay(key, owed, delay, now);
        owed.retry_at = now + delay;
        owed.early_taken = false;
      }
    }
    finish(owed, now);
  }

  void shut_down(WorkQueueCore::Shutdown how, MonoTime now) {
    pass(now);
    stopped_ = true;
    for (auto& [key, owed] : keys_) {
      owed.alarm.reset();
      owed.retry_at.reset();
      if (how == WorkQueueCore::Shutdown::kDrop) {
        owed.ready_at.reset();
        owed.events_while_running = owed.alarm_while_running = false;
      }
    }
  }

  void depths(const WorkQueueCore& queue, MonoTime now) {
    for (const Priority priority : kAllPriorities) {
      const auto want = std::count_if(keys_.begin(), keys_.end(), [&](const auto& entry) {
        return entry.second.ready_at && entry.second.next == priority;
      });
      if (queue.depth(priority) != static_cast<std::size_t>(want)) {
        violations.push_back(fmt::format("{}: depth of {} is {}, not {} (Q7)", text(now),
                                         static_cast<int>(priority), queue.depth(priority), want));
      }
    }
    const auto busy = std::count_if(keys_.begin(), keys_.end(),
                                    [](const auto& entry) { return entry.second.running; });
    if (queue.processing() != static_cast<std::size_t>(busy)) {
      violations.push_back(
          fmt::format("{}: processing() is {}, not {}", text(now), queue.processing(), busy));
    }
  }

  // Lets the oracle see deadlines that have passed, as every call of the queue does.
  void pass(MonoTime now) {
    for (auto& [key, owed] : keys_) {
      // Both deadlines may have passed since the last look; the earlier one comes first.
      const bool retry_first = owed.retry_at && (!owed.alarm || *owed.retry_at <= *owed.alarm);
      if (retry_first) {
        pass_retry(owed, now);
      }
      pass_alarm(owed, now);
      pass_retry(owed, now);
    }
  }

  std::vector<std::string> violations;

 private:
  struct Owed {
    std::optional<MonoTime> ready_at;
    Priority next = Priority::kLow;
    std::int64_t generation = 0;
    bool running = false;
    MonoTime running_since{};
    std::int64_t running_generation = 0;
    Priority running_priority = Priority::kLow;
    bool running_early = false;
    bool events_while_running = false;
    bool alarm_while_running = false;
    std::optional<MonoTime> alarm;
    Priority alarm_priority = Priority::kLow;
    std::optional<MonoTime> retry_at;
    bool early_taken = false;
    int failures = 0;
  };

  static std::string text(MonoTime t) { return fmt::format("t={}", t.time_since_epoch().count()); }

  void check(bool ok, MonoTime now, const ObjectKey& key, const char* what) {
    if (!ok) {
      violations.push_back(fmt::format("{}: {} {}", text(now), key.name, what));
    }
  }

  static void become_ready(Owed& owed, MonoTime at) {
    owed.ready_at = owed.ready_at ? std::min(*owed.ready_at, at) : at;
  }

  static void event(Owed& owed, MonoTime now) {
    if (owed.retry_at && !owed.ready_at) {
      if (owed.early_taken) {
        return;
      }
      owed.early_taken = true;
    }
    become_ready(owed, now);
  }

  static void pass_alarm(Owed& owed, MonoTime now) {
    if (!owed.alarm || *owed.alarm > now) {
      return;
    }
    owed.next = std::max(owed.next, owed.alarm_priority);
    if (owed.running) {
      owed.alarm_while_running = true;
    } else {
      become_ready(owed, *owed.alarm);
    }
    owed.alarm.reset();
  }

  static void pass_retry(Owed& owed, MonoTime now) {
    if (!owed.retry_at || *owed.retry_at > now) {
      return;
    }
    if (!owed.running) {
      become_ready(owed, *owed.retry_at);
    }
    owed.retry_at.reset();
    owed.early_taken = false;
  }

  static void finish(Owed& owed, MonoTime now) {
    owed.running = false;
    if (std::exchange(owed.alarm_while_running, false)) {
      become_ready(owed, now);
      owed.events_while_running = false;
    }
    if (std::exchange(owed.events_while_running, false)) {
      event(owed, now);
    }
    if (!owed.ready_at && !owed.alarm && !owed.retry_at) {
      owed.generation = 0;  // nothing is left to remember it for
    }
  }

  void check_delay(const ObjectKey& key, const Owed& owed, Duration delay, MonoTime now) {
    double nominal = static_cast<double>(policy_.backoff_base.count());
    for (int i = 1; i < owed.failures; ++i) {
      nominal = std::min(nominal * 2, static_cast<double>(policy_.backoff_max.count()));
    }
    const auto actual = static_cast<double>(delay.count());
    check(actual >= nominal && actual <= nominal * (1 + policy_.backoff_jitter) + 1, now, key,
          "backs off for the wrong time (Q5, Q8)");
  }

  void check_order(const ObjectKey& key, const Owed& owed, MonoTime now) {
    const bool low = owed.next == Priority::kLow;
    for (const auto& [other, its] : keys_) {
      if (other == key || !its.ready_at) {
        continue;
      }
      const bool other_low = its.next == Priority::kLow;
      if (low == other_low) {
        check(*its.ready_at >= *owed.ready_at, now, key, "overtook an older key of its priority");
      } else if (low) {
        check(*owed.ready_at + policy_.ageing <= *its.ready_at, now, key,
              "is low and overtook a high key");
      } else {
        check(*its.ready_at + policy_.ageing > *owed.ready_at, now, key,
              "overtook an aged low key (Q9)");
      }
    }
  }

  const QueuePolicy policy_;
  std::map<ObjectKey, Owed> keys_;
  bool stopped_ = false;
};

}  // namespace ripcord
