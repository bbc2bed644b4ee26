// SPDX-License-Identifier: Apache-2.0
#pragma once
// One run of probes through a router; see http_probers.h. One thread keeps the beat; requests run
// on threads that are added only while all others are busy, at most kMaxInFlight: then a beat is
// left out, since those in flight already show the stall.

#include "controller/base/mutex.h"
#include "controller/ports/http_client.h"
#include "controller/ports/traffic_router.h"

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace ripcord {

class ProbeRun final : public TrafficProber {
 public:
  static constexpr std::size_t kMaxInFlight = 64;

  ProbeRun(HttpClient& client, Clock& clock, TrafficVerification verification);
  ~ProbeRun() override;
  ProbeRun(const ProbeRun&) = delete;
  ProbeRun& operator=(const ProbeRun&) = delete;

  Report report() const override;

 private:
  void beat(std::stop_token stop);
  void work(std::stop_token stop);
  void probe(std::stop_token stop);
  void count(const std::string& failure);  // empty = success

  HttpClient& client_;
  Clock& clock_;
  const TrafficVerification verification_;
  std::stop_source stop_;

  mutable Mutex mutex_;
  CondVar wake_;
  Report report_ GUARDED_BY(mutex_);
  MonoTime last_success_ GUARDED_BY(mutex_);
  std::size_t due_ GUARDED_BY(mutex_) = 0;   // beats that no thread has taken yet
  std::size_t idle_ GUARDED_BY(mutex_) = 0;  // threads that wait for a beat
  std::vector<std::jthread> workers_ GUARDED_BY(mutex_);

  std::jthread pacer_;  // last: ends before what it uses
};

}  // namespace ripcord
