// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/work_queue.h"

#include "controller/runtime/metrics.h"

#include <algorithm>

namespace ripcord {
namespace {

// How long a waiting worker trusts its last look at the clock.
constexpr Duration kHeartbeat = std::chrono::seconds(1);

constexpr std::string_view label(Priority priority) {
  return priority == Priority::kHigh ? "0" : "-100";
}

}  // namespace

WorkQueue::WorkQueue(std::string name, const QueuePolicy& policy, const Clock& clock,
                     MetricSink& metrics)
    : name_(std::move(name)), clock_(clock), metrics_(metrics), core_(policy) {
  for (const Priority priority : kAllPriorities) {
    metrics_.set(metric::kQueueDepth, {name_, name_, label(priority)}, 0);
  }
  metrics_.add(metric::kQueueAdds, {name_, name_}, 0);
  metrics_.add(metric::kQueueRetries, {name_, name_}, 0);
  metrics_.declare(metric::kQueueDuration, {name_, name_});
  metrics_.declare(metric::kQueueWorkDuration, {name_, name_});
  publish_gauges();
}

bool WorkQueue::add(const ObjectKey& key, Priority priority, std::int64_t generation) {
  bool needed = false;
  {
    MutexLock lock(mutex_);
    if (!core_.add(key, priority, generation, clock_.now())) {
      return false;
    }
    publish_depth();
    needed = another_needed();
  }
  if (needed) {
    changed_.notify_one();  // without the lock, which the worker needs at once
  }
  metrics_.add(metric::kQueueAdds, {name_, name_});
  return true;
}

bool WorkQueue::add_after(const ObjectKey& key, Duration delay, Priority priority) {
  MutexLock lock(mutex_);
  if (!core_.add_after(key, delay, priority, clock_.now())) {
    return false;
  }
  publish_depth();
  wake_one();
  return true;
}

std::optional<QueueItem> WorkQueue::get() {
  std::optional<QueueItem> item;
  {
    MutexLock lock(mutex_);
    while (!(item = core_.get(clock_.now()))) {
      if (core_.shutting_down()) {
        changed_.notify_all();
        return std::nullopt;
      }
      const auto deadline = core_.next_deadline();
      const Duration wait = deadline ? std::min(*deadline - clock_.now(), kHeartbeat) : kHeartbeat;
      ++waiters_;
      changed_.wait_until(mutex_, std::chrono::steady_clock::now() + wait);
      --waiters_;
    }
    publish_depth();
    wake_one();  // this worker may have been the one that was watching the next deadline
  }
  metrics_.observe(metric::kQueueDuration, {name_, name_}, to_seconds(item->waited));
  return item;
}

void WorkQueue::succeeded(const ObjectKey& key, Duration took) {
  {
    MutexLock lock(mutex_);
    core_.succeeded(key, clock_.now());
    publish_depth();
    wake_one();
  }
  metrics_.observe(metric::kQueueWorkDuration, {name_, name_}, to_seconds(took));
}

Duration WorkQueue::failed(const ObjectKey& key, Duration took) {
  Duration delay{};
  {
    MutexLock lock(mutex_);
    delay = core_.failed(key, clock_.now());
    publish_depth();
    wake_one();
  }
  metrics_.observe(metric::kQueueWorkDuration, {name_, name_}, to_seconds(took));
  metrics_.add(metric::kQueueRetries, {name_, name_});
  return delay;
}

void WorkQueue::shut_down(WorkQueueCore::Shutdown how) {
  MutexLock lock(mutex_);
  core_.shut_down(how, clock_.now());
  publish_depth();
  changed_.notify_all();
}

void WorkQueue::wake() {
  MutexLock lock(mutex_);
  changed_.notify_all();
}

void WorkQueue::publish_gauges() {
  std::pair<Duration, Duration> work;
  {
    MutexLock lock(mutex_);
    work = core_.unfinished_work(clock_.now());
  }
  metrics_.set(metric::kQueueUnfinishedWork, {name_, name_}, to_seconds(work.first));
  metrics_.set(metric::kQueueLongestRunning, {name_, name_}, to_seconds(work.second));
}

std::size_t WorkQueue::depth() const {
  MutexLock lock(mutex_);
  return core_.depth(Priority::kHigh) + core_.depth(Priority::kLow);
}

// Whether a waiting worker has something to take, or a deadline to watch that it does not know:
// none sleeps longer than a heartbeat, so that later deadlines are seen in time without a wake-up.
bool WorkQueue::another_needed() const {
  if (waiters_ == 0) {
    return false;
  }
  const auto deadline = core_.next_deadline();
  return core_.shutting_down() || (deadline && *deadline < clock_.now() + kHeartbeat) ||
         core_.depth(Priority::kHigh) + core_.depth(Priority::kLow) > 0;
}

void WorkQueue::wake_one() {
  if (another_needed()) {
    changed_.notify_one();
  }
}

// Under the lock, so that the gauge never goes back to an older depth.
void WorkQueue::publish_depth() {
  for (std::size_t i = 0; i < kAllPriorities.size(); ++i) {
    const std::size_t depth = core_.depth(kAllPriorities[i]);
    if (depth != published_[i]) {
      published_[i] = depth;
      metrics_.set(metric::kQueueDepth, {name_, name_, label(kAllPriorities[i])},
                   static_cast<double>(depth));
    }
  }
}

}  // namespace ripcord
