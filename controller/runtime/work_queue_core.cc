// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/work_queue_core.h"

#include <algorithm>
#include <stdexcept>

namespace ripcord {

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
  if (entry.backoff && !entry.queued) {
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
  if (!entry.after || at < *entry.after) {
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
      high_.empty() ||
      (!low_.empty() && low_.begin()->first.first + policy_.ageing <= high_.begin()->first.first);
  Ready& from = take_low ? low_ : high_;
  Node& node = *from.begin()->second;
  from.erase(from.begin());
  Entry& entry = node.second;
  QueueItem item{node.first, entry.priority, entry.generation, now - entry.queued->first};
  entry.queued.reset();
  entry.processing = true;
  entry.started = now;
  entry.early = entry.backoff.has_value();
  entry.run_generation = entry.generation;
  entry.run_priority = std::exchange(entry.priority, Priority::kLow);
  running_.push_back(&node);
  return item;
}

void WorkQueueCore::succeeded(const ObjectKey& key, MonoTime now) {
  release_due(now);
  Node& node = processing_node(key);
  node.second.failures = 0;
  node.second.backoff.reset();
  node.second.early_used = false;
  finish(node, now);
}

Duration WorkQueueCore::failed(const ObjectKey& key, MonoTime now) {
  release_due(now);
  Node& node = processing_node(key);
  Entry& entry = node.second;
  entry.priority = std::max(entry.priority, entry.run_priority);
  if (entry.generation != entry.run_generation) {
    // What failed is not what is wanted any more; adopt_generation() has reset the back-off.
    finish(node, now);
    return Duration::zero();
  }
  if (!entry.early) {
    ++entry.failures;
  }
  if (!entry.backoff && !shutdown_) {
    entry.backoff = now + backoff_delay(entry.failures);
    entry.early_used = false;
  }
  const Duration delay = entry.backoff ? *entry.backoff - now : Duration::zero();
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
    entry.deadline.reset();
    entry.after.reset();
    entry.backoff.reset();
    entry.failures = 0;
    if (how == Shutdown::kDrop) {
      entry.queued.reset();
      entry.again = Again::kNo;
    }
    it = entry.queued || entry.processing ? std::next(it) : entries_.erase(it);
  }
}

std::optional<MonoTime> WorkQueueCore::next_deadline() const {
  return deadlines_.empty() ? std::nullopt
                            : std::optional<MonoTime>(deadlines_.begin()->first.first);
}

std::pair<Duration, Duration> WorkQueueCore::unfinished_work(MonoTime now) const {
  Duration sum{};
  Duration longest{};
  for (const Node* node : running_) {
    const Duration took = now - node->second.started;
    sum += took;
    longest = std::max(longest, took);
  }
  return {sum, longest};
}

void WorkQueueCore::release_due(MonoTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    const MonoTime at = deadlines_.begin()->first.first;
    Node& node = *deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    node.second.deadline.reset();
    fire(node, at);
  }
}

void WorkQueueCore::fire(Node& node, MonoTime at) {
  Entry& entry = node.second;
  Priority priority = Priority::kLow;
  const bool asked_for = entry.after && *entry.after <= at;
  if (asked_for) {
    entry.after.reset();
    priority = std::exchange(entry.after_priority, Priority::kLow);
  }
  if (entry.backoff && *entry.backoff <= at) {
    entry.backoff.reset();
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
  Rank rank{since, arrivals_++};
  if (entry.queued) {
    rank = std::min(rank, *entry.queued);
    ready(entry.priority).erase(*entry.queued);
  }
  entry.queued = rank;
  entry.priority = std::max(priority, entry.priority);
  Ready& to = ready(entry.priority);
  to.emplace_hint(to.end(), rank, &node);  // nearly always the newest
}

void WorkQueueCore::place_deadline(Node& node) {
  Entry& entry = node.second;
  std::optional<MonoTime> at = entry.after;
  if (entry.backoff && (!at || *entry.backoff < *at)) {
    at = entry.backoff;
  }
  if (entry.deadline && at == entry.deadline->first) {
    return;
  }
  if (entry.deadline) {
    deadlines_.erase(*entry.deadline);
    entry.deadline.reset();
  }
  if (at) {
    entry.deadline = Rank{*at, arrivals_++};
    deadlines_.emplace(*entry.deadline, &node);
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
  if (entry.backoff) {
    entry.backoff.reset();
    place_deadline(node);
  }
}

void WorkQueueCore::finish(Node& node, MonoTime now) {
  Entry& entry = node.second;
  entry.processing = false;
  std::erase(running_, &node);
  place_deadline(node);
  const Again again = std::exchange(entry.again, Again::kNo);
  if (again == Again::kDeadline || (again == Again::kEvent && !entry.backoff)) {
    make_ready(node, entry.priority, now);
  } else if (again == Again::kEvent && !entry.early_used) {
    entry.early_used = true;
    make_ready(node, entry.priority, now);
  }
  drop_if_idle(node);
}

void WorkQueueCore::drop_if_idle(Node& node) {
  const Entry& entry = node.second;
  if (!entry.queued && !entry.processing && !entry.deadline) {
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

WorkQueueCore::Node& WorkQueueCore::processing_node(const ObjectKey& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end() || !it->second.processing) {
    throw std::logic_error("work queue: finished a key that no worker has: " + to_string(key));
  }
  return *it;
}

}  // namespace ripcord
