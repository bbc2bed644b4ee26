// SPDX-License-Identifier: Apache-2.0
#pragma once
// One reconcile of one TrafficTarget: carries out what was decided and reports it in the status.
// Lives on the stack of converge(); one thread.

#include "controller/strategies/traffic_observe.h"
#include "controller/strategies/traffic_target.h"

#include <memory>
#include <string>

namespace ripcord {

class TrafficConvergence {
 public:
  TrafficConvergence(const TrafficPorts& ports, Reconcile& reconcile);

  Outcome run();
  // After run(): whether the router has every server of an environment without traffic now.
  bool can_go_elsewhere() const { return can_go_elsewhere_; }

 private:
  enum class WindowEnd { kPassed, kFailed, kSuperseded, kStopped };

  Outcome act(const ObservedTraffic& observed);
  Outcome hold(const Hold& hold);
  Outcome repair(const TrafficDecision& decision);
  Outcome start_switch(const TrafficDecision& decision);
  Outcome resume(const TrafficGoal& goal);
  Outcome start_retreat(const std::string& why);
  Outcome carry_out(const TrafficGoal& goal);
  Status move(const TrafficWeights& weights);
  Status verify(const TrafficWeights& weights);
  Outcome watch(const TrafficGoal& goal, MonoTime verified_at);
  WindowEnd watch_window(MonoTime verified_at);
  Outcome take_back(const std::string& why);
  Outcome serve(const TrafficGoal& goal);
  Outcome fail(const Status& cause);

  void report_state(const ObservedTraffic& observed);
  void close_superseded(const std::string& now_at, const std::string& to);
  void report_probes();
  void count_rollback(const HistoryEntry& entry);
  void progress(std::string_view reason, std::string message);
  Status publish(std::string_view point);
  bool probes() const { return !spec_.verification.url.empty(); }
  bool failed_too_often() const;
  bool superseded() const;

  const TrafficPorts& ports_;
  Reconcile& reconcile_;
  const TrafficTargetSpec& spec_;
  TrafficTargetStatus& status_;
  bool can_go_elsewhere_ = false;
  std::unique_ptr<TrafficRouter> router_;
  std::unique_ptr<TrafficProber> over_;   // from before the first command to the end of the window
  std::unique_ptr<TrafficProber> after_;  // from when the router had obeyed
  MonoTime began_{};
};

}  // namespace ripcord
