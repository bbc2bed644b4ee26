// SPDX-License-Identifier: Apache-2.0
#pragma once
// EventSink that writes events.k8s.io/v1 Events to an API server, on a thread of its own. What
// happens again, with the same object, type, reason and action, becomes a series of one Event:
// patched at the second time, then at most every half minute, and when it has been quiet for six
// minutes. Requests beyond a burst are paced, because an Event costs the server as much as the
// status that it tells of; what waits too long because of that, or of a slow server, is dropped,
// oldest first. Recording never fails or waits. Thread-safe. Everything passed in must outlive it.

#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/events.h"
#include "controller/ports/http_client.h"
#include "controller/ports/metrics.h"

#include <deque>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace ripcord::kubernetes {

struct EventRecorderOptions {
  std::string server;
  std::string instance;  // this process: "<pod name>"
  std::size_t most_waiting = 1000;
  double burst = 200;                                // requests that may be made in a row
  double per_second = 5;                             // and afterwards
  Duration series_pause = std::chrono::seconds(30);  // between two patches of one series
  Duration series_end = std::chrono::minutes(6);     // of quiet; then a new Event is begun
};

class EventRecorder final : public EventSink {
 public:
  EventRecorder(HttpClient& client, EventRecorderOptions options, Clock& clock, MetricSink& metrics,
                Logger log);
  // Tries for two seconds to send what waits.
  ~EventRecorder() override;

  void record(const Event& event) override;

 private:
  struct Waiting {
    Event event;
    WallTime at;
  };
  struct Series {
    std::string ns;
    std::string name;
    int count = 1;
    int told = 1;  // the count that the server knows
    WallTime last{};
    MonoTime patched{};
    MonoTime seen{};
    bool lost = false;  // the server has no such Event any more
  };
  void run(const std::stop_token& stop);
  std::optional<Waiting> take(const std::stop_token& stop);
  void pace(const std::stop_token& stop);
  void send(const Waiting& waiting, const std::stop_token& stop);
  void tell(Series& series, const std::stop_token& stop);
  void end_quiet_series(const std::stop_token& stop);

  HttpClient& client_;
  const EventRecorderOptions options_;
  Clock& clock_;
  MetricSink& metrics_;
  const Logger log_;
  std::map<std::string, Series> series_;  // of the thread alone
  std::uint64_t names_ = 0;               // likewise
  double turns_ = 0;                      // likewise: requests that may be made now
  MonoTime paced_{};                      // likewise: when turns_ was counted
  Mutex mutex_;
  CondVar changed_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last
};

}  // namespace ripcord::kubernetes
