// SPDX-License-Identifier: Apache-2.0
#pragma once
// How one kind is converged, and the reconciler around it that is the same for all: fetch,
// deleting?, suspended?, converge, one status write.

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/policy/plan.h"
#include "controller/ports/events.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/runtime/reconciler.h"
#include "controller/runtime/reference_follower.h"
#include "controller/strategies/object_states.h"

#include <functional>

namespace ripcord {

// What a strategy has in hand during one reconcile. `object` is a copy: change its status only.
struct Reconcile {
  Resource& object;
  const ReconcileRequest& request;
  // Writes the status as it stands now, before the end: for an intent that must be on record before
  // a side effect, and for progress of long work. Conflict and NotFound mean: stop and return.
  std::function<Status()> publish;
};

// Called by several workers for different objects: keeps no state of an object outside the object
// and the real system.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual Kind kind() const = 0;
  // Observe and decide; touches nothing.
  virtual Result<Plan> plan(const Resource& object, std::stop_token stop) = 0;
  // Observe, decide, act, verify; leaves conditions, history and the rest in `object.status`. Never
  // writes the store itself but through `publish`.
  virtual Outcome converge(Reconcile& reconcile) = 0;
  // The object is gone. Lets go of what is ours in this process (a served flag, a gauge); undoes
  // nothing in the real system.
  virtual void forget(const ObjectKey& key) = 0;
};

class StatusWriter;

// The common skeleton over one strategy: an object that is suspended gets Ready=Unknown and is left
// alone, one that is being deleted or gone is let go, one that breaks a rule of
// validation.h gets Stalled (Invalid) and is left alone, any other converges. An override with an
// end brings its object back at that time. Exceptions pass. Everything passed in must outlive it.
class StrategyReconciler final : public Reconciler {
 public:
  // With `references`, what an object names in its cluster is followed while the object is there.
  StrategyReconciler(ObjectStore& store, Strategy& strategy, EventSink& events, MetricSink& metrics,
                     const Clock& clock, ReferenceFollower* references = nullptr);
  Outcome reconcile(const ReconcileRequest& request) override;

 private:
  Outcome let_go(const ObjectKey& key);
  Outcome leave_alone(Resource& object, StatusWriter& writer);
  Outcome refuse(Resource& object, const Status& wrong);
  Outcome suspend(Resource& object);
  Outcome converge(Resource& object, const ReconcileRequest& request, StatusWriter& writer);

  ObjectStore& store_;
  Strategy& strategy_;
  EventSink& events_;
  MetricSink& metrics_;
  const Clock& clock_;
  ReferenceFollower* const references_;
  ObjectStates states_;
};

}  // namespace ripcord
