// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TrafficTarget in a memory store, and the loop around its strategy as the controller has it.

#include "adapters/memory/object_store.h"
#include "controller/base/clock.h"
#include "controller/strategies/traffic_target.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace ripcord {

// Counts samples by metric and labels: "ripcord_rollbacks_total{traffic_target,override,...}".
class CountingMetricSink final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override;
  void set(const MetricDescriptor& metric, LabelValues labels, double value) override;
  void observe(const MetricDescriptor& metric, LabelValues labels, double value) override;
  void remove(const MetricDescriptor& metric, LabelValues labels) override;
  // Sum of what was added or observed; 0 when nothing was.
  double sum(const std::string& series) const;
  int count(const std::string& series) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::pair<int, double>> samples_ GUARDED_BY(mutex_);
};

// The store outlives the loop, as the real one outlives a crashed controller.
class TrafficLoop {
 public:
  TrafficLoop(ObjectStore& store, TrafficRouters& routers, TrafficProbers& probers, Clock& clock,
              Trace trace = {});

  // One look.
  Outcome reconcile(std::stop_token stop = {});
  // Looks again as the outcomes ask, at most `looks` times; the last outcome.
  Outcome settle(int looks = 50);

  const TrafficTargetStatus& status();
  const CountingMetricSink& metrics() const { return metrics_; }
  Strategy& strategy() { return strategy_; }

 private:
  class NoEvents final : public EventSink {
   public:
    void record(const Event&) override {}
  };

  ObjectStore& store_;
  Clock& clock_;
  CountingMetricSink metrics_;
  TrafficTargetStrategy strategy_;
  NoEvents events_;
  StrategyReconciler reconciler_;
  TrafficTargetStatus status_;
};

inline const ObjectKey kShop{Kind::kTrafficTarget, "default", "shop"};

// Creates or updates the spec of kShop.
void put_spec(ObjectStore& store, const TrafficTargetSpec& spec);
TrafficTargetSpec spec_in(const ObjectStore& store);
void override_to(ObjectStore& store, const std::string& environment);
TrafficTargetStatus status_in(const ObjectStore& store);

// "from>to Trigger Result", newest first.
std::vector<std::string> changes(const TrafficTargetStatus& status);
// "Ready=True Serving", or the like.
std::string ready(const TrafficTargetStatus& status);

}  // namespace ripcord
