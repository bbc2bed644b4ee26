// SPDX-License-Identifier: Apache-2.0
#pragma once
// Converges a TrafficTarget: asks the router where traffic goes, decides (policy/traffic_target.h),
// puts the intent on record, moves the traffic, verifies it through the router, and watches it for
// spec.verification.window.
//
// A switch, in the order of its outside effects:
//   intent in status.history (published) -> prober -> router -> first success of a request that
//   began after the router had obeyed (published: the switch is completed) -> window -> status
// Killed anywhere, the next reconcile finds the intent and goes on; a completed switch whose window
// did not end is watched again, not made again.
//
// What is measured:
// - lastSwitch.durationSeconds: from the first command to that first success; not the window.
// - lastSwitch.downtimeSeconds: 0 when no probe failed from just before the first command to the
//   end of the window; else the longest gap between two successful probes, less one interval.
// - The failures that count against maxFailures are those of requests that began after the switch.
// Without verification.url the router's own word is the verification and there is no window.
//
// The window ends early when the object changes, so that a way back never waits for it.
// Thread-safe for different objects; everything in TrafficPorts must outlive it.

#include "controller/base/clock.h"
#include "controller/base/trace.h"
#include "controller/policy/traffic_target.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/ports/traffic_router.h"
#include "controller/strategies/rollback_available.h"
#include "controller/strategies/strategy.h"

namespace ripcord {

struct TrafficPorts {
  TrafficRouters& routers;
  TrafficProbers& probers;
  const ObjectReader& objects;  // asked during a window whether the object has changed
  MetricSink& metrics;
  Clock& clock;
  bool simulated = false;  // what status says about the router and the clock
  Trace trace = {};
};

class TrafficTargetStrategy final : public Strategy {
 public:
  explicit TrafficTargetStrategy(TrafficPorts ports)
      : ports_(std::move(ports)), available_(ports_.metrics, Kind::kTrafficTarget) {}

  Kind kind() const override { return Kind::kTrafficTarget; }
  Result<Plan> plan(const Resource& object, std::stop_token stop) override;
  Outcome converge(Reconcile& reconcile) override;
  void forget(const ObjectKey& key) override;

 private:
  TrafficPorts ports_;
  RollbackAvailable available_;  // while the router has another environment to go to
};

}  // namespace ripcord
