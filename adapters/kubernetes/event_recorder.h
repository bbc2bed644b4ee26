// SPDX-License-Identifier: Apache-2.0
#pragma once
// EventSink that writes events.k8s.io/v1 Events to an API server, on a thread of its own. What
// happens again, with the same object, type, reason and action, becomes a series of one Event:
// patched at the second time, then at most every half minute, and when it has been quiet for six
// minutes. When the server is slow the oldest waiting events are dropped; recording never fails or
// waits. Thread-safe. Everything passed in must outlive it.

#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/events.h"
#include "controller/ports/http_client.h"
#include "controller/ports/metrics.h"

#include <deque>
#include <map>
#include <stop_token>
#include <string>
#include <thread>

namespace ripcord::kubernetes {

struct EventRecorderOptions {
  std::string server;
  std::string instance;  // this process: "<pod name>"
  std::size_t most_waiting = 1000;
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
  };
  void run(const std::stop_token& stop);
  void send(const Waiting& waiting);
  void tell(Series& series);
  void end_quiet_series();

  HttpClient& client_;
  const EventRecorderOptions options_;
  Clock& clock_;
  MetricSink& metrics_;
  const Logger log_;
  std::map<std::string, Series> series_;  // of the thread alone
  std::uint64_t names_ = 0;               // likewise
  Mutex mutex_;
  CondVar changed_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last
};

}  // namespace ripcord::kubernetes
