// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gauge ripcord_object_state: one series of value 1 for each object and each thing about it
// that a person may want to know now, and none for objects that are simply as declared, so that
// ten thousand flags cost nothing. `state` is overridden, stalled, not_ready, suspended,
// approval_required or no_way_back; `reason` is that of the condition, empty for overridden.
// Thread-safe; never fails; the sink must outlive it.

#include "controller/base/mutex.h"
#include "controller/model/resource.h"
#include "controller/ports/metrics.h"

#include <map>
#include <string>

namespace ripcord {

class ObjectStates {
 public:
  explicit ObjectStates(MetricSink& metrics) : metrics_(metrics) {}

  // Shows what holds for the object as its status stands, and withdraws what does not any more.
  void show(const Resource& object, WallTime now);
  void forget(const ObjectKey& key);

 private:
  using States = std::map<std::string, std::string>;  // state -> reason
  static States states_of(const Resource& object, WallTime now);
  void replace(const ObjectKey& key, States states) REQUIRES(mutex_);

  MetricSink& metrics_;
  Mutex mutex_;
  std::map<ObjectKey, States> shown_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
