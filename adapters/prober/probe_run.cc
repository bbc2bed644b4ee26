// SPDX-License-Identifier: Apache-2.0
#include "adapters/prober/probe_run.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord {

ProbeRun::ProbeRun(HttpClient& client, Clock& clock, TrafficVerification verification)
    : client_(client), clock_(clock), verification_(std::move(verification)) {
  {
    const MutexLock lock(mutex_);
    last_success_ = clock_.now();
  }
  pacer_ = std::jthread([this] { beat(stop_.get_token()); });
}

ProbeRun::~ProbeRun() {
  stop_.request_stop();
  pacer_.join();
  std::vector<std::jthread> workers;
  {
    const MutexLock lock(mutex_);
    workers.swap(workers_);
    wake_.notify_all();
  }
}

void ProbeRun::beat(std::stop_token stop) {
  const Duration interval =
      std::max<Duration>(verification_.interval, std::chrono::milliseconds(1));
  MonoTime next = clock_.now();
  do {
    {
      const MutexLock lock(mutex_);
      if (due_ < idle_) {
        ++due_;
        wake_.notify_one();
      } else if (workers_.size() < kMaxInFlight) {
        ++due_;
        workers_.emplace_back([this, stop] { work(stop); });
      }
    }
    next = std::max(next + interval, clock_.now());
  } while (clock_.sleep_for(next - clock_.now(), stop) && !stop.stop_requested());
}

void ProbeRun::work(std::stop_token stop) {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      ++idle_;
      while (due_ == 0 && !stop.stop_requested()) {
        wake_.wait(mutex_);
      }
      --idle_;
      if (stop.stop_requested()) {
        return;
      }
      --due_;
    }
    probe(stop);
  }
}

void ProbeRun::probe(std::stop_token stop) {
  HttpRequest request;
  request.url = verification_.url;
  request.timeout = verification_.timeout;
  request.new_connection = true;
  const auto response = client_.send(request, stop);
  if (stop.stop_requested()) {
    return;
  }
  if (!response) {
    count(response.error().message());
  } else if (response->status < 200 || response->status >= 400) {
    count(fmt::format("GET {} answered {}", verification_.url, response->status));
  } else {
    count({});
  }
}

void ProbeRun::count(const std::string& failure) {
  const MutexLock lock(mutex_);
  ++report_.probes;
  if (!failure.empty()) {
    ++report_.failures;
    report_.last_error = failure;
    return;
  }
  const MonoTime now = clock_.now();
  report_.longest_gap = std::max(report_.longest_gap, now - last_success_);
  last_success_ = now;
}

TrafficProber::Report ProbeRun::report() const {
  const MutexLock lock(mutex_);
  Report report = report_;
  report.longest_gap = std::max(report.longest_gap, clock_.now() - last_success_);
  return report;
}

}  // namespace ripcord
