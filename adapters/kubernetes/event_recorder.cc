// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/event_recorder.h"

#include "adapters/kubernetes/resource_path.h"
#include "controller/codec/cluster_event.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

constexpr Duration kRequestTimeout = std::chrono::seconds(5);
constexpr Duration kFarewell = std::chrono::seconds(2);
constexpr Duration kTick = std::chrono::seconds(1);
constexpr std::array<std::string_view, 1> kResultLabel = {"result"};
constexpr MetricDescriptor kEvents = {"ripcord_events_total",
                                      "Events for the API server: sent, failed or dropped.",
                                      MetricType::kCounter, kResultLabel};

std::string key_of(const Event& event) {
  return fmt::format("{}|{}|{}|{}|{}", to_string(event.regarding), event.regarding_uid,
                     static_cast<int>(event.type), event.reason, event.action);
}

}  // namespace

EventRecorder::EventRecorder(HttpClient& client, EventRecorderOptions options, Clock& clock,
                             MetricSink& metrics, Logger log)
    : client_(client),
      options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      log_(std::move(log)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {
  for (const std::string_view result : {"sent", "failed", "dropped"}) {
    metrics_.add(kEvents, {result}, 0);
  }
}

EventRecorder::~EventRecorder() {
  thread_.request_stop();
  changed_.notify_all();
}

void EventRecorder::record(const Event& event) {
  {
    MutexLock lock(mutex_);
    if (waiting_.size() >= options_.most_waiting) {
      waiting_.pop_front();
      metrics_.add(kEvents, {"dropped"});
    }
    waiting_.push_back({event, clock_.wall_now()});
  }
  changed_.notify_all();
}

void EventRecorder::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.notify_all();
  });
  MonoTime farewell{};
  for (;;) {
    std::deque<Waiting> now;
    {
      MutexLock lock(mutex_);
      const auto tick = std::chrono::steady_clock::now() + kTick;
      while (waiting_.empty() && !stop.stop_requested() && changed_.wait_until(mutex_, tick)) {
      }
      now.swap(waiting_);
    }
    if (stop.stop_requested() && farewell == MonoTime{}) {
      farewell = clock_.now() + kFarewell;
    }
    for (const Waiting& waiting : now) {
      if (farewell != MonoTime{} && clock_.now() > farewell) {
        return;
      }
      send(waiting);
    }
    end_quiet_series();
    if (stop.stop_requested() && now.empty()) {
      return;
    }
  }
}

void EventRecorder::send(const Waiting& waiting) {
  const Event& event = waiting.event;
  const std::string key = key_of(event);
  const MonoTime now = clock_.now();
  if (const auto known = series_.find(key); known != series_.end()) {
    Series& series = known->second;
    ++series.count;
    series.last = waiting.at;
    series.seen = now;
    if (series.count == 2 || now - series.patched >= options_.series_pause) {
      tell(series);
    }
    return;
  }
  codec::ClusterEvent body;
  body.name = fmt::format("{}.{:x}{:02x}", event.regarding.name,
                          waiting.at.time_since_epoch().count(), names_++ & 0xFFU);
  body.regarding = event.regarding;
  body.regarding_uid = event.regarding_uid;
  body.warning = event.type == Event::Type::kWarning;
  body.reason = event.reason;
  body.action = event.action;
  body.note = event.note;
  body.time = waiting.at;
  body.reporting_controller = fmt::format("{}/controller", kApiGroup);
  body.reporting_instance = options_.instance;
  HttpRequest request;
  request.method = "POST";
  request.url = fmt::format("{}/apis/events.k8s.io/v1/namespaces/{}/events", options_.server,
                            escaped(event.regarding.ns));
  request.headers["content-type"] = "application/json";
  request.body = codec::encode_event(body);
  request.timeout = kRequestTimeout;
  const Result<HttpResponse> response = client_.send(request);
  if (response && response->status / 100 == 2) {
    metrics_.add(kEvents, {"sent"});
    series_[key] = {event.regarding.ns, body.name, 1, 1, waiting.at, now, now};
    return;
  }
  metrics_.add(kEvents, {"failed"});
  log_.debug("an event could not be written",
             {{"object", to_string(event.regarding)},
              {"reason", event.reason},
              {"error",
               response ? fmt::format("HTTP {}", response->status) : response.error().message()}});
}

void EventRecorder::tell(Series& series) {
  HttpRequest request;
  request.method = "PATCH";
  request.url = fmt::format("{}/apis/events.k8s.io/v1/namespaces/{}/events/{}", options_.server,
                            escaped(series.ns), escaped(series.name));
  request.headers["content-type"] = "application/merge-patch+json";
  request.body = codec::encode_event_series(series.count, series.last);
  request.timeout = kRequestTimeout;
  const Result<HttpResponse> response = client_.send(request);
  const bool sent = response && response->status / 100 == 2;
  metrics_.add(kEvents, {sent ? "sent" : "failed"});
  series.patched = clock_.now();
  if (sent) {
    series.told = series.count;
  } else if (response && response->status == 404) {
    series.seen = {};  // its Event is gone: the next time begins a new one
  }
}

void EventRecorder::end_quiet_series() {
  const MonoTime now = clock_.now();
  for (auto at = series_.begin(); at != series_.end();) {
    if (now - at->second.seen < options_.series_end) {
      ++at;
      continue;
    }
    if (at->second.told < at->second.count && at->second.seen != MonoTime{}) {
      tell(at->second);
    }
    at = series_.erase(at);
  }
}

}  // namespace ripcord::kubernetes
