// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/service.h"

#include "adapters/prometheus/process.h"

namespace ripcord::prometheus_metrics {

ServedResponse MetricsService::serve(const ServedRequest& request) {
  ServedResponse response;
  response.content_type = "text/plain; charset=utf-8";
  if (request.path != "/metrics") {
    response.status = 404;
    response.body = "nothing is served here; metrics are at /metrics\n";
  } else if (request.method != "GET") {
    response.status = 405;
    response.headers.emplace_back("Allow", "GET, HEAD");
    response.body = "metrics are read with GET\n";
  } else {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_.text() + process_metrics_text() + build_info_text(version_);
  }
  return response;
}

}  // namespace ripcord::prometheus_metrics
