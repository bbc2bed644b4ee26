// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/event_ring.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

bool same(const codec::ApiEvent& seen, const Event& event) {
  return seen.regarding == event.regarding && seen.regarding_uid == event.regarding_uid &&
         seen.warning == (event.type == Event::Type::kWarning) && seen.reason == event.reason &&
         seen.action == event.action && seen.note == event.note;
}

codec::ApiEvent first_of(const Event& event, WallTime now) {
  codec::ApiEvent entry;
  entry.regarding = event.regarding;
  entry.regarding_uid = event.regarding_uid;
  entry.warning = event.type == Event::Type::kWarning;
  entry.reason = event.reason;
  entry.action = event.action;
  entry.note = event.note;
  entry.first = now;
  entry.last = now;
  return entry;
}

}  // namespace

void EventRing::record(const Event& event) {
  if (next_ != nullptr) {
    next_->record(event);
  }
  const WallTime now = clock_.wall_now();
  feed_.edit([&](std::deque<codec::ApiEvent>& events, auto note) {
    using Type = WatchEvent::Type;
    const auto at = std::find_if(events.begin(), events.end(),
                                 [&](const codec::ApiEvent& seen) { return same(seen, event); });
    if (at != events.end()) {
      codec::ApiEvent again = std::move(*at);
      events.erase(at);
      ++again.count;
      again.last = now;
      note(Type::kModified, again);
      events.push_back(std::move(again));
      return;
    }
    codec::ApiEvent entry = first_of(event, now);
    // Two in one moment differ in what they follow.
    const std::int64_t after = events.empty() ? 0 : events.back().version;
    entry.name = fmt::format("{}.{:016x}", event.regarding.name,
                             static_cast<std::uint64_t>(now.time_since_epoch().count() + after));
    note(Type::kAdded, entry);
    events.push_back(std::move(entry));
    if (events.size() > limit_) {
      note(Type::kDeleted, events.front());
      events.pop_front();
    }
  });
}

}  // namespace ripcord::apiserver
