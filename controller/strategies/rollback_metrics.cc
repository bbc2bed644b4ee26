// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/rollback_metrics.h"

#include <vector>

namespace ripcord::metric {
namespace {

using Names = std::vector<std::string_view>;

struct KnownValues {
  Names triggers;
  Names results;
  Names stages;
};

KnownValues known_values(Kind kind) {
  switch (kind) {
    case Kind::kFeatureFlag:
      return {{"spec", "override", "automatic"}, {"succeeded", "failed"}, {"act", "verify"}};
    case Kind::kTrafficTarget:
      return {{"spec", "override", "automatic"},
              {"succeeded", "failed", "rolled_back"},
              {"observe", "act", "verify"}};
    case Kind::kMigrationVersion:
      return {{"spec", "override"}, {"succeeded", "failed"}, {"observe", "act", "verify"}};
    case Kind::kRestoreRequest:
      return {{"spec"},
              {"succeeded", "failed"},
              {"check", "load", "count", "verify", "stage", "swap", "revert"}};
  }
  return {};
}

}  // namespace

void declare_rollback_metrics(MetricSink& metrics, Kind kind) {
  const std::string_view strategy = snake_name(kind);
  const KnownValues known = known_values(kind);
  for (const std::string_view trigger : known.triggers) {
    for (const std::string_view result : known.results) {
      metrics.declare(kRollbackDuration, {strategy, trigger, result});
      metrics.declare(kRollbacks, {strategy, trigger, result});
    }
  }
  for (const std::string_view stage : known.stages) {
    metrics.declare(kRollbackStageDuration, {strategy, stage});
  }
  metrics.declare(kRollbackAvailable, {strategy});
  metrics.declare(kSuppressedWrites, {strategy});
  metrics.declare(kWriteConflicts, {strategy});
  metrics.declare(kDriftRepairs, {strategy});
  if (kind == Kind::kTrafficTarget) {
    metrics.declare(kTrafficDowntime, {});
    metrics.declare(kTrafficProbeFailures, {});
  } else if (kind == Kind::kRestoreRequest) {
    metrics.declare(kRestoredRows, {});
  }
}

}  // namespace ripcord::metric
