// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text of times and durations as Kubernetes writes them: RFC 3339 in UTC, and Go's
// time.ParseDuration
// ("300ms", "1h30m", "-1.5s"; units ns us ms s m h). Pure functions.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <string>
#include <string_view>

namespace ripcord {

// "2024-01-15T12:00:00Z" (metav1.Time, whole seconds).
std::string format_time(WallTime t);
// "2024-01-15T12:00:00.123456Z" (metav1.MicroTime, always six digits).
std::string format_micro_time(WallTime t);
// Takes any RFC 3339 time with offset and fraction; InvalidArgument otherwise.
Result<WallTime> parse_time(std::string_view text);

// Go's Duration.String: "2s", "48h0m0s", "1.5s", "300ms", "0s".
std::string format_duration(Duration d);
Result<Duration> parse_duration(std::string_view text);

}  // namespace ripcord
