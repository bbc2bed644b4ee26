// SPDX-License-Identifier: Apache-2.0
#pragma once
// MetricSink over the registry of prometheus-cpp. Series are looked up once and kept, so a sample
// costs well under a microsecond. A sample that makes no sense (wrong number of labels, a name used
// with two types) is dropped. Thread-safe.

#include "controller/ports/metrics.h"

#include <memory>
#include <string>

namespace ripcord::prometheus_metrics {

class PrometheusMetrics final : public MetricSink {
 public:
  PrometheusMetrics();
  ~PrometheusMetrics() override;

  void declare(const MetricDescriptor& metric, LabelValues labels) override;
  void add(const MetricDescriptor& counter, LabelValues labels, double delta) override;
  void set(const MetricDescriptor& gauge, LabelValues labels, double value) override;
  void observe(const MetricDescriptor& histogram, LabelValues labels, double value) override;
  void remove(const MetricDescriptor& metric, LabelValues labels) override;

  // Everything recorded so far, in the text exposition format 0.0.4.
  std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ripcord::prometheus_metrics
