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

 private:
  Status run_step(RestoreStep step);
  Status load();
  Status count();
  Status verify();
  Status swap();
  Status complete();
  Status drop_side();
  Status drop_previous();

  Status enter(RestorePhase phase, std::string message);
  void took(std::string phase, MonoTime since);
  double seconds_so_far() const;
  void remember(std::string result, std::string reason);
  void measure(std::string_view result, double seconds);
  void measure_age(WallTime swapped_at);
  // What the conditions do not say; their changes become Events by themselves.
  void tell(std::string reason, std::string action, std::string note);
  std::string completion_message() const;

  const RestoreTools& tools_;
  Reconcile& reconcile_;
  OpenedRestore& opened_;
  const RestoreRequestSpec& spec_;
  RestoreRequestStatus& status_;
  const std::string backup_;  // being restored: of the server when it knows, else of the spec
  std::string previous_name_;
  const MonoTime begun_;
  const WallTime begun_wall_;
  RestoreStep step_ = RestoreStep::kLoad;
};

}  // namespace ripcord
