// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/restore_request.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kLatest = "Latest";

std::string_view summary_of(RestoreStep step) {
  switch (step) {
    case RestoreStep::kLoad:
      return "load the backup into a side database";
    case RestoreStep::kCount:
      return "count its rows, table by table";
    case RestoreStep::kVerify:
      return "verify it";
    case RestoreStep::kSwap:
      return "swap it with the live database";
    case RestoreStep::kComplete:
      return "record the completion";
    case RestoreStep::kDropSide:
      return "drop the side database";
    case RestoreStep::kDropPrevious:
      return "drop the previous database";
    case RestoreStep::kRevert:
      return "swap the previous database back";
    case RestoreStep::kCompleteRevert:
      return "record that it is back";
  }
  return "?";
}

RestoreDecision with_steps(const RestoreRequestSpec& spec, const RestoreFacts& facts,
                           std::vector<RestoreStep> steps) {
  RestoreDecision decision;
  decision.plan.from = facts.swapped ? facts.backup : "the live data";
  decision.plan.to = spec.backup;
  for (const RestoreStep step : steps) {
    // A swap loses what was written since the backup; an unkept previous database is gone for good.
    const bool exchanges = step == RestoreStep::kSwap || step == RestoreStep::kRevert;
    const DataEffect effect = exchanges                            ? DataEffect::kLossy
                              : step == RestoreStep::kDropPrevious ? DataEffect::kIrreversible
                                                                   : DataEffect::kLossless;
    decision.plan.steps.push_back({std::string(summary_of(step)), effect, {}});
  }
  decision.steps = std::move(steps);
  return decision;
}

RestoreDecision held(RestoreDecision decision, std::string reason, std::string message) {
  decision.plan.hold = Hold{std::move(reason), std::move(message)};
  return decision;
}

RestoreDecision decide_completed(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                                 const RestoreFacts& facts, WallTime now) {
  std::vector<RestoreStep> steps;
  std::optional<Duration> look_again;
  std::optional<WallTime> kept_until;
  if (facts.side_exists) {
    steps.push_back(RestoreStep::kDropSide);
  }
  if (facts.previous_exists && status.completed_at) {
    const auto left = *status.completed_at +
                      std::chrono::duration_cast<std::chrono::microseconds>(spec.keep_previous) -
                      now;
    if (left <= std::chrono::microseconds::zero()) {
      steps.push_back(RestoreStep::kDropPrevious);
    } else {
      look_again = left;
      kept_until = now + left;
    }
  } else if (!facts.previous_exists && !status.previous_database.empty()) {
    // Dropped by a run that did not live to say so, or by a person: what is left of it goes too.
    steps.push_back(RestoreStep::kDropPrevious);
  }
  RestoreDecision decision = with_steps(spec, facts, std::move(steps));
  decision.look_again = look_again;
  decision.kept_until = kept_until;
  const std::string done = restored_backup(status);
  if (!done.empty() && done != spec.backup) {
    return held(std::move(decision), "AlreadyRestored",
                fmt::format("this request restored {} and restores once; to restore {}, create "
                            "another RestoreRequest",
                            done, spec.backup));
  }
  return decision;
}

RestoreDecision decide_reverted(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                                const RestoreFacts& facts, WallTime now) {
  const bool over = !status.previous_expires_at || *status.previous_expires_at <= now;
  RestoreDecision decision = with_steps(
      spec, facts,
      facts.side_exists && over ? std::vector{RestoreStep::kDropSide} : std::vector<RestoreStep>{});
  if (facts.side_exists && !over) {
    decision.look_again = *status.previous_expires_at - now;
  }
  if (!spec.revert) {
    return held(std::move(decision), "AlreadyReverted",
                "this request was reverted, and restores once; to restore again, create another "
                "RestoreRequest");
  }
  return decision;
}

// Its own approval: that of the swap is still there from before, and opens nothing any more.
RestoreDecision decide_revert(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                              const RestoreFacts& facts, WallTime now) {
  RestoreDecision waiting = decide_completed(spec, status, facts, now);
  if (!facts.swapped || !facts.previous_exists) {
    return held(std::move(waiting), "NothingToRevert",
                "the previous database is not there any more; to go back to other contents, "
                "restore a backup of them");
  }
  const std::string restored = facts.backup.empty() ? spec.backup : facts.backup;
  if (!spec.approval || !spec.approval->revert || spec.approval->backup != restored) {
    return held(std::move(waiting), "ApprovalRequired",
                fmt::format("going back takes the database to what it was before {} was restored, "
                            "and what was written since is kept aside for {}; to go on, set "
                            "spec.approval.backup: {} and spec.approval.revert: true",
                            restored, format_duration(spec.keep_previous), restored));
  }
  return with_steps(spec, facts, {RestoreStep::kRevert, RestoreStep::kCompleteRevert});
}

RestoreDecision wait_for_drill(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                               const RestoreFacts& facts, WallTime now) {
  RestoreDecision decision = with_steps(
      spec, facts,
      facts.side_exists ? std::vector{RestoreStep::kDropSide} : std::vector<RestoreStep>{});
  decision.look_again = *status.next_drill_at - now;
  return decision;
}

std::string approval_wanted(const RestoreRequestSpec& spec) {
  const std::string effect = fmt::format(
      "restoring {} replaces the live database, and what was written since that backup "
      "is kept aside for {}",
      spec.backup, format_duration(spec.keep_previous));
  if (!spec.approval) {
    return fmt::format("{}; to go on, set spec.approval.backup: {}", effect, spec.backup);
  }
  return fmt::format("{}; spec.approval is for {}: to go on, set spec.approval.backup: {}", effect,
                     spec.approval->backup, spec.backup);
}

bool failed_for_good(const RestoreRequestStatus& status, std::int64_t generation) {
  const Condition* stalled = status.conditions.find(kStalled);
  return status.phase == RestorePhase::kFailed && stalled != nullptr &&
         stalled->observed_generation == generation;
}

}  // namespace

std::string_view to_string(RestoreStep step) {
  switch (step) {
    case RestoreStep::kLoad:
      return "Load";
    case RestoreStep::kCount:
      return "Count";
    case RestoreStep::kVerify:
      return "Verify";
    case RestoreStep::kSwap:
      return "Swap";
    case RestoreStep::kComplete:
      return "Complete";
    case RestoreStep::kDropSide:
      return "DropSide";
    case RestoreStep::kDropPrevious:
      return "DropPrevious";
    case RestoreStep::kRevert:
      return "Revert";
    case RestoreStep::kCompleteRevert:
      return "CompleteRevert";
  }
  return "Unknown";
}

RestoreDecision decide_restore(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                               std::int64_t generation, const RestoreFacts& facts, WallTime now) {
  using enum RestoreStep;
  if (facts.revert_interrupted) {
    return with_steps(spec, facts, {kRevert, kCompleteRevert});  // as an interrupted swap
  }
  if (facts.swap_interrupted) {
    // It was approved when it began, and clients are shut out until it ends: nothing may hold it.
    std::vector<RestoreStep> steps = {kSwap};
    if (status.phase == RestorePhase::kReverting) {
      // On record long ago: this is a way back that had only begun to copy the live one aside.
      steps.insert(steps.end(), {kRevert, kCompleteRevert});
      return with_steps(spec, facts, std::move(steps));
    }
    if (status.tables.empty()) {
      steps.push_back(kCount);
    }
    steps.push_back(kComplete);
    return with_steps(spec, facts, std::move(steps));
  }
  if (status.phase == RestorePhase::kReverted) {
    return decide_reverted(spec, status, facts, now);
  }
  if (facts.reverted) {
    return with_steps(spec, facts, {kCompleteRevert});
  }
  const bool due = status.next_drill_at && *status.next_drill_at <= now;
  const bool waits = waits_for_drill(spec, status);
  if (waits && status.next_drill_at && !due) {
    return wait_for_drill(spec, status, facts, now);
  }
  const bool completed =
      status.phase == RestorePhase::kCompleted || status.phase == RestorePhase::kReverting;
  if (completed && !waits) {
    return spec.revert ? decide_revert(spec, status, facts, now)
                       : decide_completed(spec, status, facts, now);
  }
  if (facts.swapped) {
    return with_steps(
        spec, facts,
        status.tables.empty() ? std::vector{kCount, kComplete} : std::vector{kComplete});
  }
  if (spec.revert) {
    return held(with_steps(spec, facts, {}), "NothingToRevert",
                "spec.revert is true, and nothing was restored yet; set it to false to restore");
  }
  if (!waits && failed_for_good(status, generation)) {
    const Condition* stalled = status.conditions.find(kStalled);
    RestoreDecision decision = with_steps(
        spec, facts, facts.side_exists ? std::vector{kDropSide} : std::vector<RestoreStep>{});
    return held(std::move(decision), stalled->reason, stalled->message);
  }
  std::vector<RestoreStep> steps;
  const bool loaded =
      facts.side_complete && (facts.backup == spec.backup || spec.backup == kLatest);
  if (!loaded || waits) {
    steps.push_back(kLoad);
  }
  const bool drill = spec.mode == RestoreMode::kDrill;
  if (drill) {
    // Completed first: a crash in between then drops the side, and does not drill again.
    steps.insert(steps.end(), {kCount, kVerify, kComplete, kDropSide});
  } else {
    steps.insert(steps.end(), {kCount, kVerify, kSwap, kComplete});
  }
  RestoreDecision decision = with_steps(spec, facts, std::move(steps));
  if (!drill && (!spec.approval || spec.approval->backup != spec.backup)) {
    decision.steps.clear();
    return held(std::move(decision), "ApprovalRequired", approval_wanted(spec));
  }
  return decision;
}

bool waits_for_drill(const RestoreRequestSpec& spec, const RestoreRequestStatus& status) {
  return spec.mode == RestoreMode::kDrill && !spec.schedule.empty() &&
         (status.phase == RestorePhase::kPending || status.phase == RestorePhase::kCompleted ||
          status.phase == RestorePhase::kFailed);
}

Status check_targets(const RestoreTargets& targets, double rto_seconds,
                     std::optional<double> rpo_seconds) {
  const auto missed = [](std::string message) {
    return Status(StatusCode::kFailedPrecondition, std::move(message), "TargetMissed");
  };
  if (targets.rto && rto_seconds > to_seconds(*targets.rto)) {
    return missed(fmt::format("the drill took {:.1f} s; spec.targets.rto is {}", rto_seconds,
                              format_duration(*targets.rto)));
  }
  if (targets.rpo && !rpo_seconds) {
    return missed(
        "it is not known when the backup was made, and spec.targets.rpo is set; make "
        "backups with ripcord backup");
  }
  if (targets.rpo && *rpo_seconds > to_seconds(*targets.rpo)) {
    return missed(
        fmt::format("the backup was {:.0f} s old; spec.targets.rpo is {}: make backups "
                    "more often, or name a newer one",
                    *rpo_seconds, format_duration(*targets.rpo)));
  }
  return {};
}

std::string restored_backup(const RestoreRequestStatus& status) {
  if (status.phase != RestorePhase::kCompleted) {
    return {};
  }
  for (const HistoryEntry& entry : status.history) {
    if (entry.result == "Succeeded") {
      return entry.to;
    }
  }
  return {};
}

std::int64_t total_rows(const std::vector<TableRows>& tables) {
  std::int64_t rows = 0;
  for (const TableRows& table : tables) {
    rows += table.rows;
  }
  return rows;
}

Status check_restored(const RestoreVerification& verification, std::int64_t rows,
                      const std::vector<std::int64_t>& answers) {
  const auto failed = [](std::string message) {
    return Status(StatusCode::kFailedPrecondition, std::move(message), "VerificationFailed");
  };
  if (rows < verification.min_rows) {
    return failed(fmt::format("the backup has {} rows; spec.verification.minRows wants {}", rows,
                              verification.min_rows));
  }
  if (answers.size() != verification.queries.size()) {
    return failed(fmt::format("{} of {} verification queries were answered", answers.size(),
                              verification.queries.size()));
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const RestoreQuery& query = verification.queries[i];
    if (query.min && answers[i] < *query.min) {
      return failed(fmt::format("spec.verification.queries[{}] ({}) gave {}; min is {}", i,
                                query.sql, answers[i], *query.min));
    }
    if (query.max && answers[i] > *query.max) {
      return failed(fmt::format("spec.verification.queries[{}] ({}) gave {}; max is {}", i,
                                query.sql, answers[i], *query.max));
    }
  }
  return {};
}

}  // namespace ripcord
