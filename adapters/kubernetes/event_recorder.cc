// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/event_recorder.h"

#include "adapters/kubernetes/resource_path.h"
#include "controller/codec/cluster_event.h"

#include <algorithm>
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
      turns_(options_.burst),
      paced_(clock.now()),
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
  MonoTime looked = clock_.now();
  for (;;) {
    const std::optional<Waiting> next = take(stop);
    const MonoTime now = clock_.now();
    if (stop.stop_requested() && farewell == MonoTime{}) {
      farewell = now + kFarewell;
    }
    if (farewell != MonoTime{} && now > farewell) {
      return;
    }
    if (next) {
      send(*next, stop);
    }
    if (!next || now - looked >= kTick) {
      looked = now;
      end_quiet_series(stop);
    }
    if (!next && stop.stop_requested()) {
      return;
    }
  }
}

// Nothing after a tick without one, or at the end.
std::optional<EventRecorder::Waiting> EventRecorder::take(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  const auto tick = std::chrono::steady_clock::now() + kTick;
  while (waiting_.empty() && !stop.stop_requested() && changed_.wait_until(mutex_, tick)) {
  }
  if (waiting_.empty()) {
    return std::nullopt;
  }
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

// Waits for the turn of one request; not at the end.
void EventRecorder::pace(const std::stop_token& stop) {
  const auto count = [this] {
    const MonoTime now = clock_.now();
    turns_ = std::min(options_.burst, turns_ + to_seconds(now - paced_) * options_.per_second);
    paced_ = now;
  };
  count();
  while (turns_ < 1 && !stop.stop_requested()) {
    const std::chrono::duration<double> wait((1 - turns_) / options_.per_second);
    clock_.sleep_for(std::chrono::ceil<Duration>(wait), stop);
    count();
  }
  turns_ = std::max(0.0, turns_ - 1);
}

void EventRecorder::send(const Waiting& waiting, const std::stop_token& stop) {
  const Event& event = waiting.event;
  const std::string key = key_of(event);
  const MonoTime now = clock_.now();
  if (const auto known = series_.find(key); known != series_.end() && known->second.lost) {
    series_.erase(known);  // its Event is gone: a new one is begun
  } else if (known != series_.end()) {
    Series& series = known->second;
    ++series.count;
    series.last = waiting.at;
    series.seen = now;
    if (series.count == 2 || now - series.patched >= options_.series_pause) {
      tell(series, stop);
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
  pace(stop);
  const Result<HttpResponse> response = client_.send(request);
  if (response && response->status / 100 == 2) {
    metrics_.add(kEvents, {"sent"});
    series_[key] = {event.regarding.ns, body.name, 1, 1, waiting.at, now, now, false};
    return;
  }
  metrics_.add(kEvents, {"failed"});
  log_.debug("an event could not be written",
             {{"object", to_string(event.regarding)},
              {"reason", event.reason},
              {"error",
               response ? fmt::format("HTTP {}", response->status) : response.error().message()}});
}

void EventRecorder::tell(Series& series, const std::stop_token& stop) {
  HttpRequest request;
  request.method = "PATCH";
  request.url = fmt::format("{}/apis/events.k8s.io/v1/namespaces/{}/events/{}", options_.server,
                            escaped(series.ns), escaped(series.name));
  request.headers["content-type"] = "application/merge-patch+json";
  request.body = codec::encode_event_series(series.count, series.last);
  request.timeout = kRequestTimeout;
  pace(stop);
  const Result<HttpResponse> response = client_.send(request);
  const bool sent = response && response->status / 100 == 2;
  metrics_.add(kEvents, {sent ? "sent" : "failed"});
  series.patched = clock_.now();
  if (sent) {
    series.told = series.count;
  } else if (response && response->status == 404) {
    series.lost = true;
  }
}

void EventRecorder::end_quiet_series(const std::stop_token& stop) {
  const MonoTime now = clock_.now();
  for (auto at = series_.begin(); at != series_.end();) {
    if (now - at->second.seen < options_.series_end) {
      ++at;
      continue;
    }
    if (at->second.told < at->second.count && !at->second.lost) {
      tell(at->second, stop);
    }
    at = series_.erase(at);
  }
}

}  // namespace ripcord::kubernetes
