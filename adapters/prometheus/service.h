// SPDX-License-Identifier: Apache-2.0
#pragma once
// GET /metrics: everything of a PrometheusMetrics, the process and the build. Thread-safe.

#include "adapters/prometheus/metrics.h"
#include "controller/ports/http_service.h"

#include <string>
#include <utility>

namespace ripcord::prometheus_metrics {

class MetricsService final : public HttpService {
 public:
  // `metrics` must outlive the service. `version` is Ripcord's, such as "0.1.0".
  MetricsService(const PrometheusMetrics& metrics, std::string version)
      : metrics_(metrics), version_(std::move(version)) {}
  ServedResponse serve(const ServedRequest& request) override;

 private:
  const PrometheusMetrics& metrics_;
  const std::string version_;
};

}  // namespace ripcord::prometheus_metrics
