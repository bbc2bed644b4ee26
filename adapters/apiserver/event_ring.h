// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last events of the process, for `kubectl describe` and `kubectl events`; lost at exit. The
// same event again (object, type, reason, action, note) counts up. Hands each one on to the next
// sink. Thread-safe; the clock and the next sink must outlive it.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/codec/api_events.h"
#include "controller/ports/events.h"

#include <cstddef>
#include <deque>
#include <vector>

namespace ripcord::apiserver {

class EventRing final : public EventSink {
 public:
  EventRing(const Clock& clock, EventSink* next = nullptr, std::size_t limit = 1000)
      : clock_(clock), next_(next), limit_(limit) {}

  void record(const Event& event) override;
  // Oldest first.
  std::vector<codec::ApiEvent> all() const;

 private:
  const Clock& clock_;
  EventSink* const next_;
  const std::size_t limit_;
  mutable Mutex mutex_;
  std::deque<codec::ApiEvent> events_ GUARDED_BY(mutex_);
  std::int64_t version_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ripcord::apiserver
