// SPDX-License-Identifier: Apache-2.0
// What a run tells: progress, failures, drills, history, metrics. The steps are in restore_run.cc.
#include "controller/base/cron.h"
#include "controller/base/time_text.h"
#include "controller/policy/backup_contents.h"
#include "controller/strategies/restore_run.h"
#include "controller/strategies/rollback_metrics.h"

#include <algorithm>
#include <cctype>
#include <future>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kTablesShown = 100;
constexpr std::string_view kStrategy = "restore_request";
constexpr std::string_view kDrillPassed = "DrillPassed";
constexpr auto kProgressPause = std::chrono::seconds(1);
constexpr auto kComparePatience = std::chrono::seconds(3);
constexpr auto kCountPatience = std::chrono::seconds(30);

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

std::string schema_of(const std::string& table) {
  return table.substr(0, table.find('.'));
}

// Other schemas of the live database stay where they are.
template <class Table>
void keep_schemas_of(const BackupManifest& manifest, std::vector<Table>& live) {
  std::erase_if(live, [&](const Table& table) {
    const auto& tables = manifest.contents.tables;
    return std::none_of(tables.begin(), tables.end(), [&](const TableContents& known) {
      return schema_of(known.table) == schema_of(table.table);
    });
  });
}

template <class Table>
bool has_table(const std::vector<Table>& tables, const std::string& name) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const Table& table) { return table.table == name; });
}

// By the wall clock, since people and clients wait for it. `look` ends soon after a stop.
template <class Look>
auto within(Duration patience, const std::stop_token& stop, Look look) {
  std::stop_source bounded;
  const std::stop_callback with_us(stop, [&] { bounded.request_stop(); });
  auto found = std::async(std::launch::async, [&] { return look(bounded.get_token()); });
  if (found.wait_for(patience) != std::future_status::ready) {
    bounded.request_stop();
  }
  return found.get();
}

}  // namespace

Outcome RestoreRun::fail(const Status& cause) {
  const std::int64_t generation = reconcile_.object.meta.generation;
  if (cause.code() == StatusCode::kCancelled || cause.code() == StatusCode::kConflict) {
    return outcome_of(cause);
  }
  status_.progress.reset();
  const bool of_the_backup = (step_ == RestoreStep::kLoad || step_ == RestoreStep::kCount ||
                              step_ == RestoreStep::kVerify) &&
                             (cause.code() == StatusCode::kFailedPrecondition ||
                              cause.code() == StatusCode::kInvalidArgument);
  if (passes_by_itself(cause.code()) && !out_of_time()) {
    status_.conditions.set_reconciling(cause.reason(), cause.message(), generation,
                                       tools_.clock.wall_now());
    return outcome_of(cause);
  }
  if (of_the_backup || scheduled() || cause.reason() == "TargetMissed") {
    return fail_for_good(cause, cause.message());
  }
  status_.conditions.set_stalled(cause.reason(), cause.message(), generation,
                                 tools_.clock.wall_now());
  return Stalled{cause};
}

Outcome RestoreRun::fail_for_good(const Status& cause, std::string message) {
  if (!scheduled()) {
    message += "; the live database is as it was. Correct the spec to try again";
  }
  status_.phase = RestorePhase::kFailed;
  const double seconds = seconds_so_far();
  remember("Failed", cause.reason());
  measure("failed", seconds);
  if (drill()) {
    report_drill(false, cause.reason(), message);
  }
  // A side that cannot be dropped now is dropped by the next reconcile.
  if (opened_.leftovers->drop_side().ok()) {
    status_.side_database.clear();
  }
  status_.conditions.set_stalled(cause.reason(), std::move(message),
                                 reconcile_.object.meta.generation, tools_.clock.wall_now());
  if (scheduled() && status_.next_drill_at) {
    return RequeueAfter{*status_.next_drill_at - tools_.clock.wall_now(), ok_status()};
  }
  return Stalled{cause};
}

// A drill that has a target does not try for ever.
bool RestoreRun::out_of_time() const {
  return drill() && spec_.targets.rto && status_.requested_at &&
         tools_.clock.wall_now() > later(*status_.requested_at, *spec_.targets.rto);
}

Status RestoreRun::finish_drill(WallTime now) {
  const WallTime begun = status_.requested_at.value_or(begun_wall_);
  const double took = std::max(to_seconds(now - begun), 0.0);
  RETURN_IF_ERROR(check_targets(spec_.targets, took, age_of_source(begun)));
  report_drill(true, "DrillSucceeded", completion_message());
  return {};
}

void RestoreRun::report_drill(bool passed, std::string reason, std::string message) {
  const WallTime now = tools_.clock.wall_now();
  const WallTime begun = status_.requested_at.value_or(begun_wall_);
  status_.conditions.set({std::string(kDrillPassed),
                          passed ? ConditionState::kTrue : ConditionState::kFalse,
                          reason,
                          message,
                          reconcile_.object.meta.generation,
                          {}},
                         now);
  status_.last_drill = DrillReport{backup_,
                                   begun,
                                   now,
                                   passed,
                                   std::move(reason),
                                   std::move(message),
                                   std::max(to_seconds(now - begun), 0.0),
                                   age_of_source(begun)};
  if (passed) {
    status_.last_passed_drill_at = now;
  }
  status_.next_drill_at.reset();
  if (const auto schedule = CronSchedule::parse(spec_.schedule); schedule) {
    status_.next_drill_at = schedule->next_after(now);
  }
}

void RestoreRun::note_source(const Backup& backup) {
  status_.source = RestoreSource{backup.name, backup.manifest != nullptr, {}, backup.taken_at};
  if (backup.manifest) {
    status_.source->started_at = backup.manifest->started_at;
  }
}

std::optional<double> RestoreRun::age_of_source(WallTime at) const {
  if (!status_.source || !status_.source->ended_at) {
    return std::nullopt;
  }
  return std::max(to_seconds(at - *status_.source->ended_at), 0.0);
}

void RestoreRun::preview_loss() {
  if (!spec_.revert) {
    // Maybe of another backup.
    status_.tables.clear();
    status_.rows_since_backup.reset();
    status_.not_counted.clear();
  }
  const Result<Backup> backup = tools_.catalog.find(spec_.catalog_directory, spec_.backup);
  if (!backup || !backup->manifest || !opened_.checks) {
    return;
  }
  std::optional<LiveRows> live = count_live_in_time(kComparePatience);
  if (!live) {
    return;
  }
  note_source(*backup);
  status_.tables.clear();
  if (spec_.swap_by == RestoreUnit::kSchema) {
    keep_schemas_of(*backup->manifest, live->counted);
    keep_schemas_of(*backup->manifest, live->uncounted);
    status_.not_counted = told_uncounted(live->uncounted);
  }
  for (const TableContents& table : backup->manifest->contents.tables) {
    // Only what count() shows too: not the tables that keep the schema's version.
    if (has_table(live->counted, table.table) || has_table(live->uncounted, table.table)) {
      status_.tables.push_back({table.table, table.rows});
    }
  }
  status_.rows_since_backup = compare_with_live(status_.tables, live->counted);
  if (const auto surveyed = survey_live_in_time()) {
    mark_differing(status_.tables, backup->manifest->contents, surveyed->contents);
  }
  status_.tables.resize(std::min(status_.tables.size(), kTablesShown));
}

// The last moment at which the live database can be looked at as it is.
void RestoreRun::count_loss() {
  status_.rows_since_backup.reset();
  status_.not_counted.clear();
  if (!opened_.checks) {
    return;
  }
  if (const std::optional<LiveRows> live = count_live_in_time(kCountPatience)) {
    status_.rows_since_backup = compare_with_live(status_.tables, live->counted);
    status_.tables.resize(std::min(status_.tables.size(), kTablesShown));
  }
}

// Empty when nothing of it could be counted.
std::optional<LiveRows> RestoreRun::count_live_in_time(Duration patience) {
  const Result<LiveRows> live =
      within(patience, reconcile_.request.stop,
             [&](const std::stop_token& stop) { return opened_.checks->count_live(stop); });
  if (!live) {
    status_.not_counted = told_uncounted({{"the live database", live.error().message()}});
    return std::nullopt;
  }
  status_.not_counted = told_uncounted(live->uncounted);
  if (live->counted.empty() && !live->uncounted.empty()) {
    return std::nullopt;
  }
  return *live;
}

// An approval waits for as long as this takes, and in SQLite's rollback mode writers do too.
Result<SurveyedDatabase> RestoreRun::survey_live_in_time() {
  return within(kComparePatience, reconcile_.request.stop,
                [&](const std::stop_token& stop) { return opened_.checks->survey_live(stop); });
}

// On a thread of its own, while this one tells how far it is.
Status RestoreRun::load_watched(const Backup& backup) {
  if (!opened_.meter) {
    return opened_.target->load(backup, reconcile_.request.stop);
  }
  const MonoTime since = tools_.clock.now();
  std::packaged_task<Status()> task(
      [&] { return opened_.target->load(backup, reconcile_.request.stop); });
  std::future<Status> loaded = task.get_future();
  const std::jthread worker(std::move(task));
  while (loaded.wait_for(kProgressPause) != std::future_status::ready) {
    show_progress(backup, since);
  }
  status_.progress.reset();
  tools_.metrics.remove(metric::kRestoreProgress,
                        {reconcile_.object.meta.ns, reconcile_.object.meta.name});
  return loaded.get();
}

void RestoreRun::show_progress(const Backup& backup, MonoTime since) {
  const Result<LoadMeasure> measured = opened_.meter->measure();
  if (!measured) {
    return;  // the side is not there yet, or busy; the load itself says what is wrong
  }
  RestoreProgress progress{"Load", measured->bytes, backup.bytes, measured->rows, 0, {}};
  if (backup.manifest) {
    progress.bytes_total = backup.manifest->database_bytes;
    for (const TableContents& table : backup.manifest->contents.tables) {
      progress.rows_total += table.rows;
    }
  }
  const double seconds = to_seconds(tools_.clock.now() - since);
  const auto done = static_cast<double>(progress.bytes);
  const auto total = static_cast<double>(progress.bytes_total);
  if (done > 0 && total > 0) {
    const double ratio = std::min(done / total, 1.0);
    progress.eta_seconds = std::max(seconds / ratio - seconds, 0.0);
    tools_.metrics.set(metric::kRestoreProgress,
                       {reconcile_.object.meta.ns, reconcile_.object.meta.name}, ratio);
  }
  status_.progress = progress;
  // A change by somebody else is found by the next phase, which has to write too.
  static_cast<void>(reconcile_.publish());
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
  if (drill()) {
    return;  // took nothing back
  }
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
    text += fmt::format("; the previous contents are kept as {} until {}",
                        status_.previous_database, format_time(*status_.previous_expires_at));
  }
  if (!status_.not_counted.empty()) {
    text += fmt::format("; what was written since is not known of {}", status_.not_counted);
  }
  return text;
}

}  // namespace ripcord
