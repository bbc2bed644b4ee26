// SPDX-License-Identifier: Apache-2.0
#pragma once
// Leadership by a coordination.k8s.io Lease, as client-go's leaderelection does it, and the fence
// that it is not: while leading, left() tells until when a write may be under way, counted from the
// moment at which the last renewal that succeeded was *sent*, on a clock that goes on while the
// machine is suspended. Nobody has to run for it to end.
//
//   following --(lease free, released, or its record unchanged for its duration)--> leading
//   leading   --(not renewed for renew_deadline, or another holder seen)----------> following
//
// A candidate looks every retry / 2 and when the lease ends. It times what it saw itself, so clocks
// of different machines need not agree, only run at the same rate. Thread-safe. Everything passed
// in must outlive it. The client must not be fenced by this.

#include "adapters/kubernetes/write_fence.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/codec/lease.h"
#include "controller/ports/http_client.h"
#include "controller/ports/metrics.h"

#include <functional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

namespace ripcord::kubernetes {

struct LeaderElectorOptions {
  std::string server;
  std::string ns = "ripcord-system";
  std::string name = "ripcord-leader";
  std::string identity;  // unique to this process: "<host name>_<uuid>"
  Duration lease = std::chrono::seconds(15);
  Duration renew_deadline = std::chrono::seconds(10);
  Duration retry = std::chrono::seconds(2);
  // Time on a clock that never goes back and counts suspension: CLOCK_BOOTTIME unless a test gives
  // another.
  std::function<Duration()> boot_time;
  std::uint32_t seed = std::random_device{}();
};

class LeaderElector final : public WriteFence {
 public:
  // Needs lease > renew_deadline > 1.2 * retry.
  LeaderElector(HttpClient& client, LeaderElectorOptions options, Clock& clock, MetricSink& metrics,
                Logger log);
  // Gives the lease up, if it is held.
  ~LeaderElector() override;

  // Candidate from now on.
  void start();
  // True once this process leads; false on `stop`.
  bool await_leading(const std::stop_token& stop);
  // Returns when it does not lead any more, or on `stop`.
  void await_loss(const std::stop_token& stop);
  bool leading() const { return left() > Duration::zero(); }
  // Ends the candidacy; the next candidate need not wait. Call it when nothing writes any more.
  void release();

  Duration left() const override;
  std::string leadership() const override;  // "<identity>/<transitions of the lease>"
  // Who holds the lease, as last seen; empty when nobody.
  std::string holder() const;

 private:
  void campaign(const std::stop_token& stop);
  Duration candidate_pause();
  void guard(const std::stop_token& stop);
  Status attempt(const std::stop_token& stop);
  Status write(const codec::LeaseRecord& wanted, Duration sent, const std::stop_token& stop);
  void saw(const codec::LeaseRecord& record);
  void step_down(const std::string& why);
  std::string path() const;

  HttpClient& client_;
  const LeaderElectorOptions options_;
  Clock& clock_;
  MetricSink& metrics_;
  const Logger log_;
  std::minstd_rand random_;    // of the campaign thread
  codec::LeaseRecord seen_;    // likewise
  Duration seen_at_{};         // likewise
  bool ours_certain_ = false;  // likewise: seen_ is what we wrote last
  mutable Mutex mutex_;
  CondVar changed_;
  bool leading_ GUARDED_BY(mutex_) = false;
  Duration valid_until_ GUARDED_BY(mutex_){};  // of writes
  Duration renewed_ GUARDED_BY(mutex_){};      // when the last good renewal was sent
  std::string holder_ GUARDED_BY(mutex_);
  std::string leadership_ GUARDED_BY(mutex_);
  std::jthread campaign_;
  std::jthread guard_;
};

}  // namespace ripcord::kubernetes
