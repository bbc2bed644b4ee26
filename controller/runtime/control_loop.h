// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps the objects of one kind converged: an ObjectFeed fills a WorkQueue, N workers call the
// Reconciler. Kinds have loops of their own, so that a long restore never delays a flag.
//
// - An exception or a failure costs its key a back-off and nothing else.
// - Every object is looked at again after `resync`, spread by `resync_jitter`, to find drift; later
//   where there are so many of a kind that this would be more than `most_resyncs` a second.
// - stop() asks the reconciles in hand to finish or abandon their step, gives out no further keys,
//   and waits; the next process finds the rest again, since the queue only holds keys.
// Everything passed in must outlive the loop. start(), stop() and destruction are for one thread;
// health() is safe from any.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/runtime/health.h"
#include "controller/runtime/object_feed.h"
#include "controller/runtime/reconciler.h"
#include "controller/runtime/work_queue.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ripcord {

struct ControlLoopOptions {
  Kind kind = Kind::kFeatureFlag;
  int workers = 1;
  Duration resync = std::chrono::minutes(5);
  double resync_jitter = 0.1;  // of the interval, both ways
  double most_resyncs = 20;    // a second
  QueuePolicy queue;           // its seed also seeds the resync's jitter and the reconcile ids
};

class ControlLoop {
 public:
  ControlLoop(ControlLoopOptions options, const ObjectReader& store, Reconciler& reconciler,
              MetricSink& metrics, Clock& clock, Logger log);
  // Waits for the workers without a bound when stop() was not called or gave up.
  ~ControlLoop();
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  void start();
  // True when every worker returned within `bound` (real time). False: a reconcile is stuck; end
  // the process without destroying the loop, every step is safe against that.
  bool stop(Duration bound = std::chrono::seconds(30));
  // Queues every object that is known, at low priority.
  void revisit();
  // One of them, when it is known; after `delay` whatever else is waited for.
  void revisit(const ObjectKey& key, Priority priority, Duration delay = {});
  Kind kind() const { return options_.kind; }
  LoopHealth health() const;
  // For clocks that jump: looks at the deadlines again.
  void wake() { queue_.wake(); }

 private:
  void work(const std::stop_token& stop);
  void run_one(const QueueItem& item, const std::stop_token& stop);
  Outcome fenced_reconcile(const ReconcileRequest& request);
  void settle(const QueueItem& item, const Outcome& outcome, Duration took);
  void report(const ReconcileRequest& request, const QueueItem& item, const Outcome& outcome,
              Duration took);
  void publish_zeros();
  void busy(int change);
  std::string next_id();
  Duration next_resync();

  const ControlLoopOptions options_;
  const std::string name_;  // snake_name(kind)
  Reconciler& reconciler_;
  MetricSink& metrics_;
  Clock& clock_;
  const Logger log_;
  WorkQueue queue_;
  ObjectFeed feed_;
  std::atomic<std::uint64_t> ids_;

  mutable Mutex mutex_;
  CondVar returned_;
  int running_ GUARDED_BY(mutex_) = 0;  // threads, the feed's included
  int busy_ GUARDED_BY(mutex_) = 0;
  std::optional<WallTime> last_success_ GUARDED_BY(mutex_);
  std::string last_error_ GUARDED_BY(mutex_);
  std::optional<WallTime> last_error_at_ GUARDED_BY(mutex_);

  std::vector<std::jthread> threads_;  // last: joined before anything they use is gone
};

}  // namespace ripcord
