// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/rollback_available.h"

#include "controller/strategies/rollback_metrics.h"

namespace ripcord {

RollbackAvailable::RollbackAvailable(MetricSink& metrics, Kind kind)
    : metrics_(metrics), kind_(kind) {
  metrics_.set(metric::kRollbackAvailable, {snake_name(kind_)}, 0);
}

void RollbackAvailable::set(const ObjectKey& key, bool available) {
  const MutexLock lock(mutex_);
  if (available) {
    keys_.insert(key);
  } else {
    keys_.erase(key);
  }
  // Under the lock, so that the gauge never goes back to an older count.
  metrics_.set(metric::kRollbackAvailable, {snake_name(kind_)}, static_cast<double>(keys_.size()));
}

}  // namespace ripcord
