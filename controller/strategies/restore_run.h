// SPDX-License-Identifier: Apache-2.0
#pragma once
// The acting half of one reconcile of a RestoreRequest: carries out the steps of a decision and
// writes what happened into the object's status. One thread; lives for one reconcile.

#include "controller/strategies/restore_request.h"

namespace ripcord {

RestoreFacts facts_of(const RestoreState& state);

class RestoreRun {
 public:
  RestoreRun(const RestoreTools& tools, Reconcile& reconcile, OpenedRestore& opened,
             const RestoreState& observed);

  // In order, up to the first that fails.
  Status carry_out(const std::vector<RestoreStep>& steps);
  // Turns a failed step into conditions, phase and outcome.
  Outcome fail(const Status& cause);
  // Before an approval: what the swap would take away, where the backup's manifest tells its rows.
  // For people only, so a failure is none.
  void preview_loss();

 private:
  Status run_step(RestoreStep step);
  Status load();
  Status count();
  Status verify();
  Status stage();
  Status swap();
  Status complete();
  Status drop_side();
  Status drop_previous();
  Status revert();
  Status complete_revert();

  Result<Backup> find_checked();
  Status load_watched(const Backup& backup);
  void show_progress(const Backup& backup, MonoTime since);
  Status compare_with_manifest();
  // Never fails: a live database that is broken is what a restore is for.
  void count_loss();
  std::optional<LiveRows> count_live_in_time(Duration patience);
  Result<SurveyedDatabase> survey_live_in_time();
  void note_source(const Backup& backup);
  std::optional<double> age_of_source(WallTime at) const;

  bool drill() const { return spec_.mode == RestoreMode::kDrill; }
  bool scheduled() const { return drill() && !spec_.schedule.empty(); }
  Status finish_drill(WallTime now);
  void report_drill(bool passed, std::string reason, std::string message);
  bool out_of_time() const;
  Outcome fail_for_good(const Status& cause, std::string message);

  Status enter(RestorePhase phase, std::string message);
  void took(std::string phase, MonoTime since);
  double seconds_so_far() const;
  void remember(std::string result, std::string reason);
  void measure(std::string_view result, double seconds);
  // What the conditions do not say; their changes become Events by themselves.
  void tell(std::string reason, std::string action, std::string note);
  std::string completion_message() const;

  const RestoreTools& tools_;
  Reconcile& reconcile_;
  OpenedRestore& opened_;
  const RestoreRequestSpec& spec_;
  RestoreRequestStatus& status_;
  std::string backup_;  // being restored: of the server when it knows, else of the spec
  std::string previous_name_;
  const MonoTime begun_;
  const WallTime begun_wall_;
  std::shared_ptr<const BackupManifest> manifest_;  // of what is being loaded, once it was found
  RestoreStep step_ = RestoreStep::kLoad;
};

}  // namespace ripcord
