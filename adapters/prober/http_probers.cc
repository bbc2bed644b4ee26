// SPDX-License-Identifier: Apache-2.0
#include "adapters/prober/http_probers.h"

#include "adapters/prober/probe_run.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

bool is_expected(int status, std::int32_t expected) {
  return expected != 0 ? status == expected : status >= 200 && status < 400;
}

Status check_once(HttpClient& client, const std::string& url, const HealthCheck& check,
                  std::stop_token stop) {
  HttpRequest request;
  request.url = url;
  request.timeout = check.timeout;
  request.new_connection = true;
  const auto response = client.send(request, std::move(stop));
  if (!response) {
    return response.error().code() == StatusCode::kCancelled
               ? response.error()
               : Status(StatusCode::kUnavailable, response.error().message(), "Unhealthy");
  }
  if (!is_expected(response->status, check.expected_status)) {
    return {StatusCode::kUnavailable,
            fmt::format(
                "GET {} answered {}, expected {}", url, response->status,
                check.expected_status == 0 ? "2xx or 3xx" : std::to_string(check.expected_status)),
            "Unhealthy"};
  }
  return ok_status();
}

}  // namespace

Status HttpProbers::check(const std::string& address, const HealthCheck& check,
                          std::stop_token stop) {
  const std::string slash = check.path.starts_with('/') ? "" : "/";
  const std::string url = fmt::format("http://{}{}{}", address, slash, check.path);
  for (std::int32_t i = 0; i < std::max(check.healthy_threshold, 1); ++i) {
    RETURN_IF_ERROR(check_once(client_, url, check, stop));
  }
  return ok_status();
}

std::unique_ptr<TrafficProber> HttpProbers::start(const TrafficVerification& verification) {
  return std::make_unique<ProbeRun>(client_, clock_, verification);
}

}  // namespace ripcord
