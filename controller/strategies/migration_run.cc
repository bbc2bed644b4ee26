// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_run.h"

#include "controller/policy/contract.h"
#include "controller/policy/proof.h"
#include "controller/policy/transitions.h"
#include "controller/ports/schema_transitions.h"
#include "controller/strategies/migration_contract.h"
#include "controller/strategies/migration_proof.h"
#include "controller/strategies/migration_risk.h"
#include "controller/strategies/migration_transitions.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr auto kPublishEvery = std::chrono::seconds(1);
constexpr auto kAskAgainWhenLocked = std::chrono::seconds(2);
constexpr std::size_t kShownPending = 20;
constexpr std::string_view kApprovalRequired = "ApprovalRequired";
constexpr std::string_view kDataLossForbidden = "DataLossForbidden";
constexpr std::string_view kSourceDrift = "SourceDrift";
constexpr std::string_view kNotReversible = "NotReversible";
constexpr std::string_view kReversible = "Reversible";
constexpr std::size_t kKeptProofs = 20;

bool waits_for_a_person(const Hold& hold) {
  return hold.reason == kApprovalRequired || hold.reason == kDataLossForbidden ||
         hold.reason == kNotReversible;
}

bool in_progress(const HistoryEntry& entry) {
  return !entry.completed_at && entry.result.empty();
}

}  // namespace

MigrationRun::MigrationRun(const MigrationTools& tools, Reconcile& reconcile)
    : tools_(tools),
      reconcile_(reconcile),
      spec_(std::get<MigrationVersionSpec>(reconcile.object.spec)),
      status_(std::get<MigrationVersionStatus>(reconcile.object.status)) {}

Outcome MigrationRun::run() {
  Outcome outcome = look_and_act();
  return no_later(std::move(outcome), next_drop(), now());
}

Outcome MigrationRun::look_and_act() {
  status_.simulated = spec_.database.engine == Engine::kSimulation;
  began_ = tools_.clock.now();
  if (!spec_.approval) {
    status_.used_approval.reset();
  }
  auto database = tools_.databases.open(located(spec_.database, reconcile_.object.meta.ns));
  if (!database) {
    return fail(database.error());
  }
  Outcome outcome = migrate(**database);
  MigrationTransitions transitions(tools_, reconcile_);
  if (seen_ && transitions.declared()) {
    outcome = transitions.tend(**database, outcome);
  }
  if (std::holds_alternative<Done>(outcome)) {
    status_.conditions.set_ready(
        "Migrated", fmt::format("the database is at version {}", version_text(status_.target)),
        generation(), now());
  }
  return outcome;
}

Outcome MigrationRun::migrate(SchemaDatabase& database) {
  auto state = read(database);
  if (!state) {
    return fail(state.error());
  }
  auto observed = observe(database, std::move(*state));
  if (observed) {
    observed = without_due_tombstones(database, std::move(*observed));
  }
  if (!observed) {
    return fail(observed.error());
  }
  if (const Status counted = count_losses(database, *observed); !counted.ok()) {
    return fail(counted);
  }
  if (observed->decision.plan.hold) {
    return hold(*observed);
  }
  if (observed->decision.steps.empty()) {
    status_.conditions.remove(kApprovalRequired);
    return settled();
  }
  if (const Status proven = prove_ups(*observed); !proven.ok()) {
    return fail(proven);
  }
  if (observed->decision.plan.hold) {
    return hold(*observed);
  }
  status_.conditions.remove(kApprovalRequired);
  if (const Status published = publish_intent(*observed, "waiting for the migration lock");
      !published.ok()) {
    return outcome_of(published);
  }
  return carry_out(database, *observed);
}

Result<MigrationObservation> MigrationRun::observe(SchemaDatabase& database, SchemaState state) {
  show_version(state);
  ASSIGN_OR_RETURN(MigrationObservation observed,
                   observe_migration({spec_, reconcile_.object.meta.ns, status_, true}, database,
                                     std::move(state), tools_));
  show(observed);
  return observed;
}

Result<MigrationObservation> MigrationRun::without_due_tombstones(SchemaDatabase& database,
                                                                  MigrationObservation observed) {
  const auto due = due_tombstones(spec_, observed.state, observed.path, now());
  if (due.versions.empty()) {
    return observed;
  }
  RETURN_IF_ERROR(
      drop_tombstones(database, due.versions, tools_, spec_.policy, reconcile_.request.stop));
  reconcile_.request.log.info("dropped what contracts had put aside",
                              {{"versions", fmt::format("{}", fmt::join(due.versions, ", "))}});
  ASSIGN_OR_RETURN(SchemaState state, database.read());
  return observe(database, std::move(state));
}

std::optional<WallTime> MigrationRun::next_drop() const {
  if (!seen_) {
    return std::nullopt;
  }
  MigrationPath here;
  here.target = status_.target;
  const auto due = due_tombstones(spec_, *seen_, here, now());
  return due.versions.empty() ? due.next : WallTime{};
}

// Records that another tool's down left behind are dropped at first sight: once it is up again,
// nothing would tell them from true ones. And a tool that is at work leaves its marks as one that
// died there: only who has its lock can tell the two apart.
Result<SchemaState> MigrationRun::read(SchemaDatabase& database) {
  Result<SchemaState> state = database.read();
  if (!state || !(state->stale_records || state->dirty)) {
    return state;
  }
  ASSIGN_OR_RETURN(const auto session,
                   database.lock(tools_.lock_patience, reconcile_.request.stop));
  return session->read();
}

// Counted anew when the way down is another one or somebody wrote the spec since.
Status MigrationRun::count_losses(SchemaDatabase& database, MigrationObservation& observed) {
  const Condition* waiting = status_.conditions.find(kApprovalRequired);
  const bool fresh = waiting != nullptr && waiting->observed_generation == generation();
  RETURN_IF_ERROR(count_risk(database, observed.path, fresh, status_, reconcile_.request.stop));
  std::optional<Hold>& hold = observed.decision.plan.hold;
  if (hold && waits_for_a_person(*hold) && !status_.at_risk.empty()) {
    hold->message += ". " + describe(status_.at_risk);
  }
  return {};
}

void MigrationRun::order_archives(MigrationObservation& observed) {
  if (spec_.policy.archive && !status_.history.empty()) {
    ripcord::order_archives(*spec_.policy.archive,
                            archive_stem(*spec_.policy.archive, reconcile_.object.key(),
                                         status_.history.front().started_at),
                            observed.path, observed.decision, status_.at_risk);
  }
}

Outcome MigrationRun::carry_out(SchemaDatabase& database, const MigrationObservation& seen) {
  auto session = database.lock(tools_.lock_patience, reconcile_.request.stop);
  if (!session) {
    return fail(session.error());
  }
  auto state = (*session)->read();
  if (!state) {
    return fail(state.error());
  }
  // Somebody may have migrated while we waited for the lock.
  MigrationObservation observed = seen;
  if (*state != seen.state) {
    auto again = observe(database, std::move(*state));
    if (!again) {
      return fail(again.error());
    }
    observed = std::move(*again);
    if (observed.decision.plan.hold) {
      return hold(observed);
    }
    if (spec_.policy.proof == ProofPolicy::kRequire) {
      return fail(
          {StatusCode::kUnavailable,
           "the database was migrated by somebody else while its lock was waited for; what is "
           "left is proven anew",
           "SchemaChanged"});
    }
    if (const Status published = publish_intent(observed, "migrating"); !published.ok()) {
      return outcome_of(published);
    }
  }
  order_archives(observed);
  const MonoTime acting = tools_.clock.now();
  if (Status ran = run_steps(**session, observed.decision); !ran.ok()) {
    if (auto left = (*session)->read()) {
      show_version(std::move(*left));
    }
    return fail(ran);
  }
  session->reset();
  const MonoTime acted = tools_.clock.now();
  if (Status verified = verify(database, observed.path); !verified.ok()) {
    return fail(verified);
  }
  const Duration took = tools_.clock.now() - began_;
  if (goes_down_) {
    count_stage("observe", acting - began_);
    count_stage("act", acted - acting);
    count_stage("verify", tools_.clock.now() - acted);
  }
  count_rollback("succeeded", took);
  end_history("Succeeded", took);
  if (observed.path.waits) {
    use_up_approval();
    return RequeueAfter{Duration::zero(), {}};  // what waits behind these is looked at anew
  }
  return settled();
}

Status MigrationRun::run_steps(SchemaSession& session, const MigrationDecision& decision) {
  const std::vector<PlannedStep>& plan = decision.plan.steps;
  for (std::size_t done = 0; done < decision.steps.size();) {
    if (reconcile_.request.stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped between two migrations"};
    }
    auto next = std::span(decision.steps).subspan(done);
    SchemaTransitions* const transitions = session.transitions();
    if (transitions != nullptr && !spec_.transitions.empty()) {
      next = next.first(1);
      transitions->attend(edges_of(spec_.transitions, status_.version, next.front().version_after));
    }
    const StepsRun ran = session.run_some(next, spec_.policy, reconcile_.request.stop);
    for (const std::size_t begun = done; done < begun + ran.done; ++done) {
      reconcile_.request.log.info("migration step done", {{"step", plan[done].summary}});
      status_.version = decision.steps[done].version_after;
    }
    status_.pending.clear();
    for (std::size_t i = done; i < plan.size() && i < done + kShownPending; ++i) {
      status_.pending.push_back(plan[i].summary);
    }
    RETURN_IF_ERROR(ran.status);
    if (done < decision.steps.size() && tools_.clock.now() - published_ >= kPublishEvery) {
      RETURN_IF_ERROR(progress(fmt::format("{} of {} steps are done", done, plan.size())));
    }
  }
  return {};
}

Status MigrationRun::verify(SchemaDatabase& database, const MigrationPath& path) {
  ASSIGN_OR_RETURN(SchemaState state, database.read());
  show_version(state);
  if (state.version == path.ends_at() && !state.dirty && !state.unfinished) {
    return {};
  }
  return {StatusCode::kUnavailable,
          fmt::format("after all steps the database says version {}{}, not {}: something else "
                      "changes it",
                      version_text(state.version), state.dirty ? " (dirty)" : "",
                      version_text(path.ends_at())),
          "VersionMismatch"};
}

Outcome MigrationRun::settled() {
  if (!status_.history.empty() && in_progress(status_.history.front())) {
    end_history("Succeeded", std::nullopt);  // by a run that was cut short after its last step
  }
  use_up_approval();
  status_.pending.clear();
  std::vector<MigrationProof> here = status_.proofs;
  std::erase_if(here, [&](const auto& proof) { return proof.version != status_.version; });
  show_reversible(here);
  return Done{};
}

void MigrationRun::use_up_approval() {
  if (status_.used_approval && !status_.used_approval->used_at) {
    status_.used_approval->used_at = now();
  }
}

Outcome MigrationRun::hold(const MigrationObservation& observed) {
  const Hold& held = *observed.decision.plan.hold;
  if (const auto again = look_again_in(spec_, held, now())) {
    status_.conditions.remove(kApprovalRequired);
    status_.conditions.set_reconciling(held.reason, held.message, generation(), now());
    return RequeueAfter{*again, {}};
  }
  status_.conditions.set_stalled(held.reason, held.message, generation(), now());
  // Both wait for a person's word, and the message says which.
  if (waits_for_a_person(held)) {
    status_.conditions.set({std::string(kApprovalRequired),
                            ConditionState::kTrue,
                            held.reason,
                            held.message,
                            generation(),
                            {}},
                           now());
    return AwaitChange{};
  }
  status_.conditions.remove(kApprovalRequired);
  return Stalled{{StatusCode::kFailedPrecondition, held.message, held.reason}};
}

Outcome MigrationRun::fail(const Status& status) {
  const Outcome outcome = outcome_of(status);
  if (std::holds_alternative<Stalled>(outcome)) {
    if (!status_.history.empty() && in_progress(status_.history.front())) {
      const Duration took = tools_.clock.now() - began_;
      count_rollback("failed", took);
      end_history("Failed", took);
    }
    status_.conditions.set_stalled(status.reason(), status.message(), generation(), now());
  } else if (status.code() != StatusCode::kConflict) {
    status_.conditions.set_reconciling(status.reason(), status.message(), generation(), now());
  }
  return status.reason() == "Locked" ? Outcome(RequeueAfter{kAskAgainWhenLocked, status}) : outcome;
}

Status MigrationRun::prove_ups(MigrationObservation& observed) {
  if (spec_.policy.proof == ProofPolicy::kOff || tools_.shadows == nullptr ||
      observed.decision.goes_down || observed.path.moves.front().resumed) {
    return {};
  }
  status_.conditions.set_reconciling("Proving", "trying the migrations on a shadow database",
                                     generation(), now());
  RETURN_IF_ERROR(reconcile_.publish());
  ASSIGN_OR_RETURN(
      const std::vector<MigrationProof> proofs,
      prove(*tools_.shadows, located(spec_.database, reconcile_.object.meta.ns), spec_.policy,
            observed.decision.steps, status_.proofs, reconcile_.request.stop));
  for (const MigrationProof& proof : proofs) {
    std::erase_if(status_.proofs, [&](const auto& old) { return old.version == proof.version; });
    status_.proofs.push_back(proof);
  }
  std::sort(status_.proofs.begin(), status_.proofs.end(),
            [](const auto& a, const auto& b) { return a.version < b.version; });
  if (status_.proofs.size() > kKeptProofs) {
    status_.proofs.erase(status_.proofs.begin(), status_.proofs.end() - kKeptProofs);
  }
  show_reversible(proofs);
  const bool spent =
      spec_.approval && status_.used_approval && status_.used_approval->used_at &&
      static_cast<const MigrationApproval&>(*status_.used_approval) == *spec_.approval;
  const auto approval = spent ? std::nullopt : spec_.approval;
  const auto held = proof_hold(spec_.policy, proofs, approval);
  const auto without = proof_hold(spec_.policy, proofs, std::nullopt);
  approval_opens_proof_ = without && (!held || without->at != held->at);
  if (held) {
    wait_from(observed.path, held->at, held->hold);  // one proof a move: all go up
    const auto& moves = observed.path.moves;
    observed.path.uses_approval = std::any_of(
        moves.begin(), moves.end(), [&](const auto& move) { return is_gated(spec_, move); });
    observed.decision = decide_migration(spec_, observed.path, status_.used_approval);
  }
  return {};
}

void MigrationRun::show_reversible(const std::vector<MigrationProof>& proofs) {
  const auto worst =
      std::max_element(proofs.begin(), proofs.end(),
                       [](const auto& a, const auto& b) { return a.result < b.result; });
  if (worst == proofs.end()) {
    status_.conditions.remove(kReversible);
    return;
  }
  const auto state = worst->result == Reversibility::kLossless   ? ConditionState::kTrue
                     : worst->result == Reversibility::kUnproven ? ConditionState::kUnknown
                                                                 : ConditionState::kFalse;
  std::string message = fmt::format("up, down, up of {} on a shadow database: {}", worst->version,
                                    to_string(worst->result));
  for (const std::string& each : worst->what) {
    message += "; " + each;
  }
  status_.conditions.set({std::string(kReversible),
                          state,
                          std::string(to_string(worst->result)),
                          message,
                          generation(),
                          {}},
                         now());
}

void MigrationRun::show_version(SchemaState state) {
  status_.version = state.version;
  status_.dirty = state.dirty;
  status_.tombstones = shown_tombstones(state);
  seen_ = std::move(state);
}

void MigrationRun::show(const MigrationObservation& observed) {
  status_.target = observed.path.target;
  status_.overridden = observed.path.trigger == Trigger::kOverride;
  goes_down_ = observed.decision.goes_down;
  trigger_ = observed.path.trigger;
  status_.pending.clear();
  for (const auto* steps : {&observed.decision.plan.steps, &observed.decision.plan.waiting}) {
    for (const PlannedStep& step : *steps) {
      if (status_.pending.size() < kShownPending) {
        status_.pending.push_back(step.summary);
      }
    }
  }
  if (observed.path.drift.empty()) {
    status_.conditions.remove(kSourceDrift);
    return;
  }
  std::string text;
  for (const std::string& each : observed.path.drift) {
    if (text.size() < 2000) {
      text += (text.empty() ? "" : "; ") + each;
    }
  }
  status_.conditions.set(
      {std::string(kSourceDrift), ConditionState::kTrue, "SourceDiffers", text, generation(), {}},
      now());
}

// On record before the first step: a run that is cut short must find what it had been granted.
Status MigrationRun::publish_intent(const MigrationObservation& observed,
                                    const std::string& message) {
  begin_history(observed);
  if (observed.decision.uses_approval || approval_opens_proof_) {
    status_.used_approval = UsedApproval{*spec_.approval, std::nullopt};
  }
  return progress(message);
}

void MigrationRun::begin_history(const MigrationObservation& observed) {
  const std::string to = version_text(observed.path.ends_at());
  if (!status_.history.empty() && in_progress(status_.history.front())) {
    if (status_.history.front().to == to) {
      return;  // cut short earlier; goes on
    }
    end_history("Failed", std::nullopt);
  }
  HistoryEntry entry;
  entry.from = version_text(observed.path.from);
  entry.to = to;
  entry.trigger = trigger_;
  entry.started_at = now();
  if (const auto* override = active_override(spec_.override, now())) {
    entry.by = override->by;
    entry.reason = override->reason;
  } else if (goes_down_ && spec_.approval) {
    entry.by = spec_.approval->by;
  }
  status_.remember(std::move(entry));
}

void MigrationRun::end_history(const std::string& result, std::optional<Duration> took) {
  if (status_.history.empty() || !in_progress(status_.history.front())) {
    return;
  }
  HistoryEntry& entry = status_.history.front();
  entry.completed_at = now();
  entry.result = result;
  // The process that measured is gone: what is left is the wall clock.
  const Duration by_wall = std::max(Duration::zero(), Duration(now() - entry.started_at));
  entry.duration_seconds = to_seconds(took.value_or(by_wall));
}

Status MigrationRun::progress(const std::string& message) {
  published_ = tools_.clock.now();
  status_.conditions.set_reconciling("Migrating", message, generation(), now());
  return reconcile_.publish();
}

void MigrationRun::count_stage(std::string_view stage, Duration took) {
  tools_.metrics.observe(metric::kRollbackStageDuration,
                         {snake_name(Kind::kMigrationVersion), stage}, to_seconds(took));
}

void MigrationRun::count_rollback(const std::string& result, Duration took) {
  if (!goes_down_) {
    return;
  }
  const auto strategy = snake_name(Kind::kMigrationVersion);
  tools_.metrics.observe(metric::kRollbackDuration,
                         {strategy, metric::trigger_label(trigger_), result}, to_seconds(took));
  tools_.metrics.add(metric::kRollbacks, {strategy, metric::trigger_label(trigger_), result});
}

}  // namespace ripcord
