// SPDX-License-Identifier: Apache-2.0
#pragma once
// Events as log lines: the standalone home of what a cluster keeps as events.k8s.io objects.
// Thread-safe.

#include "controller/base/log.h"
#include "controller/ports/events.h"

namespace ripcord::app {

class LogEvents final : public EventSink {
 public:
  explicit LogEvents(Logger log) : log_(std::move(log)) {}
  void record(const Event& event) override {
    const std::vector<LogField> fields = {{"object", to_string(event.regarding)},
                                          {"reason", event.reason},
                                          {"action", event.action},
                                          {"note", event.note}};
    event.type == Event::Type::kWarning ? log_.warning("event", fields)
                                        : log_.info("event", fields);
  }

 private:
  const Logger log_;
};

}  // namespace ripcord::app
