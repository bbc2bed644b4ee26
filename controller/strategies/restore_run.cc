// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/restore_run.h"

#include "controller/base/time_text.h"
#include "controller/policy/backup_contents.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kTablesShown = 100;

WallTime later(WallTime from, Duration by) {
  return from + std::chrono::duration_cast<std::chrono::microseconds>(by);
}

}  // namespace

RestoreFacts facts_of(const RestoreState& state) {
  return {state.side_exists,      state.side_complete,          state.swapped,
          state.swap_interrupted, !state.previous_name.empty(), state.backup,
          state.reverted,         state.revert_interrupted};
}

RestoreRun::RestoreRun(const RestoreTools& tools, Reconcile& reconcile, OpenedRestore& opened,
                       const RestoreState& observed)
    : tools_(tools),
      reconcile_(reconcile),
      opened_(opened),
      spec_(std::get<RestoreRequestSpec>(reconcile.object.spec)),
      status_(std::get<RestoreRequestStatus>(reconcile.object.status)),
      backup_((observed.swapped || observed.swap_interrupted || observed.reverted ||
               spec_.backup == kLatestBackup) &&
                      !observed.backup.empty()
                  ? observed.backup
                  : spec_.backup),
      previous_name_(observed.previous_name),
      begun_(tools.clock.now()),
      begun_wall_(tools.clock.wall_now()) {
  status_.side_database = observed.side_exists ? observed.side_name : "";
  status_.simulated = spec_.database.engine == Engine::kSimulation;
}

Status RestoreRun::carry_out(const std::vector<RestoreStep>& steps) {
  for (const RestoreStep step : steps) {
    if (reconcile_.request.stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped between two steps of a restore"};
    }
    step_ = step;
    RETURN_IF_ERROR(run_step(step));
  }
  return {};
}

Status RestoreRun::run_step(RestoreStep step) {
  switch (step) {
    case RestoreStep::kLoad:
      return load();
    case RestoreStep::kCount:
      return count();
    case RestoreStep::kVerify:
      return verify();
    case RestoreStep::kSwap:
      return swap();
    case RestoreStep::kComplete:
      return complete();
    case RestoreStep::kDropSide:
      return drop_side();
    case RestoreStep::kDropPrevious:
      return drop_previous();
    case RestoreStep::kRevert:
      return revert();
    case RestoreStep::kCompleteRevert:
      return complete_revert();
  }
  return {StatusCode::kInternal, "unknown step"};
}

Status RestoreRun::load() {
  // What an earlier attempt or generation left in the status is about another load.
  status_.tables.clear();
  status_.durations.clear();
  status_.restored_rows = 0;
  status_.restored_bytes = 0;
  status_.rows_since_backup.reset();
  status_.not_counted.clear();
  if (drill() && status_.phase != RestorePhase::kLoading) {
    status_.requested_at = tools_.clock.wall_now();
  }
  if (scheduled()) {
    // On record before anything can go wrong: its time runs from here, whatever fails.
    RETURN_IF_ERROR(enter(RestorePhase::kLoading, "a drill is due"));
  }
  ASSIGN_OR_RETURN(const Backup backup, find_checked());
  backup_ = backup.name;
  RETURN_IF_ERROR(enter(
      RestorePhase::kLoading,
      fmt::format("loading {} ({} bytes) beside the live database", backup.name, backup.bytes)));
  tell("RestoreStarted", "Load", fmt::format("loading {} into a side database", backup.name));
  const MonoTime since = tools_.clock.now();
  RETURN_IF_ERROR(load_watched(backup));
  took("Load", since);
  return {};
}

// Damaged, wrong or unrestorable backups are found here, before anything is made.
Result<Backup> RestoreRun::find_checked() {
  const MonoTime since = tools_.clock.now();
  ASSIGN_OR_RETURN(Backup backup, tools_.catalog.find(spec_.catalog_directory, spec_.backup));
  const Engine engine = spec_.database.engine;
  if (backup.manifest && backup.manifest->engine != engine) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("backup {} is of {}, and spec.database is {}", backup.name,
                             to_string(backup.manifest->engine), to_string(engine)),
                 "WrongBackupFormat");
  }
  note_source(backup);
  if (backup.manifest) {
    RETURN_IF_ERROR(enter(RestorePhase::kLoading,
                          fmt::format("reading {} ({} bytes) and comparing it with its manifest",
                                      backup.name, backup.bytes)));
  }
  RETURN_IF_ERROR(tools_.catalog.check(backup, reconcile_.request.stop));
  if (opened_.checks) {
    RETURN_IF_ERROR(opened_.checks->preflight(backup, reconcile_.request.stop));
  }
  took("Check", since);
  manifest_ = backup.manifest;
  return backup;
}

Status RestoreRun::count() {
  const bool live = status_.phase == RestorePhase::kSwapping;
  if (!live) {
    RETURN_IF_ERROR(enter(RestorePhase::kVerifying, "counting the restored rows"));
  }
  const MonoTime since = tools_.clock.now();
  ASSIGN_OR_RETURN(std::vector<TableRows> tables, opened_.target->count(reconcile_.request.stop));
  ASSIGN_OR_RETURN(const RestoreState state, opened_.target->read());
  took("Count", since);
  status_.restored_rows = total_rows(tables);
  status_.restored_bytes = state.side_bytes;
  status_.side_database = state.side_exists ? state.side_name : "";
  tables.resize(std::min(tables.size(), kTablesShown));
  status_.tables = std::move(tables);
  return {};
}

Status RestoreRun::verify() {
  RETURN_IF_ERROR(enter(RestorePhase::kVerifying, "verifying the restored rows"));
  const MonoTime since = tools_.clock.now();
  std::vector<std::int64_t> answers;
  for (const RestoreQuery& query : spec_.verification.queries) {
    Result<std::int64_t> answer = opened_.target->query(query.sql, reconcile_.request.stop);
    if (!answer) {
      return answer.error().annotated(fmt::format("verification query `{}`", query.sql));
    }
    answers.push_back(*answer);
  }
  RETURN_IF_ERROR(check_restored(spec_.verification, status_.restored_rows, answers));
  RETURN_IF_ERROR(compare_with_manifest());
  took("Verify", since);
  return stage();
}

// Part of a drill too: it proves that the swap could be done.
Status RestoreRun::stage() {
  if (!opened_.staging) {
    return {};
  }
  RETURN_IF_ERROR(enter(RestorePhase::kVerifying, "copying what was verified beside the live one"));
  const MonoTime since = tools_.clock.now();
  RETURN_IF_ERROR(opened_.staging->stage(reconcile_.request.stop));
  took("Stage", since);
  return {};
}

// Also after a restart between loading and this, when the manifest has to be found again.
Status RestoreRun::compare_with_manifest() {
  if (!manifest_ && status_.source && status_.source->manifest) {
    ASSIGN_OR_RETURN(const Backup backup, tools_.catalog.find(spec_.catalog_directory, backup_));
    manifest_ = backup.manifest;
    if (!manifest_) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("the manifest of backup {} was there when it was loaded, and is gone",
                          backup_),
              "BadManifest"};
    }
  }
  if (!manifest_ || !opened_.checks) {
    return {};
  }
  ASSIGN_OR_RETURN(const SurveyedDatabase restored,
                   opened_.checks->survey(reconcile_.request.stop));
  return compare_contents(*manifest_, restored.contents, restored.server_version);
}

Status RestoreRun::swap() {
  if (status_.phase != RestorePhase::kSwapping) {
    count_loss();
    if (reconcile_.request.stop.stop_requested()) {
      return {StatusCode::kCancelled, "stopped before the swap"};
    }
  }
  RETURN_IF_ERROR(enter(RestorePhase::kSwapping, "putting the restored database in place"));
  const MonoTime since = tools_.clock.now();
  ASSIGN_OR_RETURN(const SwapReport report, opened_.target->swap(reconcile_.request.stop));
  took("Swap", since);
  status_.swap_window_seconds = to_seconds(report.window);
  previous_name_ = report.previous_name;
  return {};
}

Status RestoreRun::complete() {
  const WallTime now = tools_.clock.wall_now();
  if (drill()) {
    RETURN_IF_ERROR(finish_drill(now));
  }
  status_.phase = RestorePhase::kCompleted;
  status_.completed_at = now;
  status_.previous_database = previous_name_;
  status_.previous_expires_at.reset();
  if (!previous_name_.empty()) {
    status_.previous_expires_at = later(now, spec_.keep_previous);
  }
  if (!drill()) {
    status_.side_database.clear();
    status_.rpo_seconds = age_of_source(now);
    if (status_.requested_at) {
      status_.rto_seconds = std::max(to_seconds(now - *status_.requested_at), 0.0);
    }
  }
  const double seconds = seconds_so_far();
  remember("Succeeded", drill() ? "Drill" : "");
  const std::string message = completion_message();
  status_.conditions.set_ready(drill() ? "DrillSucceeded" : "Restored", message,
                               reconcile_.object.meta.generation, now);
  RETURN_IF_ERROR(reconcile_.publish());
  measure("succeeded", seconds);
  tools_.metrics.add(metric::kRestoredRows, {}, static_cast<double>(status_.restored_rows));
  if (!drill()) {
    const ObjectKey key = reconcile_.object.key();
    if (status_.rpo_seconds) {
      tools_.metrics.set(metric::kRestoreRpo, {key.ns, key.name}, *status_.rpo_seconds);
    }
    if (status_.rto_seconds) {
      tools_.metrics.set(metric::kRestoreRto, {key.ns, key.name}, *status_.rto_seconds);
    }
  }
  return {};
}

Status RestoreRun::revert() {
  RETURN_IF_ERROR(enter(RestorePhase::kReverting, "putting the previous database back"));
  const MonoTime since = tools_.clock.now();
  if (!opened_.reverse) {
    return {StatusCode::kFailedPrecondition, "this engine cannot go back", "NothingToRevert"};
  }
  ASSIGN_OR_RETURN(const SwapReport report, opened_.reverse->revert(reconcile_.request.stop));
  took("Revert", since);
  status_.swap_window_seconds = to_seconds(report.window);
  status_.side_database = report.previous_name;
  return {};
}

Status RestoreRun::complete_revert() {
  const WallTime now = tools_.clock.wall_now();
  status_.phase = RestorePhase::kReverted;
  const std::string back = status_.previous_database;
  previous_name_.clear();
  status_.previous_database.clear();
  status_.previous_expires_at.reset();
  std::string message = fmt::format("the database is what it was before {} was restored", backup_);
  if (!status_.side_database.empty()) {
    status_.previous_expires_at = later(now, spec_.keep_previous);
    message += fmt::format("; what was restored is kept as {} until {}", status_.side_database,
                           format_time(*status_.previous_expires_at));
  }
  const double seconds = to_seconds(tools_.clock.now() - begun_);
  HistoryEntry entry{backup_,   back,    Trigger::kSpec, begun_wall_,
                     now,       seconds, "Succeeded",    spec_.approval ? spec_.approval->by : "",
                     "Reverted"};
  status_.remember(std::move(entry));
  status_.conditions.set_ready("Reverted", message, reconcile_.object.meta.generation, now);
  RETURN_IF_ERROR(reconcile_.publish());
  measure("succeeded", seconds);
  return {};
}

// What is kept is let go of by the newest word on it: published first, as every other step is.
Status RestoreRun::drop_side() {
  RETURN_IF_ERROR(reconcile_.publish());
  RETURN_IF_ERROR(opened_.leftovers->drop_side());
  status_.side_database.clear();
  if (status_.phase == RestorePhase::kReverted) {
    status_.previous_expires_at.reset();
  }
  return {};
}

Status RestoreRun::drop_previous() {
  RETURN_IF_ERROR(reconcile_.publish());
  RETURN_IF_ERROR(opened_.leftovers->drop_previous());
  tell("PreviousDropped", "DropPrevious",
       fmt::format("dropped {}, kept since the restore", status_.previous_database));
  previous_name_.clear();
  status_.previous_database.clear();
  status_.previous_expires_at.reset();
  status_.conditions.set_ready("Restored", completion_message(), reconcile_.object.meta.generation,
                               tools_.clock.wall_now());
  return {};
}

}  // namespace ripcord
