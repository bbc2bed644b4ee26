// SPDX-License-Identifier: Apache-2.0
// The half of TrafficConvergence that comes after the router has obeyed: first success, window, and
// the way back when the window goes wrong.
#include "controller/strategies/rollback_metrics.h"
#include "controller/strategies/traffic_switch.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr Duration kPoll = std::chrono::microseconds(500);
constexpr Duration kWindowPoll = std::chrono::milliseconds(20);

std::string failures_text(const TrafficProber::Report& report, std::int32_t allowed) {
  return fmt::format("{} of {} requests through the router failed (maxFailures {}): {}",
                     report.failures, report.probes, allowed, report.last_error);
}

}  // namespace

bool TrafficConvergence::failed_too_often() const {
  return after_->report().failures > spec_.verification.max_failures;
}

// A request that begins after the router has obeyed, and succeeds.
Status TrafficConvergence::verify(const TrafficWeights& weights) {
  if (!probes()) {
    return ok_status();
  }
  after_ = ports_.probers.start(spec_.verification);
  const MonoTime deadline =
      ports_.clock.now() + spec_.verification.window + spec_.verification.timeout;
  MonoTime asked = ports_.clock.now();
  for (;;) {
    const TrafficProber::Report report = after_->report();
    if (report.probes > report.failures) {
      break;
    }
    if (failed_too_often() || ports_.clock.now() >= deadline) {
      return {StatusCode::kUnavailable, failures_text(report, spec_.verification.max_failures),
              "ProbesFailed"};
    }
    if (!ports_.clock.sleep_for(kPoll, reconcile_.request.stop)) {
      return {StatusCode::kCancelled, "asked to stop"};
    }
    if (const MonoTime now = ports_.clock.now(); now - asked >= kWindowPoll) {
      asked = now;
      if (superseded()) {
        return {StatusCode::kCancelled, "the object has changed"};
      }
    }
  }
  // Restarted in between, it would have answered from another side.
  ASSIGN_OR_RETURN(const RouterState state, router_->read());
  return positive_shares(state.weights) == weights ? ok_status() : move(weights);
}

// Called with the router as wanted and, after a switch, its completion in the status.
Outcome TrafficConvergence::watch(const TrafficGoal& goal, MonoTime verified_at) {
  if (probes()) {
    progress(kVerifying,
             fmt::format("traffic goes to '{}'; requests through the router are "
                         "watched for {} s",
                         describe_shares(goal.weights), to_seconds(spec_.verification.window)));
  }
  if (const Status published = publish("completion"); !published.ok()) {
    return outcome_of(published);
  }
  if (probes()) {
    if (!after_) {
      after_ = ports_.probers.start(spec_.verification);
    }
    const WindowEnd end = watch_window(verified_at);
    report_probes();
    if (end == WindowEnd::kStopped) {
      return RequeueAfter{Duration::zero(), ok_status()};
    }
    if (end == WindowEnd::kSuperseded) {
      status_.history.front().result = "Succeeded";
      count_rollback(status_.history.front());
      return RequeueAfter{Duration::zero(), ok_status()};
    }
    if (end == WindowEnd::kFailed) {
      return take_back(failures_text(after_->report(), spec_.verification.max_failures));
    }
  }
  trace_point(ports_.trace, "after the window");
  const auto state = router_->read();
  if (!state) {
    return fail(state.error());
  }
  status_.weights = state->weights;
  if (positive_shares(state->weights) != goal.weights) {
    // Still Verifying, so the next look repairs the router and watches again.
    return RequeueAfter{std::nullopt, ok_status()};
  }
  if (!status_.history.empty()) {
    status_.history.front().result = "Succeeded";
    count_rollback(status_.history.front());
  }
  return serve(goal);
}

TrafficConvergence::WindowEnd TrafficConvergence::watch_window(MonoTime verified_at) {
  const MonoTime end = verified_at + spec_.verification.window;
  for (;;) {
    if (failed_too_often()) {
      return WindowEnd::kFailed;
    }
    const MonoTime now = ports_.clock.now();
    const TrafficProber::Report report = after_->report();
    // A window shorter than one answer ends with the first answer.
    if (now >= end && (report.probes > 0 || now >= end + spec_.verification.timeout)) {
      return report.probes > report.failures ? WindowEnd::kPassed : WindowEnd::kFailed;
    }
    const Duration nap = std::max<Duration>(std::min<Duration>(kWindowPoll, end - now), kPoll);
    if (!ports_.clock.sleep_for(nap, reconcile_.request.stop)) {
      return WindowEnd::kStopped;
    }
    if (superseded()) {
      return WindowEnd::kSuperseded;
    }
  }
}

bool TrafficConvergence::superseded() const {
  const auto current = ports_.objects.get(reconcile_.object.key());
  return current ? (*current)->meta.generation != reconcile_.object.meta.generation
                 : current.error().code() == StatusCode::kNotFound;
}

// Once: what fails after an automatic switch-back stays, and a person has to look.
Outcome TrafficConvergence::take_back(const std::string& why) {
  const WallTime now = ports_.clock.wall_now();
  HistoryEntry& failed = status_.history.front();
  failed.completed_at = now;
  const TrafficWeights back = parse_shares(failed.from);
  const bool known = std::ranges::all_of(back, [&](const auto& share) {
    return std::ranges::any_of(spec_.environments, [&](const Environment& environment) {
      return environment.name == share.first;
    });
  });
  const bool again = failed.trigger == Trigger::kAutomatic;
  failed.result = again || back.empty() || !known ? "Failed" : "RolledBack";
  count_rollback(failed);
  if (again) {
    return serve(goal_of(reconcile_.object, now));
  }
  if (back.empty() || !known) {
    return fail({StatusCode::kUnavailable,
                 fmt::format("{}; there is no environment to go back to", why),
                 "VerificationFailed"});
  }
  HistoryEntry intent;
  intent.from = failed.to;
  intent.to = failed.from;
  intent.trigger = Trigger::kAutomatic;
  intent.started_at = now;
  intent.by = "ripcord";
  intent.reason = why;
  status_.remember(std::move(intent));
  status_.reverted_generation = reconcile_.object.meta.generation;
  progress("SwitchingBack", why);
  if (const Status published = publish("way back"); !published.ok()) {
    return outcome_of(published);
  }
  over_.reset();
  after_.reset();
  return run();
}

void TrafficConvergence::report_probes() {
  if (status_.history.empty()) {
    return;
  }
  const HistoryEntry& entry = status_.history.front();
  SwitchReport report;
  report.from = entry.from;
  report.to = entry.to;
  report.duration_seconds = entry.duration_seconds;
  report.completed_at = entry.completed_at.value_or(ports_.clock.wall_now());
  if (over_) {
    const TrafficProber::Report seen = over_->report();
    report.probes = seen.probes;
    report.failures = seen.failures;
    const Duration down =
        std::max(Duration::zero(), seen.longest_gap - spec_.verification.interval);
    report.downtime_seconds = seen.failures == 0 ? 0 : to_seconds(down);
    status_.last_switch = report;
  } else if (!probes()) {
    status_.last_switch = report;
  }
}

// By the reconcile that made the switch, so that watching a window again counts nothing twice.
void TrafficConvergence::count_rollback(const HistoryEntry& entry) {
  if (began_ == MonoTime{}) {
    return;
  }
  if (over_) {
    const TrafficProber::Report seen = over_->report();
    ports_.metrics.observe(metric::kTrafficDowntime, {}, status_.last_switch->downtime_seconds);
    ports_.metrics.add(metric::kTrafficProbeFailures, {}, static_cast<double>(seen.failures));
  }
  if (!newest_is_rollback(status_)) {
    return;
  }
  const auto strategy = snake_name(Kind::kTrafficTarget);
  const std::string_view result = entry.result == "Succeeded"    ? "succeeded"
                                  : entry.result == "RolledBack" ? "rolled_back"
                                                                 : "failed";
  ports_.metrics.observe(metric::kRollbackDuration,
                         {strategy, metric::trigger_label(entry.trigger), result},
                         entry.duration_seconds);
  ports_.metrics.add(metric::kRollbacks, {strategy, metric::trigger_label(entry.trigger), result});
}

}  // namespace ripcord
