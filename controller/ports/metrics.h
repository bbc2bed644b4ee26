// SPDX-License-Identifier: Apache-2.0
#pragma once
// What we count. A metric is described once, as a constant; a sink takes samples of it. Label
// values are bounded by whoever records them. Safe for concurrent use; never fails.

#include <initializer_list>
#include <span>
#include <string_view>

namespace ripcord {

enum class MetricType { kCounter, kGauge, kHistogram };

// All members point at static storage.
struct MetricDescriptor {
  std::string_view name;
  std::string_view help;
  MetricType type;
  std::span<const std::string_view> labels;  // names, in the order of the values given to a sink
  std::span<const double> buckets = {};      // histograms only, ascending
};

using LabelValues = std::initializer_list<std::string_view>;

class MetricSink {
 public:
  virtual ~MetricSink() = default;
  // Makes a series be there, at zero, before its first sample: a rate() over a series that begins
  // with its first sample misses that one. For sinks that keep series.
  virtual void declare(const MetricDescriptor& /*metric*/, LabelValues /*labels*/) {}
  virtual void add(const MetricDescriptor& counter, LabelValues labels, double delta = 1) = 0;
  virtual void set(const MetricDescriptor& gauge, LabelValues labels, double value) = 0;
  virtual void observe(const MetricDescriptor& histogram, LabelValues labels, double value) = 0;
  // Forgets one series of a gauge or a counter, when what it is about is gone.
  virtual void remove(const MetricDescriptor& metric, LabelValues labels) = 0;
};

// Drops everything.
class NullMetricSink final : public MetricSink {
 public:
  void add(const MetricDescriptor&, LabelValues, double) override {}
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
};

}  // namespace ripcord
