// SPDX-License-Identifier: Apache-2.0
#pragma once
// A metric sink that remembers: value per series, "name{value,value}". Thread-safe.

#include "controller/base/mutex.h"
#include "controller/ports/metrics.h"

#include <map>
#include <optional>
#include <string>

namespace ripcord {

class RecordedMetrics final : public MetricSink {
 public:
  void declare(const MetricDescriptor& metric, LabelValues labels) override {
    MutexLock lock(mutex_);
    values_.try_emplace(series(metric, labels), 0);
  }
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    MutexLock lock(mutex_);
    values_[series(metric, labels)] += delta;
  }
  void set(const MetricDescriptor& metric, LabelValues labels, double value) override {
    MutexLock lock(mutex_);
    values_[series(metric, labels)] = value;
  }
  void observe(const MetricDescriptor& metric, LabelValues labels, double) override {
    MutexLock lock(mutex_);
    values_[series(metric, labels)] += 1;  // how often
  }
  void remove(const MetricDescriptor& metric, LabelValues labels) override {
    MutexLock lock(mutex_);
    values_.erase(series(metric, labels));
  }
  std::optional<double> value(const std::string& name) const {
    MutexLock lock(mutex_);
    const auto it = values_.find(name);
    return it == values_.end() ? std::nullopt : std::optional<double>(it->second);
  }

 private:
  static std::string series(const MetricDescriptor& metric, LabelValues labels) {
    std::string text = std::string(metric.name) + "{";
    for (const std::string_view label : labels) {
      text += (text.back() == '{' ? "" : ",") + std::string(label);
    }
    return text + "}";
  }
  mutable Mutex mutex_;
  std::map<std::string, double> values_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
