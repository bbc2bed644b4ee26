// SPDX-License-Identifier: Apache-2.0
#pragma once
// What client-go counts of its requests, under the same names and with the same buckets, so that
// dashboards made for it work. `host` is that of the server, `code` "<error>" without an answer.

#include "controller/ports/metrics.h"

#include <array>

namespace ripcord::kubernetes::metric {

inline constexpr std::array<std::string_view, 3> kRequestLabels = {"code", "method", "host"};
inline constexpr std::array<std::string_view, 2> kDurationLabels = {"verb", "host"};
inline constexpr std::array<std::string_view, 3> kRetryLabels = {"code", "verb", "host"};
inline constexpr std::array<double, 12> kDurationBuckets = {0.005, 0.025, 0.1, 0.25, 0.5, 1,
                                                            2,     4,     8,   15,   30,  60};

inline constexpr MetricDescriptor kRequests = {"rest_client_requests_total",
                                               "Requests to the API server, retries included.",
                                               MetricType::kCounter, kRequestLabels};
inline constexpr MetricDescriptor kRequestDuration = {
    "rest_client_request_duration_seconds",
    "From sending a request to the end of its answer; watches are left out.",
    MetricType::kHistogram, kDurationLabels, kDurationBuckets};
inline constexpr MetricDescriptor kRequestRetries = {
    "rest_client_request_retries_total", "Requests sent again, by what was answered before.",
    MetricType::kCounter, kRetryLabels};

}  // namespace ripcord::kubernetes::metric
