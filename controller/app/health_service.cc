// SPDX-License-Identifier: Apache-2.0
#include "controller/app/health_service.h"

namespace ripcord::app {

ServedResponse HealthService::serve(const ServedRequest& request) {
  ServedResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("Cache-Control", "no-cache, no-store");
  const bool verbose = request.query == "verbose" || request.query.starts_with("verbose=") ||
                       request.query.find("&verbose") != std::string::npos;
  HealthReport report;
  if (request.path == "/readyz") {
    report = readyz(loops_(), verbose, sources_());
  } else if (request.path == "/livez" || request.path == "/healthz") {
    report = livez(loops_(), verbose);
  } else {
    response.status = 404;
    response.body = "paths: /livez, /readyz, /healthz; ?verbose\n";
    return response;
  }
  response.status = report.ok ? 200 : 500;
  response.body = report.text;
  return response;
}

}  // namespace ripcord::app
