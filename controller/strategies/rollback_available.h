// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gauge ripcord_rollback_available of one strategy: of how many objects the previous state can
// be reached now. From the first moment it is there, at 0. Thread-safe; the sink must outlive it.

#include "controller/base/mutex.h"
#include "controller/model/kind.h"
#include "controller/ports/metrics.h"

#include <set>

namespace ripcord {

class RollbackAvailable {
 public:
  RollbackAvailable(MetricSink& metrics, Kind kind);

  void set(const ObjectKey& key, bool available);

 private:
  MetricSink& metrics_;
  const Kind kind_;
  Mutex mutex_;
  std::set<ObjectKey> keys_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
