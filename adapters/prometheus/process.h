// SPDX-License-Identifier: Apache-2.0
#pragma once
// The process_* metrics that every exporter has, read from /proc, and ripcord_build_info. What
// cannot be read is left out.

#include <string>

namespace ripcord::prometheus_metrics {

// Text exposition format 0.0.4.
std::string process_metrics_text();
std::string build_info_text(const std::string& version);

}  // namespace ripcord::prometheus_metrics
