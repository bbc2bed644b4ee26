// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/work_queue_core.h"

#include <algorithm>
#include <stdexcept>

namespace ripcord {

namespace {

// Since when the next key to be served is ready.
MonoTime ready_since(const auto& ready) {
  return (*ready.begin())->second.queued.first;
}

}  // namespace

bool WorkQueueCore::add(const ObjectKey& key, Priority priority, std::int64_t generation,
                        MonoTime now) {
  if (shutdown_) {
    return false;
  }
  release_due(now);
  Node& node = *entries_.try_emplace(key).first;
  Entry& entry = node.second;
  adopt_generation(node, generation);
  if (entry.processing) {
    entry.priority = std::max(entry.priority, priority);
    entry.again = std::max(entry.again, Again::kEvent);
    return true;
  }
  if (entry.backs_off() && !entry.is_queued()) {
    if (entry.early_used) {  // the end of the back-off will serve this event too
      entry.priority = std::max(entry.priority, priority);
      return true;
    }
    entry.early_used = true;
  }
  make_ready(node, priority, now);
  return true;
}

bool WorkQueueCore::add_after(const ObjectKey& key, Duration delay, Priority priority,
                              MonoTime now) {
  if (shutdown_) {
    return false;
  }
  release_due(now);
  Node& node = *entries_.try_emplace(key).first;
  Entry& entry = node.second;
  entry.after_priority = std::max(entry.after_priority, priority);
  const MonoTime at = now + std::max(delay, Duration::zero());
  if (at < entry.after) {
    entry.after = at;
    place_deadline(node);
    release_due(now);
  }
  return true;
}

std::optional<QueueItem> WorkQueueCore::get(MonoTime now) {
  release_due(now);
  if (high_.empty() && low_.empty()) {
    return std::nullopt;
  }
  const bool take_low =
      high_.empty() || (!low_.empty() && ready_since(low_) + policy_.ageing <= ready_since(high_));
  Ready& from = take_low ? low_ : high_;
  Node& node = **from.begin();
  from.erase(from.begin());
  Entry& entry = node.second;
  const MonoTime queued = std::exchange(entry.queued, kNowhere).first;
  const Priority priority = std::exchange(entry.priority, Priority::kLow);
  entry.processing = true;
  running_.push_back({&node, now, entry.generation, priority, entry.backs_off()});
  return QueueItem{node.first, priority, entry.generation, now - queued};
}

void WorkQueueCore::succeeded(const ObjectKey& key, MonoTime now) {
  release_due(now);
  Node& node = *end_run(key).node;
  node.second.failures = 0;
  node.second.backoff = kNever;
  node.second.early_used = false;
  finish(node, now);
}

Duration WorkQueueCore::failed(const ObjectKey& key, MonoTime now) {
  release_due(now);
  const Run run = end_run(key);
  Node& node = *run.node;
  Entry& entry = node.second;
  entry.priority = std::max(entry.priority, run.priority);
  if (entry.generation != run.generation) {
    // What failed is not what is wanted any more; adopt_generation() has reset the back-off.
    finish(node, now);
    return Duration::zero();
  }
  if (!run.early) {
    ++entry.failures;
  }
  if (!entry.backs_off() && !shutdown_) {
    entry.backoff = now + backoff_delay(entry.failures);
    entry.early_used = false;
  }
  const Duration delay = entry.backs_off() ? entry.backoff - now : Duration::zero();
  finish(node, now);
  return delay;
}

void WorkQueueCore::shut_down(Shutdown how, MonoTime now) {
  release_due(now);
  if (shutdown_ == Shutdown::kDrop) {
    return;
  }
  shutdown_ = how;
  deadlines_.clear();
  if (how == Shutdown::kDrop) {
    high_.clear();
    low_.clear();
  }
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    entry.deadline = kNowhere;
    entry.after = kNever;
    entry.backoff = kNever;
    entry.failures = 0;
    if (how == Shutdown::kDrop) {
      entry.queued = kNowhere;
      entry.again = Again::kNo;
    }
    it = entry.is_queued() || entry.processing ? std::next(it) : entries_.erase(it);
  }
}

std::optional<MonoTime> WorkQueueCore::next_deadline() const {
  return deadlines_.empty() ? std::nullopt
                            : std::optional<MonoTime>((*deadlines_.begin())->second.deadline.first);
}

std::pair<Duration, Duration> WorkQueueCore::unfinished_work(MonoTime now) const {
  Duration sum{};
  Duration longest{};
  for (const Run& run : running_) {
    const Duration took = now - run.started;
    sum += took;
    longest = std::max(longest, took);
  }
  return {sum, longest};
}

void WorkQueueCore::release_due(MonoTime now) {
  while (!deadlines_.empty() && (*deadlines_.begin())->second.deadline.first <= now) {
    Node& node = **deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    fire(node, std::exchange(node.second.deadline, kNowhere).first);
  }
}

void WorkQueueCore::fire(Node& node, MonoTime at) {
  Entry& entry = node.second;
  Priority priority = Priority::kLow;
  const bool asked_for = entry.after <= at;
  if (asked_for) {
    entry.after = kNever;
    priority = std::exchange(entry.after_priority, Priority::kLow);
  }
  if (entry.backoff <= at) {
    entry.backoff = kNever;
    entry.early_used = false;
  }
  place_deadline(node);
  if (!entry.processing) {
    make_ready(node, priority, at);
  } else if (asked_for) {
    entry.priority = std::max(entry.priority, priority);
    entry.again = Again::kDeadline;
  }
  // The end of a back-off while a worker has the key asks for nothing: that run is the retry.
}

void WorkQueueCore::make_ready(Node& node, Priority priority, MonoTime since) {
  Entry& entry = node.second;
  if (entry.is_queued()) {
    ready(entry.priority).erase(&node);
  }
  entry.queued = std::min(entry.queued, Rank{since, arrivals_++});
  entry.priority = std::max(priority, entry.priority);
  Ready& to = ready(entry.priority);
  to.insert(to.end(), &node);  // nearly always the newest
}

void WorkQueueCore::place_deadline(Node& node) {
  Entry& entry = node.second;
  const MonoTime at = std::min(entry.after, entry.backoff);
  if (at == entry.deadline.first) {
    return;
  }
  if (entry.deadline != kNowhere) {
    deadlines_.erase(&node);
    entry.deadline = kNowhere;
  }
  if (at != kNever) {
    entry.deadline = {at, arrivals_++};
    deadlines_.insert(&node);
  }
}

void WorkQueueCore::adopt_generation(Node& node, std::int64_t generation) {
  Entry& entry = node.second;
  if (generation == 0 || generation == entry.generation) {
    return;
  }
  entry.generation = generation;
  entry.failures = 0;
  entry.early_used = false;
  if (entry.backs_off()) {
    entry.backoff = kNever;
    place_deadline(node);
  }
}

void WorkQueueCore::finish(Node& node, MonoTime now) {
  Entry& entry = node.second;
  place_deadline(node);
  const Again again = std::exchange(entry.again, Again::kNo);
  if (again == Again::kDeadline || (again == Again::kEvent && !entry.backs_off())) {
    make_ready(node, entry.priority, now);
  } else if (again == Again::kEvent && !entry.early_used) {
    entry.early_used = true;
    make_ready(node, entry.priority, now);
  }
  drop_if_idle(node);
}

void WorkQueueCore::drop_if_idle(Node& node) {
  const Entry& entry = node.second;
  if (!entry.is_queued() && !entry.processing && entry.deadline == kNowhere) {
    entries_.erase(entries_.find(node.first));
  }
}

Duration WorkQueueCore::backoff_delay(int failures) {
  Duration nominal = policy_.backoff_base;
  for (int i = 1; i < failures && nominal < policy_.backoff_max; ++i) {
    nominal *= 2;
  }
  nominal = std::min(nominal, policy_.backoff_max);
  const double share = static_cast<double>(random_() >> 11U) * 0x1p-53;
  return nominal + Duration(static_cast<Duration::rep>(static_cast<double>(nominal.count()) *
                                                       policy_.backoff_jitter * share));
}

WorkQueueCore::Run WorkQueueCore::end_run(const ObjectKey& key) {
  const auto found = std::ranges::find(
      running_, key, [](const Run& run) -> const ObjectKey& { return run.node->first; });
  if (found == running_.end()) {
    throw std::logic_error("work queue: finished a key that no worker has: " + to_string(key));
  }
  const Run run = *found;
  running_.erase(found);
  run.node->second.processing = false;
  return run;
}

}  // namespace ripcord
