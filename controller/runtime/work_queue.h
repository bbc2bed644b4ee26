// SPDX-License-Identifier: Apache-2.0
#pragma once
// The work queue of one kind, for threads: WorkQueueCore behind a mutex, with blocking get() and
// client-go's metrics. All calls are safe from any thread. The clock and the sink must outlive it.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/ports/metrics.h"
#include "controller/runtime/work_queue_core.h"

#include <optional>
#include <string>

namespace ripcord {

class WorkQueue {
 public:
  // `name` is the metrics' `name` and `controller`; all series start at 0.
  WorkQueue(std::string name, const QueuePolicy& policy, const Clock& clock, MetricSink& metrics);

  // As in WorkQueueCore; false after shut_down.
  bool add(const ObjectKey& key, Priority priority, std::int64_t generation = 0);
  bool add_after(const ObjectKey& key, Duration delay, Priority priority);
  // Waits for a key; nothing once the queue is shut down and has nothing more to give.
  std::optional<QueueItem> get();
  void succeeded(const ObjectKey& key, Duration took);
  Duration failed(const ObjectKey& key, Duration took);
  void shut_down(WorkQueueCore::Shutdown how);
  // Looks at the clock again: for clocks that jump, such as SimulatedClock.
  void wake();
  // Sets the gauges that change with time alone; call it now and then.
  void publish_gauges();
  std::size_t depth() const;

 private:
  void publish_depth() REQUIRES(mutex_);
  bool another_needed() const REQUIRES(mutex_);
  void wake_one() REQUIRES(mutex_);

  const std::string name_;
  const Clock& clock_;
  MetricSink& metrics_;
  mutable Mutex mutex_;
  CondVar changed_;
  WorkQueueCore core_ GUARDED_BY(mutex_);
  int waiters_ GUARDED_BY(mutex_) = 0;
  std::array<std::size_t, kAllPriorities.size()> published_ GUARDED_BY(mutex_) = {};
};

}  // namespace ripcord
