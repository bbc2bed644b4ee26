// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gauges of one object's drills: age and result of the last one, how long one is overdue, how
// far a load is. Stateless over the sink, which must outlive it; as thread-safe as that.

#include "controller/model/resource.h"
#include "controller/ports/metrics.h"

namespace ripcord {

class DrillGauges {
 public:
  explicit DrillGauges(MetricSink& metrics) : metrics_(metrics) {}

  // As the status says; shows nothing for an object that is no drill.
  void show(const Resource& object, WallTime now);
  void forget(const ObjectKey& key);

 private:
  MetricSink& metrics_;
};

}  // namespace ripcord
