// SPDX-License-Identifier: Apache-2.0
#pragma once
// Converges a RestoreRequest: observe the server, decide (policy/restore_request.h), load beside,
// count, verify, swap, and later drop what was kept. The status is published before every phase.
// Keeps no state of a restore: a restart asks the server and goes on.

#include "controller/policy/restore_request.h"
#include "controller/ports/restore_database.h"
#include "controller/strategies/drill_gauges.h"
#include "controller/strategies/rollback_available.h"
#include "controller/strategies/strategy.h"

namespace ripcord {

// What a restore works with; all of it outlives the strategy.
struct RestoreTools {
  BackupCatalog& catalog;
  RestoreDatabases& databases;
  EventSink& events;
  MetricSink& metrics;
  const Clock& clock;
};

class RestoreRequestStrategy final : public Strategy {
 public:
  explicit RestoreRequestStrategy(RestoreTools tools)
      : tools_(tools), available_(tools.metrics, Kind::kRestoreRequest), drills_(tools.metrics) {}

  Kind kind() const override { return Kind::kRestoreRequest; }
  Result<Plan> plan(const Resource& object, std::stop_token stop) override;
  // A backup that cannot be loaded or verified ends in phase Failed, for this generation. What may
  // pass by itself is tried again with back-off; what a person has to change is Stalled.
  Outcome converge(Reconcile& reconcile) override;
  void forget(const ObjectKey& key) override;

 private:
  // Conditions, and when to look again.
  Outcome settle(Resource& object, const RestoreDecision& decision);

  RestoreTools tools_;
  RollbackAvailable available_;  // while the previous database is kept
  DrillGauges drills_;
};

}  // namespace ripcord
