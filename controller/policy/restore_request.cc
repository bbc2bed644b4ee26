// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/restore_request.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

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
    const DataEffect effect = step == RestoreStep::kSwap           ? DataEffect::kLossy
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
  if (facts.side_exists) {
    steps.push_back(RestoreStep::kDropSide);
  }
  if (facts.previous_exists && status.completed_at) {
    const Duration left =
        *status.completed_at +
        std::chrono::duration_cast<std::chrono::microseconds>(spec.keep_previous) - now;
    if (left <= Duration::zero()) {
      steps.push_back(RestoreStep::kDropPrevious);
    } else {
      look_again = left;
    }
  } else if (!facts.previous_exists && !status.previous_database.empty()) {
    // Dropped by a run that did not live to say so, or by a person: what is left of it goes too.
    steps.push_back(RestoreStep::kDropPrevious);
  }
  RestoreDecision decision = with_steps(spec, facts, std::move(steps));
  decision.look_again = look_again;
  const std::string done = restored_backup(status);
  if (!done.empty() && done != spec.backup) {
    return held(std::move(decision), "AlreadyRestored",
                fmt::format("this request restored {} and restores once; to restore {}, create "
                            "another RestoreRequest",
                            done, spec.backup));
  }
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
  }
  return "Unknown";
}

RestoreDecision decide_restore(const RestoreRequestSpec& spec, const RestoreRequestStatus& status,
                               std::int64_t generation, const RestoreFacts& facts, WallTime now) {
  using enum RestoreStep;
  if (facts.swap_interrupted) {
    // It was approved when it began, and clients are shut out until it ends: nothing may hold it.
    std::vector<RestoreStep> steps = {kSwap};
    if (status.tables.empty()) {
      steps.push_back(kCount);
    }
    steps.push_back(kComplete);
    return with_steps(spec, facts, std::move(steps));
  }
  if (status.phase == RestorePhase::kCompleted) {
    return decide_completed(spec, status, facts, now);
  }
  if (facts.swapped) {
    return with_steps(
        spec, facts,
        status.tables.empty() ? std::vector{kCount, kComplete} : std::vector{kComplete});
  }
  if (failed_for_good(status, generation)) {
    const Condition* stalled = status.conditions.find(kStalled);
    RestoreDecision decision = with_steps(
        spec, facts, facts.side_exists ? std::vector{kDropSide} : std::vector<RestoreStep>{});
    return held(std::move(decision), stalled->reason, stalled->message);
  }
  std::vector<RestoreStep> steps;
  if (!facts.side_complete || facts.backup != spec.backup) {
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
