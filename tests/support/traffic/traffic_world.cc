// SPDX-License-Identifier: Apache-2.0
#include "tests/support/traffic/traffic_world.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord {
namespace {

std::string series(const MetricDescriptor& metric, LabelValues labels) {
  return labels.size() == 0
             ? std::string(metric.name)
             : fmt::format("{}{{{}}}", metric.name, fmt::join(labels.begin(), labels.end(), ","));
}

ResourcePtr fetch(const ObjectStore& store) {
  auto found = store.get(kShop);
  if (!found) {
    throw std::runtime_error(to_string(found.error()));
  }
  return *found;
}

}  // namespace

void CountingMetricSink::add(const MetricDescriptor& metric, LabelValues labels, double delta) {
  const MutexLock lock(mutex_);
  auto& [count, sum] = samples_[series(metric, labels)];
  ++count;
  sum += delta;
}
void CountingMetricSink::set(const MetricDescriptor& metric, LabelValues labels, double value) {
  const MutexLock lock(mutex_);
  samples_[series(metric, labels)] = {1, value};
}
void CountingMetricSink::observe(const MetricDescriptor& metric, LabelValues labels, double value) {
  add(metric, labels, value);
}
void CountingMetricSink::remove(const MetricDescriptor& metric, LabelValues labels) {
  const MutexLock lock(mutex_);
  samples_.erase(series(metric, labels));
}
double CountingMetricSink::sum(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto at = samples_.find(name);
  return at == samples_.end() ? 0 : at->second.second;
}
int CountingMetricSink::count(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto at = samples_.find(name);
  return at == samples_.end() ? 0 : at->second.first;
}

TrafficLoop::TrafficLoop(ObjectStore& store, TrafficRouters& routers, TrafficProbers& probers,
                         Clock& clock, Trace trace)
    : store_(store),
      clock_(clock),
      strategy_({routers, probers, store, metrics_, clock, false, std::move(trace)}),
      reconciler_(store, strategy_, events_, metrics_, clock) {}

Outcome TrafficLoop::reconcile(std::stop_token stop) {
  return reconciler_.reconcile({kShop, "test", std::move(stop), Logger()});
}

Outcome TrafficLoop::settle(int looks) {
  Outcome outcome;
  for (int look = 0; look < looks; ++look) {
    outcome = reconcile();
    const auto* again = std::get_if<RequeueAfter>(&outcome);
    if (again == nullptr) {
      break;
    }
    clock_.sleep_for(std::min<Duration>(again->delay.value_or(std::chrono::milliseconds(5)),
                                        std::chrono::milliseconds(50)),
                     {});
  }
  return outcome;
}

const TrafficTargetStatus& TrafficLoop::status() {
  status_ = status_in(store_);
  return status_;
}

void put_spec(ObjectStore& store, const TrafficTargetSpec& spec) {
  Resource object = make_resource(Kind::kTrafficTarget, kShop.name, kShop.ns);
  if (const auto found = store.get(kShop)) {
    object = **found;
    object.spec = spec;
    if (const auto written = store.update(object); !written) {
      throw std::runtime_error(to_string(written.error()));
    }
    return;
  }
  object.spec = spec;
  if (const auto written = store.create(object); !written) {
    throw std::runtime_error(to_string(written.error()));
  }
}

TrafficTargetSpec spec_in(const ObjectStore& store) {
  return std::get<TrafficTargetSpec>(fetch(store)->spec);
}

void override_to(ObjectStore& store, const std::string& environment) {
  TrafficTargetSpec spec = spec_in(store);
  TrafficOverride override;
  override.active = environment;
  override.reason = "errors after the release";
  override.by = "alice";
  spec.override = override;
  put_spec(store, spec);
}

TrafficTargetStatus status_in(const ObjectStore& store) {
  return std::get<TrafficTargetStatus>(fetch(store)->status);
}

std::vector<std::string> changes(const TrafficTargetStatus& status) {
  std::vector<std::string> lines;
  for (const HistoryEntry& entry : status.history) {
    lines.push_back(
        fmt::format("{}>{} {} {}", entry.from, entry.to, to_string(entry.trigger), entry.result));
  }
  return lines;
}

std::string ready(const TrafficTargetStatus& status) {
  const Condition* condition = status.conditions.find(kReady);
  return condition == nullptr
             ? "no Ready"
             : fmt::format("Ready={} {}", to_string(condition->status), condition->reason);
}

}  // namespace ripcord
