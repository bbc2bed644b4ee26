// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/event_ring.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {

void EventRing::record(const Event& event) {
  if (next_ != nullptr) {
    next_->record(event);
  }
  const WallTime now = clock_.wall_now();
  const bool warning = event.type == Event::Type::kWarning;
  MutexLock lock(mutex_);
  ++version_;
  const auto same = [&](const codec::ApiEvent& seen) {
    return seen.regarding == event.regarding && seen.regarding_uid == event.regarding_uid &&
           seen.warning == warning && seen.reason == event.reason && seen.action == event.action &&
           seen.note == event.note;
  };
  codec::ApiEvent entry;
  const auto at = std::find_if(events_.begin(), events_.end(), same);
  if (at != events_.end()) {
    entry = std::move(*at);
    events_.erase(at);
    ++entry.count;
  } else {
    entry.name = fmt::format("{}.{:016x}", event.regarding.name,
                             static_cast<std::uint64_t>(now.time_since_epoch().count()) +
                                 static_cast<std::uint64_t>(version_));
    entry.regarding = event.regarding;
    entry.regarding_uid = event.regarding_uid;
    entry.warning = warning;
    entry.reason = event.reason;
    entry.action = event.action;
    entry.note = event.note;
    entry.first = now;
  }
  entry.version = version_;
  entry.last = now;
  events_.push_back(std::move(entry));
  if (events_.size() > limit_) {
    events_.pop_front();
  }
}

std::vector<codec::ApiEvent> EventRing::all() const {
  MutexLock lock(mutex_);
  return {events_.begin(), events_.end()};
}

}  // namespace ripcord::apiserver
