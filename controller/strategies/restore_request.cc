// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/restore_request.h"

#include "controller/base/cron.h"
#include "controller/base/time_text.h"
#include "controller/policy/backup_contents.h"
#include "controller/strategies/restore_run.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kApprovalRequired = "ApprovalRequired";
constexpr Duration kAtOnce = std::chrono::milliseconds(1);

RestoreOrder order_of(const Resource& object, const RestoreRequestSpec& spec, std::string uid) {
  return {located(spec.database, object.meta.ns), std::move(uid), spec.swap_by, spec.pgbouncer};
}

// An approval of the swap is asked for with what is known to have been written since the backup.
Hold with_loss(Hold hold, const RestoreRequestSpec& spec, const RestoreRequestStatus& status) {
  const std::string since =
      written_since(status.tables, status.rows_since_backup, status.not_counted);
  if (hold.reason == kApprovalRequired && !spec.revert && !since.empty()) {
    hold.message += "; now " + since;
  }
  return hold;
}

// What holds a request with a person, until they write something.
void show_hold(RestoreRequestStatus& status, const Hold& hold, std::int64_t generation,
               WallTime now) {
  status.conditions.set_stalled(hold.reason, hold.message, generation, now);
  if (hold.reason == kApprovalRequired) {
    status.conditions.set(
        {hold.reason, ConditionState::kTrue, hold.reason, hold.message, generation, {}}, now);
  }
}

// A completed request stays ready when its spec changes in a way that changes nothing.
void keep_ready(RestoreRequestStatus& status, std::int64_t generation, WallTime now) {
  const Condition* ready = status.conditions.find(kReady);
  const bool restored = ready != nullptr && ready->status == ConditionState::kTrue;
  status.conditions.set_ready(
      restored ? ready->reason : "Restored",
      restored ? ready->message : fmt::format("{} rows restored", status.restored_rows), generation,
      now);
}

// When the next drill is due. Asked anew when the schedule may have changed.
void plan_next_drill(const RestoreRequestSpec& spec, RestoreRequestStatus& status, bool new_spec,
                     WallTime now) {
  if (spec.mode != RestoreMode::kDrill || spec.schedule.empty()) {
    status.next_drill_at.reset();
    return;
  }
  const Result<CronSchedule> schedule = CronSchedule::parse(spec.schedule);
  if (schedule && waits_for_drill(spec, status) && (new_spec || !status.next_drill_at)) {
    status.next_drill_at = schedule->next_after(now);
  }
}

// What a scheduled drill says until it is due.
void show_drill(const RestoreRequestSpec& spec, RestoreRequestStatus& status,
                std::int64_t generation, WallTime now) {
  if (!status.last_drill) {
    status.conditions.set_ready("DrillScheduled",
                                fmt::format("the first drill of {} is due at {}", spec.backup,
                                            format_time(status.next_drill_at.value_or(now))),
                                generation, now);
  } else if (status.last_drill->passed) {
    keep_ready(status, generation, now);
  } else {
    status.conditions.set_stalled(status.last_drill->reason, status.last_drill->message, generation,
                                  now);
  }
}

// When the request could first have been carried out: that of an untouched spec, as it was created.
void note_request(const Resource& object, RestoreRequestStatus& status,
                  const RestoreDecision& decision, WallTime now) {
  if (!decision.plan.hold && !decision.steps.empty() && !status.requested_at) {
    const bool as_created =
        object.meta.generation == 1 && object.meta.creation_timestamp > WallTime{};
    status.requested_at = as_created ? object.meta.creation_timestamp : now;
  }
}

}  // namespace

Result<Plan> RestoreRequestStrategy::plan(const Resource& object, std::stop_token) {
  const auto& spec = std::get<RestoreRequestSpec>(object.spec);
  const auto& status = std::get<RestoreRequestStatus>(object.status);
  // An object that is only in a file has no uid yet; its restore has no trace on the server either.
  ASSIGN_OR_RETURN(OpenedRestore opened,
                   tools_.databases.open(order_of(
                       object, spec, object.meta.uid.empty() ? "00000000" : object.meta.uid)));
  ASSIGN_OR_RETURN(const RestoreState state, opened.target->read());
  RestoreDecision decision = decide_restore(spec, status, object.meta.generation, facts_of(state),
                                            tools_.clock.wall_now());
  // `decision.steps` is empty while an approval is missing; the plan is there all the same.
  const bool loads = !decision.plan.steps.empty() && !state.swapped && !state.reverted &&
                     status.phase != RestorePhase::kCompleted &&
                     status.phase != RestorePhase::kReverted;
  if (loads) {
    ASSIGN_OR_RETURN(const Backup backup, tools_.catalog.find(spec.catalog_directory, spec.backup));
    decision.plan.steps.front().details.push_back(
        fmt::format("{}, {} bytes", backup.path, backup.bytes));
  }
  return decision.plan;
}

Outcome RestoreRequestStrategy::converge(Reconcile& reconcile) {
  Resource& object = reconcile.object;
  const auto& spec = std::get<RestoreRequestSpec>(object.spec);
  auto& status = std::get<RestoreRequestStatus>(object.status);
  const std::int64_t generation = object.meta.generation;
  const bool new_spec = status.observed_generation != generation;
  status.observed_generation = generation;
  plan_next_drill(spec, status, new_spec, tools_.clock.wall_now());
  drills_.show(object, tools_.clock.wall_now());
  Result<OpenedRestore> opened = tools_.databases.open(order_of(object, spec, object.meta.uid));
  Result<RestoreState> state =
      opened ? opened->target->read() : Result<RestoreState>(tl::unexpected(opened.error()));
  if (!state) {
    const Outcome outcome = outcome_of(state.error());
    const WallTime now = tools_.clock.wall_now();
    const auto show = std::holds_alternative<RequeueAfter>(outcome) ? &ConditionSet::set_reconciling
                                                                    : &ConditionSet::set_stalled;
    (status.conditions.*show)(state.error().reason(), state.error().message(), generation, now);
    return outcome;
  }
  const RestoreDecision decision =
      decide_restore(spec, status, generation, facts_of(*state), tools_.clock.wall_now());
  status.conditions.remove(kApprovalRequired);
  note_request(object, status, decision, tools_.clock.wall_now());
  RestoreRun run(tools_, reconcile, *opened, *state);
  if (const Status done = run.carry_out(decision.steps); !done.ok()) {
    const Outcome outcome = run.fail(done);
    drills_.show(object, tools_.clock.wall_now());
    return outcome;
  }
  if (decision.plan.hold && decision.plan.hold->reason == kApprovalRequired && new_spec) {
    run.preview_loss();
  }
  available_.set(object.key(), !status.previous_database.empty());
  drills_.show(object, tools_.clock.wall_now());
  return settle(object, decision);
}

Outcome RestoreRequestStrategy::settle(Resource& object, const RestoreDecision& decision) {
  const auto& spec = std::get<RestoreRequestSpec>(object.spec);
  auto& status = std::get<RestoreRequestStatus>(object.status);
  const std::int64_t generation = object.meta.generation;
  const WallTime now = tools_.clock.wall_now();
  if (decision.plan.hold) {
    show_hold(status, with_loss(*decision.plan.hold, spec, status), generation, now);
  } else if (waits_for_drill(spec, status)) {
    show_drill(spec, status, generation, now);
  } else if (status.phase == RestorePhase::kCompleted || status.phase == RestorePhase::kReverted) {
    keep_ready(status, generation, now);
  }
  if (waits_for_drill(spec, status) && status.next_drill_at) {
    return RequeueAfter{std::max<Duration>(*status.next_drill_at - now, kAtOnce), ok_status()};
  }
  if (decision.kept_until) {
    status.previous_expires_at = decision.kept_until;
  }
  if (spec.revert && status.phase == RestorePhase::kCompleted && !decision.plan.hold) {
    return RequeueAfter{kAtOnce, ok_status()};  // what was missing of the restore is recorded now
  }
  if (status.previous_expires_at) {
    return RequeueAfter{std::max<Duration>(*status.previous_expires_at - now, kAtOnce),
                        ok_status()};
  }
  if (decision.plan.hold) {
    return AwaitChange{};
  }
  return Done{};
}

void RestoreRequestStrategy::forget(const ObjectKey& key) {
  available_.set(key, false);
  drills_.forget(key);
  for (const MetricDescriptor* each :
       {&metric::kRestoreRpo, &metric::kRestoreRto, &metric::kRestoreProgress}) {
    tools_.metrics.remove(*each, {key.ns, key.name});
  }
}

}  // namespace ripcord
