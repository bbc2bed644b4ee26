// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/strategy.h"

#include "controller/model/validation.h"
#include "controller/strategies/object_references.h"
#include "controller/strategies/rollback_metrics.h"
#include "controller/strategies/status_writer.h"

#include <algorithm>
#include <chrono>

namespace ripcord {
namespace {

constexpr std::string_view kNothingUndone =
    "Deleting an object undoes nothing in the real system: what it had set stays as it is and is "
    "no longer looked after.";
// A flag's home is this process: without its object there is nothing left to serve.
constexpr std::string_view kNoLongerServed =
    "The flag is no longer served: applications that ask for it get their own default. To keep it "
    "off, declare it again with enabled: false.";

Event deletion_event(const ObjectKey& key, const std::string& uid) {
  const std::string_view note = key.kind == Kind::kFeatureFlag ? kNoLongerServed : kNothingUndone;
  return {key, uid, Event::Type::kNormal, "Released", "Delete", std::string(note)};
}

// When the override of the object ends by itself, if it does.
std::optional<WallTime> override_end(const ResourceSpec& spec, WallTime now) {
  return std::visit(
      [now](const auto& s) -> std::optional<WallTime> {
        if constexpr (requires { s.override; }) {
          const auto* active = active_override(s.override, now);
          return active != nullptr ? active->until : std::nullopt;
        }
        return std::nullopt;
      },
      spec);
}

// The same outcome, but looked at again when the override ends.
Outcome wake_at_override_end(Outcome outcome, const ResourceSpec& spec, WallTime now) {
  const std::optional<WallTime> end = override_end(spec, now);
  if (!end) {
    return outcome;
  }
  const Duration left = *end - now;
  if (auto* requeue = std::get_if<RequeueAfter>(&outcome)) {
    auto& wake = requeue->delay ? requeue->delay : requeue->at_most;
    wake = std::min(wake.value_or(left), left);
    return outcome;
  }
  const auto* stalled = std::get_if<Stalled>(&outcome);
  return RequeueAfter{left, stalled != nullptr ? stalled->cause : ok_status()};
}

// A strategy says in conditions what it ended in; where it did not, its outcome does.
void reflect(const Outcome& outcome, CommonStatus& status, std::int64_t generation, WallTime now) {
  if (const auto* stalled = std::get_if<Stalled>(&outcome)) {
    if (!status.conditions.is_true(kStalled)) {
      status.conditions.set_stalled(stalled->cause.reason(), stalled->cause.message(), generation,
                                    now);
    }
    return;
  }
  const auto* requeue = std::get_if<RequeueAfter>(&outcome);
  if (requeue == nullptr || requeue->cause.ok()) {
    return;
  }
  const Condition* ready = status.conditions.find(kReady);
  if (ready == nullptr || ready->status == ConditionState::kTrue ||
      ready->observed_generation != generation) {
    status.conditions.set_reconciling(requeue->cause.reason(), requeue->cause.message(), generation,
                                      now);
  }
}

// Nobody looks at the real system now, so nothing is claimed about it.
void set_suspended(CommonStatus& status, std::int64_t generation, WallTime now) {
  status.conditions.remove(kReconciling);
  status.conditions.remove(kStalled);
  status.conditions.set({std::string(kReady),
                         ConditionState::kUnknown,
                         "Suspended",
                         "spec.suspend is true: the real system is neither looked at nor changed; "
                         "set it to false to go on.",
                         generation,
                         {}},
                        now);
}

}  // namespace

StrategyReconciler::StrategyReconciler(ObjectStore& store, Strategy& strategy, EventSink& events,
                                       MetricSink& metrics, const Clock& clock,
                                       ReferenceFollower* references)
    : store_(store),
      strategy_(strategy),
      events_(events),
      metrics_(metrics),
      clock_(clock),
      references_(references),
      states_(metrics) {
  metric::declare_rollback_metrics(metrics_, strategy_.kind());
}

Outcome StrategyReconciler::reconcile(const ReconcileRequest& request) {
  const Result<ResourcePtr> fetched = store_.get(request.key);
  if (!fetched) {
    return fetched.error().code() == StatusCode::kNotFound ? let_go(request.key)
                                                           : outcome_of(fetched.error());
  }
  Resource object = **fetched;
  if (references_ != nullptr) {
    references_->follow(object.key(), references_of(object));
  }
  StatusWriter writer(store_, events_, metrics_, *fetched);
  if (object.meta.deletion_timestamp) {
    return leave_alone(object, writer);
  }
  Outcome outcome = AwaitChange{};
  if (const Status wrong = validation_status(object); !wrong.ok()) {
    outcome = refuse(object, wrong);
  } else {
    outcome = suspended(object.spec) ? suspend(object) : converge(object, request, writer);
  }
  states_.show(object, clock_.wall_now());
  if (const Status written = writer.finish(object); !written.ok()) {
    return outcome_of(written.annotated("cannot write the status"));
  }
  return outcome;
}

Outcome StrategyReconciler::let_go(const ObjectKey& key) {
  strategy_.forget(key);
  states_.forget(key);
  if (references_ != nullptr) {
    references_->follow(key, {});
  }
  events_.record(deletion_event(key, {}));
  return AwaitChange{};
}

// Being deleted, but a finalizer of somebody else holds it: hands off from now on.
Outcome StrategyReconciler::leave_alone(Resource& object, StatusWriter& writer) {
  if (common(object.status).observed_generation != object.meta.generation) {
    events_.record(deletion_event(object.key(), object.meta.uid));
  }
  return outcome_of(writer.finish(object));
}

// A server with other rules than ours let it in, such as one with older CRDs or without their
// policy. What is in force stays.
Outcome StrategyReconciler::refuse(Resource& object, const Status& wrong) {
  const Status why(wrong.code(), wrong.message(), "Invalid");
  common(object.status)
      .conditions.set_stalled(why.reason(), why.message(), object.meta.generation,
                              clock_.wall_now());
  return Stalled{why};
}

Outcome StrategyReconciler::suspend(Resource& object) {
  set_suspended(common(object.status), object.meta.generation, clock_.wall_now());
  return AwaitChange{};
}

Outcome StrategyReconciler::converge(Resource& object, const ReconcileRequest& request,
                                     StatusWriter& writer) {
  Reconcile reconcile{object, request, [&] { return writer.publish(object); }};
  const Outcome outcome = strategy_.converge(reconcile);
  const WallTime now = clock_.wall_now();
  reflect(outcome, common(object.status), object.meta.generation, now);
  return wake_at_override_end(outcome, object.spec, now);
}

}  // namespace ripcord
