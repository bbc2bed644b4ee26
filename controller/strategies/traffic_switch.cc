// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/traffic_switch.h"

#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(1);
constexpr std::string_view kRollbackAvailable = "RollbackAvailable";
constexpr std::string_view kDriftRepaired = "DriftRepaired";

}  // namespace

TrafficConvergence::TrafficConvergence(const TrafficPorts& ports, Reconcile& reconcile)
    : ports_(ports),
      reconcile_(reconcile),
      spec_(std::get<TrafficTargetSpec>(reconcile.object.spec)),
      status_(std::get<TrafficTargetStatus>(reconcile.object.status)) {}

Outcome TrafficConvergence::run() {
  status_.simulated = ports_.simulated;
  auto router = ports_.routers.open(located(spec_, reconcile_.object.meta.ns));
  if (!router) {
    return fail(router.error());
  }
  router_ = std::move(*router);
  const MonoTime began = ports_.clock.now();
  const auto observed = observe_traffic(reconcile_.object, *router_, ports_.probers,
                                        ports_.clock.wall_now(), reconcile_.request.stop);
  if (!observed) {
    return observed.error().code() == StatusCode::kCancelled ? Outcome(AwaitChange{})
                                                             : fail(observed.error());
  }
  if (observed->decision.change != TrafficChange::kNone) {
    ports_.metrics.observe(metric::kRollbackStageDuration,
                           {snake_name(Kind::kTrafficTarget), "observe"},
                           to_seconds(ports_.clock.now() - began));
  }
  report_state(*observed);
  return act(*observed);
}

Outcome TrafficConvergence::act(const ObservedTraffic& observed) {
  const TrafficDecision& decision = observed.decision;
  if (decision.change != TrafficChange::kRetreat) {
    close_superseded(decision.plan.from, decision.plan.to);
  }
  if (decision.plan.hold) {
    return hold(*decision.plan.hold);
  }
  status_.conditions.remove(kDestinationUnhealthy);
  switch (decision.change) {
    case TrafficChange::kNone:
      return decision.unverified ? watch(decision.goal, ports_.clock.now()) : serve(decision.goal);
    case TrafficChange::kRepair:
      return repair(decision);
    case TrafficChange::kSwitch:
      return start_switch(decision);
    case TrafficChange::kResume:
      return resume(decision.goal);
    case TrafficChange::kRetreat:
      return start_retreat(decision.goal.reason);
  }
  return serve(decision.goal);
}

Outcome TrafficConvergence::hold(const Hold& hold) {
  const WallTime now = ports_.clock.wall_now();
  const std::int64_t generation = reconcile_.object.meta.generation;
  if (hold.reason != kDestinationUnhealthy) {
    return fail({StatusCode::kFailedPrecondition, hold.message, hold.reason});
  }
  status_.conditions.set_reconciling(hold.reason, hold.message, generation, now);
  status_.conditions.set(
      {hold.reason, ConditionState::kTrue, hold.reason, hold.message, generation, {}}, now);
  return RequeueAfter{kAskAgain, {StatusCode::kUnavailable, hold.message, hold.reason}};
}

// Published first, since an old copy of the object makes its last switch look like drift. Back-off
// is the queue's: it grows with each look that finds drift again, and a look that finds
// none resets it. Two writers that disagree so never spin.
Outcome TrafficConvergence::repair(const TrafficDecision& decision) {
  if (const Status published = publish("repair"); !published.ok()) {
    return outcome_of(published);
  }
  if (const Status moved = move(decision.goal.weights); !moved.ok()) {
    return fail(moved);
  }
  ++status_.drift_repairs;
  ports_.metrics.add(metric::kDriftRepairs, {snake_name(Kind::kTrafficTarget)});
  status_.conditions.set(
      {std::string(kDriftRepaired),
       ConditionState::kTrue,
       std::string(kDriftRepaired),
       fmt::format("the router was not as Ripcord had left it (it had '{}') and was put back to "
                   "'{}', {} times since the last switch; something else may be writing to it, or "
                   "it was restarted without its state. To work on it by hand set spec.suspend",
                   decision.plan.from, decision.plan.to, status_.drift_repairs),
       reconcile_.object.meta.generation,
       {}},
      ports_.clock.wall_now());
  reconcile_.request.log.warning("traffic drift repaired",
                                 {{"found", decision.plan.from}, {"restored", decision.plan.to}});
  if (decision.unverified) {
    return watch(decision.goal, ports_.clock.now());
  }
  const Outcome outcome = serve(decision.goal);
  return std::holds_alternative<Done>(outcome) ? RequeueAfter{std::nullopt, ok_status()} : outcome;
}

Outcome TrafficConvergence::start_switch(const TrafficDecision& decision) {
  const TrafficGoal& goal = decision.goal;
  HistoryEntry intent;
  intent.from = decision.plan.from;
  intent.to = decision.plan.to;
  intent.trigger = goal.trigger;
  intent.started_at = ports_.clock.wall_now();
  intent.by = goal.by;
  intent.reason = goal.reason;
  status_.remember(std::move(intent));
  status_.drift_repairs = 0;
  status_.conditions.remove(kDriftRepaired);
  progress("Switching",
           fmt::format("sending traffic from '{}' to '{}'", decision.plan.from, decision.plan.to));
  if (const Status published = publish("intent"); !published.ok()) {
    return outcome_of(published);
  }
  return carry_out(goal);
}

// The intent is on record, but an old copy of the object has it too.
Outcome TrafficConvergence::resume(const TrafficGoal& goal) {
  if (const Status published = publish("resumption"); !published.ok()) {
    return outcome_of(published);
  }
  return carry_out(goal);
}

Outcome TrafficConvergence::start_retreat(const std::string& why) {
  return take_back(fmt::format("the switch was cut short and cannot be completed: {}", why));
}

Outcome TrafficConvergence::carry_out(const TrafficGoal& goal) {
  began_ = ports_.clock.now();
  if (probes()) {
    over_ = ports_.probers.start(spec_.verification);
  }
  if (const Status moved = move(goal.weights); !moved.ok()) {
    return fail(moved);
  }
  const MonoTime moved_at = ports_.clock.now();
  const Status verified = verify(goal.weights);
  if (verified.code() == StatusCode::kCancelled) {
    return RequeueAfter{Duration::zero(), ok_status()};
  }
  if (verified.reason() == "ProbesFailed") {
    report_probes();
    return take_back(verified.message());
  }
  if (!verified.ok()) {
    return fail(verified);
  }
  const MonoTime now = ports_.clock.now();
  const auto strategy = snake_name(Kind::kTrafficTarget);
  ports_.metrics.observe(metric::kRollbackStageDuration, {strategy, "act"},
                         to_seconds(moved_at - began_));
  ports_.metrics.observe(metric::kRollbackStageDuration, {strategy, "verify"},
                         to_seconds(now - moved_at));
  HistoryEntry& entry = status_.history.front();
  entry.completed_at = ports_.clock.wall_now();
  entry.duration_seconds = to_seconds(now - began_);
  report_probes();
  return watch(goal, now);
}

Status TrafficConvergence::move(const TrafficWeights& weights) {
  trace_point(ports_.trace, "before moving traffic");
  RETURN_IF_ERROR(router_->apply(weights));
  trace_point(ports_.trace, "after moving traffic");
  ASSIGN_OR_RETURN(const RouterState state, router_->read());
  status_.weights = state.weights;
  status_.active = weights.size() == 1 ? weights.begin()->first : std::string();
  return positive_shares(state.weights) == weights
             ? ok_status()
             : Status(StatusCode::kUnavailable,
                      fmt::format("the router has '{}' right after it was given '{}'; something "
                                  "else writes to it or it was restarted, trying again",
                                  describe_shares(state.weights), describe_shares(weights)),
                      "ReadBackMismatch");
}

void TrafficConvergence::report_state(const ObservedTraffic& observed) {
  const WallTime now = ports_.clock.wall_now();
  status_.weights = observed.seen.weights;
  const TrafficWeights shares = positive_shares(observed.seen.weights);
  status_.active = shares.size() == 1 ? shares.begin()->first : std::string();
  status_.overridden = observed.decision.goal.overridden;
  can_go_elsewhere_ = std::ranges::any_of(spec_.environments, [&](const Environment& environment) {
    return !shares.contains(environment.name) &&
           !observed.seen.missing.contains(environment.name) &&
           !observed.not_ready.contains(environment.name);
  });
  status_.conditions.remove(kRollbackAvailable);
  std::vector<std::string> missing;
  for (const auto& [environment, addresses] : observed.seen.missing) {
    missing.push_back(
        fmt::format("no server with address {} of environment {}", addresses, environment));
  }
  if (!missing.empty()) {
    status_.conditions.set({std::string(kRollbackAvailable),
                            ConditionState::kFalse,
                            std::string(kUnknownAddress),
                            fmt::format("the router has {}; traffic cannot be sent there",
                                        fmt::join(missing, ", and ")),
                            reconcile_.object.meta.generation,
                            {}},
                           now);
  }
}

// A switch on record that nobody wants any more, as far as it got.
void TrafficConvergence::close_superseded(const std::string& now_at, const std::string& to) {
  if (!status_.history.empty() && status_.history.front().result.empty() &&
      status_.history.front().to != to) {
    HistoryEntry& entry = status_.history.front();
    entry.completed_at = entry.completed_at.value_or(ports_.clock.wall_now());
    entry.result = now_at == entry.to ? "Succeeded" : "Failed";
  }
}

Outcome TrafficConvergence::serve(const TrafficGoal& goal) {
  const WallTime now = ports_.clock.wall_now();
  const std::int64_t generation = reconcile_.object.meta.generation;
  const std::string where = describe_shares(goal.weights);
  if (goal.reverted) {
    const std::string message = fmt::format(
        "traffic was switched back to '{}' by itself: {}. Fix the release and change the spec, or "
        "set another override; this generation is not tried again",
        where, goal.reason);
    status_.conditions.set_stalled(std::string(kSwitchReverted), message, generation, now);
    return Stalled{{StatusCode::kFailedPrecondition, message, std::string(kSwitchReverted)}};
  }
  if (goal.overridden) {
    status_.conditions.set_ready(
        "Overridden", fmt::format("traffic goes to '{}' by override ({})", where, goal.reason),
        generation, now);
  } else {
    status_.conditions.set_ready("Serving", fmt::format("traffic goes to '{}'", where), generation,
                                 now);
  }
  return Done{};
}

Outcome TrafficConvergence::fail(const Status& cause) {
  const WallTime now = ports_.clock.wall_now();
  const std::int64_t generation = reconcile_.object.meta.generation;
  Outcome outcome = outcome_of(cause);
  if (std::holds_alternative<Stalled>(outcome)) {
    status_.conditions.set_stalled(cause.reason(), cause.message(), generation, now);
  } else {
    status_.conditions.set_reconciling(cause.reason(), cause.message(), generation, now);
  }
  return outcome;
}

void TrafficConvergence::progress(std::string_view reason, std::string message) {
  status_.conditions.set_reconciling(std::string(reason), std::move(message),
                                     reconcile_.object.meta.generation, ports_.clock.wall_now());
}

Status TrafficConvergence::publish(std::string_view point) {
  trace_point(ports_.trace, fmt::format("before publishing the {}", point));
  const Status published = reconcile_.publish();
  trace_point(ports_.trace, fmt::format("after publishing the {}", point));
  return published;
}

}  // namespace ripcord
