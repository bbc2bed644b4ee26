// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/traffic_target.h"

#include "controller/strategies/traffic_observe.h"
#include "controller/strategies/traffic_switch.h"

#include <utility>

namespace ripcord {

Result<Plan> TrafficTargetStrategy::plan(const Resource& object, std::stop_token stop) {
  ASSIGN_OR_RETURN(
      const auto router,
      ports_.routers.open(located(std::get<TrafficTargetSpec>(object.spec), object.meta.ns)));
  ASSIGN_OR_RETURN(
      ObservedTraffic observed,
      observe_traffic(object, *router, ports_.probers, ports_.clock.wall_now(), std::move(stop)));
  return std::move(observed.decision.plan);
}

Outcome TrafficTargetStrategy::converge(Reconcile& reconcile) {
  TrafficConvergence convergence(ports_, reconcile);
  const Outcome outcome = convergence.run();
  available_.set(reconcile.object.key(), convergence.can_go_elsewhere());
  return outcome;
}

// Traffic stays as it is, and no series carries an object's name.
void TrafficTargetStrategy::forget(const ObjectKey& key) {
  available_.set(key, false);
}

}  // namespace ripcord
