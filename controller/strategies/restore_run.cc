// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/restore_run.h"

#include "controller/base/time_text.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kTablesShown = 100;
constexpr std::string_view kStrategy = "restore_request";

bool passes_by_itself(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kResourceExhausted:
    case StatusCode::kExpired:
    case StatusCode::kInternal:
      return true;
    default:
      return false;
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

WallTime later(WallTime from, Duration by) {
  return from + std::chrono::duration_cast<std::chrono::microseconds>(by);
}

}  // namespace

RestoreFacts facts_of(const RestoreState& state) {
  return {state.side_exists,      state.side_complete,          state.swapped,
          state.swap_interrupted, !state.previous_name.empty(), state.backup};
}

RestoreRun::RestoreRun(const RestoreTools& tools, Reconcile& reconcile, OpenedRestore& opened,
                       const RestoreState& observed)
    : tools_(tools),
      reconcile_(reconcile),
      opened_(opened),
      spec_(std::get<RestoreRequestSpec>(reconcile.object.spec)),
      status_(std::get<RestoreRequestStatus>(reconcile.object.status)),
      backup_((observed.swapped || observed.swap_interrupted) && !observed.backup.empty()
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
  }
  return {StatusCode::kInternal, "unknown step"};
}

Status RestoreRun::load() {
  ASSIGN_OR_RETURN(const Backup backup, tools_.catalog.find(spec_.catalog_directory, spec_.backup));
  // What an earlier attempt or generation left in the status is about another load.
  status_.tables.clear();
  status_.durations.clear();
  status_.restored_rows = 0;
  status_.restored_bytes = 0;
  RETURN_IF_ERROR(enter(
      RestorePhase::kLoading,
      fmt::format("loading {} ({} bytes) beside the live database", backup.name, backup.bytes)));
  tell("RestoreStarted", "Load", fmt::format("loading {} into a side database", backup.name));
  const MonoTime since = tools_.clock.now();
  RETURN_IF_ERROR(opened_.target->load(backup, reconcile_.request.stop));
  took("Load", since);
  return {};
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
  took("Verify", since);
  return {};
}

Status RestoreRun::swap() {
  RETURN_IF_ERROR(enter(RestorePhase::kSwapping, "putting the restored database in place"));
  const MonoTime since = tools_.clock.now();
  ASSIGN_OR_RETURN(const SwapReport report, opened_.target->swap(reconcile_.request.stop));
  took("Swap", since);
  status_.swap_window_seconds = to_seconds(report.window);
  previous_name_ = report.previous_name;
  return {};
}

Status RestoreRun::complete() {
  const bool drill = spec_.mode == RestoreMode::kDrill;
  const WallTime now = tools_.clock.wall_now();
  status_.phase = RestorePhase::kCompleted;
  status_.completed_at = now;
  status_.previous_database = previous_name_;
  status_.previous_expires_at.reset();
  if (!previous_name_.empty()) {
    status_.previous_expires_at = later(now, spec_.keep_previous);
  }
  if (!drill) {
    status_.side_database.clear();
  }
  const double seconds = seconds_so_far();
  remember("Succeeded", drill ? "Drill" : "");
  const std::string message = completion_message();
  status_.conditions.set_ready(drill ? "DrillSucceeded" : "Restored", message,
                               reconcile_.object.meta.generation, now);
  RETURN_IF_ERROR(reconcile_.publish());
  measure("succeeded", seconds);
  tools_.metrics.add(metric::kRestoredRows, {}, static_cast<double>(status_.restored_rows));
  if (!drill) {
    measure_age(now);
  }
  return {};
}

// Asked for again: the load may have been in an earlier life of this process.
void RestoreRun::measure_age(WallTime swapped_at) {
  const Result<Backup> backup = tools_.catalog.find(spec_.catalog_directory, backup_);
  if (backup && backup->taken_at) {
    const Duration age = swapped_at - *backup->taken_at;
    tools_.metrics.set(metric::kRestoreRpo, {}, std::max(to_seconds(age), 0.0));
  }
}

Status RestoreRun::drop_side() {
  RETURN_IF_ERROR(opened_.leftovers->drop_side());
  status_.side_database.clear();
  return {};
}

Status RestoreRun::drop_previous() {
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

Outcome RestoreRun::fail(const Status& cause) {
  const std::int64_t generation = reconcile_.object.meta.generation;
  const WallTime now = tools_.clock.wall_now();
  if (cause.code() == StatusCode::kCancelled || cause.code() == StatusCode::kConflict) {
    return outcome_of(cause);
  }
  if (passes_by_itself(cause.code())) {
    status_.conditions.set_reconciling(cause.reason(), cause.message(), generation, now);
    return outcome_of(cause);
  }
  const bool of_the_backup = (step_ == RestoreStep::kLoad || step_ == RestoreStep::kCount ||
                              step_ == RestoreStep::kVerify) &&
                             (cause.code() == StatusCode::kFailedPrecondition ||
                              cause.code() == StatusCode::kInvalidArgument);
  std::string message = cause.message();
  if (of_the_backup) {
    message += "; the live database is as it was. Correct the spec to try again";
    status_.phase = RestorePhase::kFailed;
    const double seconds = seconds_so_far();
    remember("Failed", cause.reason());
    measure("failed", seconds);
    // A side that cannot be dropped now is dropped by the next reconcile.
    if (opened_.leftovers->drop_side().ok()) {
      status_.side_database.clear();
    }
  }
  status_.conditions.set_stalled(cause.reason(), message, generation, now);
  return Stalled{cause};
}

Status RestoreRun::enter(RestorePhase phase, std::string message) {
  status_.phase = phase;
  status_.conditions.set_reconciling(std::string(to_string(phase)), std::move(message),
                                     reconcile_.object.meta.generation, tools_.clock.wall_now());
  return reconcile_.publish();
}

void RestoreRun::took(std::string phase, MonoTime since) {
  const double seconds = to_seconds(tools_.clock.now() - since);
  tools_.metrics.observe(metric::kRollbackStageDuration, {kStrategy, lower(phase)}, seconds);
  for (PhaseDuration& known : status_.durations) {
    if (known.phase == phase) {
      known.seconds = seconds;
      return;
    }
  }
  status_.durations.push_back({std::move(phase), seconds});
}

// Also after a restart: then the phases that were done before count as they were published.
double RestoreRun::seconds_so_far() const {
  double phases = 0;
  for (const PhaseDuration& known : status_.durations) {
    phases += known.seconds;
  }
  return std::max(phases, to_seconds(tools_.clock.now() - begun_));
}

void RestoreRun::remember(std::string result, std::string reason) {
  HistoryEntry entry;
  entry.from = previous_name_;
  entry.to = backup_;
  entry.trigger = Trigger::kSpec;
  entry.started_at = begun_wall_;
  entry.completed_at = tools_.clock.wall_now();
  entry.duration_seconds = seconds_so_far();
  entry.result = std::move(result);
  entry.by = spec_.approval ? spec_.approval->by : "";
  entry.reason = std::move(reason);
  status_.remember(std::move(entry));
}

void RestoreRun::measure(std::string_view result, double seconds) {
  tools_.metrics.observe(metric::kRollbackDuration, {kStrategy, "spec", result}, seconds);
  tools_.metrics.add(metric::kRollbacks, {kStrategy, "spec", result});
}

void RestoreRun::tell(std::string reason, std::string action, std::string note) {
  tools_.events.record({reconcile_.object.key(), reconcile_.object.meta.uid, Event::Type::kNormal,
                        std::move(reason), std::move(action), std::move(note)});
}

std::string RestoreRun::completion_message() const {
  std::string text = fmt::format("{} rows of {}", status_.restored_rows, backup_);
  if (spec_.mode == RestoreMode::kDrill) {
    return text + " were restored beside the live database and verified";
  }
  text += " restored and verified";
  if (status_.previous_expires_at) {
    text += fmt::format("; the previous database is kept as {} until {}", status_.previous_database,
                        format_time(*status_.previous_expires_at));
  }
  return text;
}

}  // namespace ripcord
