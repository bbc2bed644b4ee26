// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/restore_request.h"

#include "controller/strategies/restore_run.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kApprovalRequired = "ApprovalRequired";
constexpr Duration kAtOnce = std::chrono::milliseconds(1);

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

}  // namespace

Result<Plan> RestoreRequestStrategy::plan(const Resource& object, std::stop_token) {
  const auto& spec = std::get<RestoreRequestSpec>(object.spec);
  const auto& status = std::get<RestoreRequestStatus>(object.status);
  // An object that is only in a file has no uid yet; its restore has no trace on the server either.
  ASSIGN_OR_RETURN(OpenedRestore opened,
                   tools_.databases.open(located(spec.database, object.meta.ns),
                                         object.meta.uid.empty() ? "00000000" : object.meta.uid));
  ASSIGN_OR_RETURN(const RestoreState state, opened.target->read());
  RestoreDecision decision = decide_restore(spec, status, object.meta.generation, facts_of(state),
                                            tools_.clock.wall_now());
  if (!decision.plan.steps.empty() && status.phase != RestorePhase::kCompleted && !state.swapped) {
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
  status.observed_generation = generation;
  Result<OpenedRestore> opened =
      tools_.databases.open(located(spec.database, object.meta.ns), object.meta.uid);
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
  RestoreRun run(tools_, reconcile, *opened, *state);
  if (const Status done = run.carry_out(decision.steps); !done.ok()) {
    return run.fail(done);
  }
  available_.set(object.key(), !status.previous_database.empty());
  if (decision.plan.hold) {
    show_hold(status, *decision.plan.hold, generation, tools_.clock.wall_now());
  } else if (status.phase == RestorePhase::kCompleted) {
    keep_ready(status, generation, tools_.clock.wall_now());
  }
  if (decision.look_again) {
    status.previous_expires_at =
        *status.completed_at +
        std::chrono::duration_cast<std::chrono::microseconds>(spec.keep_previous);
    return RequeueAfter{std::max(*decision.look_again, kAtOnce), ok_status()};
  }
  if (status.previous_expires_at) {
    return RequeueAfter{std::max(spec.keep_previous, kAtOnce), ok_status()};
  }
  if (decision.plan.hold) {
    return AwaitChange{};
  }
  return Done{};
}

void RestoreRequestStrategy::forget(const ObjectKey& key) {
  available_.set(key, false);
}

}  // namespace ripcord
