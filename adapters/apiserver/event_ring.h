// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last events of the process, for `kubectl describe` and `kubectl events`; lost at exit. The
// same event again (object, type, reason, action, note) counts up. Hands each one on to the next
// sink. Thread-safe; the clock and the next sink must outlive it.

#include "adapters/apiserver/feed.h"
#include "controller/codec/api_events.h"
#include "controller/ports/events.h"

#include <cstddef>

namespace ripcord::apiserver {

class EventRing final : public EventSink {
 public:
  EventRing(const Clock& clock, EventSink* next = nullptr, std::size_t limit = 1000)
      : clock_(clock), next_(next), limit_(limit), feed_(clock, 2 * limit) {}

  void record(const Event& event) override;
  // The events, those that came last at the end.
  const Feed<codec::ApiEvent>& feed() const { return feed_; }

 private:
  const Clock& clock_;
  EventSink* const next_;
  const std::size_t limit_;
  Feed<codec::ApiEvent> feed_;
};

}  // namespace ripcord::apiserver
