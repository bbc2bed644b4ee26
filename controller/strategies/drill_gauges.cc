// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/drill_gauges.h"

#include "controller/strategies/rollback_metrics.h"

#include <algorithm>

namespace ripcord {

void DrillGauges::show(const Resource& object, WallTime now) {
  const auto& spec = std::get<RestoreRequestSpec>(object.spec);
  const auto& status = std::get<RestoreRequestStatus>(object.status);
  if (spec.mode != RestoreMode::kDrill) {
    return;
  }
  const auto seconds_since = [now](WallTime then) { return std::max(to_seconds(now - then), 0.0); };
  if (status.last_drill) {
    metrics_.set(metric::kDrillPassed, {object.meta.ns, object.meta.name},
                 status.last_drill->passed ? 1 : 0);
    metrics_.set(metric::kDrillAge, {object.meta.ns, object.meta.name},
                 seconds_since(status.last_drill->completed_at));
  }
  if (status.next_drill_at) {
    metrics_.set(metric::kDrillOverdue, {object.meta.ns, object.meta.name},
                 seconds_since(*status.next_drill_at));
  }
}

void DrillGauges::forget(const ObjectKey& key) {
  for (const auto* gauge : {&metric::kDrillPassed, &metric::kDrillAge, &metric::kDrillOverdue,
                            &metric::kRestoreProgress}) {
    metrics_.remove(*gauge, {key.ns, key.name});
  }
}

}  // namespace ripcord
