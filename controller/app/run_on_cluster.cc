// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/address.h"
#include "adapters/http/server.h"
#include "adapters/prometheus/metrics.h"
#include "adapters/prometheus/service.h"
#include "controller/app/cluster.h"
#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/health_service.h"
#include "controller/app/leader_gate.h"
#include "controller/app/log_events.h"
#include "controller/app/real_world.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

constexpr Duration kStopBound = std::chrono::seconds(25);
constexpr Duration kPreloadRetry = std::chrono::milliseconds(100);

// Into the log and onto the cluster.
class TwoSinks final : public EventSink {
 public:
  TwoSinks(EventSink& a, EventSink& b) : a_(a), b_(b) {}
  void record(const Event& event) override {
    a_.record(event);
    b_.record(event);
  }

 private:
  EventSink& a_;
  EventSink& b_;
};

// Its definition or a right is missing.
bool waits_for_a_person(const kubernetes::CachedStore::KindState& state) {
  const StatusCode code = state.follows.problem.code();
  return code == StatusCode::kNotFound || code == StatusCode::kPermissionDenied;
}

// One replica. Flags are looked after by every replica, in silence while it does not lead; the
// other kinds by the leader alone, with loops that live as long as its leadership.
class Replica {
 public:
  Replica(const RunOptions& options, Cluster& cluster,
          prometheus_metrics::PrometheusMetrics& metrics, SystemClock& clock, const Logger& log)
      : options_(options),
        cluster_(cluster),
        clock_(clock),
        log_(log),
        metrics_(metrics),
        log_events_(log),
        events_(log_events_, cluster.events()),
        world_({.ofrep_server = "",
                .metrics = metrics,
                .clock = clock,
                .log = log,
                .cluster = cluster.reach()}),
        gate_(cluster.store(), events_, metrics, [this] { return cluster_.leading(); }),
        flag_files_(*world_.world().flag_files, [this] { return cluster_.leading(); }),
        flags_(gated_world(), {gate_, gate_, gate_, clock, log},
               {.resync = options.resync, .kinds = {Kind::kFeatureFlag}}),
        health_([this] { return loops(); }, [this] { return others(); }),
        metrics_service_(metrics, version()) {}

  Status start() {
    RETURN_IF_ERROR(serve("--metrics-bind-address", options_.metrics_address, metrics_service_));
    RETURN_IF_ERROR(serve("--health-probe-bind-address", options_.health_address, health_));
    // The address is checked now, and used when the flags are known.
    if (const Result<http::BindAddress> bind = http::parse_bind_address(options_.ofrep_address);
        !bind) {
      return bind.error().annotated("--ofrep-bind-address");
    }
    flag_thread_ = std::jthread([this](const std::stop_token& stop) { serve_flags(stop); });
    cluster_.start();
    return ok_status();
  }

  // Until `stop`. False when a reconcile is stuck.
  bool lead_when_it_may(const std::stop_token& stop) {
    while (cluster_.await_leading(stop)) {
      const auto others = std::make_shared<Controller>(
          world_.world(), Surroundings{cluster_.store(), events_, metrics_, clock_, log_},
          ControllerOptions{
              .resync = options_.resync,
              .kinds = {Kind::kTrafficTarget, Kind::kMigrationVersion, Kind::kRestoreRequest}});
      others->start();
      use(others);
      flags_.revisit();  // what it did in silence is now written
      cluster_.await_loss(stop);
      if (!others->stop(kStopBound)) {
        return false;
      }
      use(nullptr);
    }
    return true;
  }

  bool stop() {
    flag_thread_ = {};
    const bool ended = flags_.stop(kStopBound);
    cluster_.release();
    flag_server_.stop();
    admin_server_.stop();
    return ended;
  }

 private:
  Status serve(const std::string& option, const std::string& address, HttpService& service) {
    if (address.empty() || address == "0") {
      return ok_status();
    }
    const Result<std::uint16_t> port = admin_server_.listen(address, service);
    if (!port) {
      return port.error().annotated(option);
    }
    log_.info("listening", {{"option", option}, {"port", std::to_string(*port)}});
    return ok_status();
  }

  // All flags are known before one is served, so that no client gets its own default.
  void serve_flags(const std::stop_token& stop) {
    while (!flags_.preload_flags().ok()) {
      if (!clock_.sleep_for(kPreloadRetry, stop)) {
        return;
      }
    }
    const Result<std::uint16_t> port = world_.serve_flags(flag_server_, options_.ofrep_address);
    if (port) {
      log_.info("listening", {{"option", "--ofrep-bind-address"}, {"port", std::to_string(*port)}});
    } else {
      log_.error("flags are not served",
                 {{"option", "--ofrep-bind-address"}, {"error", port.error().message()}});
    }
    flags_.start();
  }

  World gated_world() {
    World world = world_.world();
    world.flag_files = &flag_files_;
    return world;
  }

  void use(std::shared_ptr<Controller> others) {
    MutexLock lock(mutex_);
    others_ = std::move(others);
  }

  // The loops that run; of the kinds without one, what their mirror says.
  std::vector<LoopHealth> loops() const {
    std::shared_ptr<Controller> others;
    {
      MutexLock lock(mutex_);
      others = others_;
    }
    std::vector<LoopHealth> all = flags_.health();
    if (others) {
      const std::vector<LoopHealth> more = others->health();
      all.insert(all.end(), more.begin(), more.end());
    }
    for (const auto& state : cluster_.state()) {
      const auto at = std::ranges::find(all, state.kind, &LoopHealth::kind);
      const bool has_loop = at != all.end();
      LoopHealth& health = has_loop ? *at : all.emplace_back();
      health.kind = state.kind;
      health.synced = has_loop ? health.synced : state.follows.synced;
      health.objects = state.objects;
      if (!state.follows.problem.ok()) {
        health.watch_error = to_string(state.follows.problem);
      }
      // No flag is served before all are known: a first list that the server refuses for now is
      // awaited, and only what a person has to put right leaves flags out.
      if (state.kind == Kind::kFeatureFlag && !health.synced && !waits_for_a_person(state)) {
        health.watch_error.clear();
      }
    }
    return all;
  }

  std::vector<SourceHealth> others() const {
    SourceHealth leader;
    leader.name = fmt::format("leader {}", cluster_.leading()          ? "(this replica)"
                                           : cluster_.leader().empty() ? "(none known)"
                                                                       : cluster_.leader());
    return {leader};
  }

  const RunOptions& options_;
  Cluster& cluster_;
  SystemClock& clock_;
  const Logger log_;
  prometheus_metrics::PrometheusMetrics& metrics_;
  LogEvents log_events_;
  TwoSinks events_;
  RealWorld world_;
  LeaderGate gate_;
  LeaderFlagFiles flag_files_;
  Controller flags_;
  HealthService health_;
  prometheus_metrics::MetricsService metrics_service_;
  mutable Mutex mutex_;
  std::shared_ptr<Controller> others_ GUARDED_BY(mutex_);
  http::HttpServer flag_server_{{}, log_};
  http::HttpServer admin_server_{{}, log_};
  std::jthread flag_thread_;
};

}  // namespace

int run_on_cluster(const RunOptions& options, std::stop_token stop, SystemClock& clock,
                   const Logger& log) {
  prometheus_metrics::PrometheusMetrics metrics;
  const Result<std::unique_ptr<Cluster>> cluster =
      Cluster::connect(*options.cluster, clock, metrics, log);
  if (!cluster) {
    std::cerr << "ripcord: " << cluster.error().message() << "\n";
    return 1;
  }
  Replica replica(options, **cluster, metrics, clock, log);
  if (const Status started = replica.start(); !started.ok()) {
    replica.stop();
    std::cerr << "ripcord: " << started.message() << "\n";
    return 1;
  }
  log.info("started", {{"version", version()}, {"store", "kubernetes"}});
  const bool in_time = replica.lead_when_it_may(stop) && replica.stop();
  if (!in_time) {
    // Every step is safe against this: the next leader goes on where the real systems are. A
    // replica that lost its lease with a step that does not end is started anew.
    log.warning("a reconcile did not end in time; exiting without it");
    std::cerr << std::flush;
    _exit(stop.stop_requested() ? 0 : 1);
  }
  log.info("stopped");
  return 0;
}

}  // namespace ripcord::app
