// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is counted of flags beside their rollbacks.

#include "controller/strategies/rollback_metrics.h"

#include <array>
#include <string_view>

namespace ripcord::metric {

inline constexpr std::array<std::string_view, 1> kSinkLabel = {"sink"};
inline constexpr MetricDescriptor kFlagPropagation = {
    "ripcord_flag_propagation_seconds",
    "From the write of a flag's spec until a client of the sink was seen to get the new value.",
    MetricType::kHistogram, kSinkLabel, kRollbackBuckets};

}  // namespace ripcord::metric
