// SPDX-License-Identifier: Apache-2.0
#pragma once
// Shares of environments <-> weights of servers. Pure functions.

#include "controller/model/traffic_target.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ripcord::haproxy {

inline constexpr std::int32_t kMaxWeight = 256;

// Environment -> weight of each of its servers, in their order. The sum over an environment is a
// whole multiple of its share, the same multiple for all, so that the percentages hold exactly
// whatever the numbers of servers are; within an environment weights differ by at most one. The
// multiple is the largest that keeps every weight at 256 or less. An environment with a share
// needs at least one server; a server may get 0 when a small share meets many servers. Nothing is
// said about environments with share 0.
std::map<std::string, std::vector<std::int32_t>> distribute(
    const TrafficWeights& shares, const std::map<std::string, std::size_t>& servers);

// Environment -> summed weight, as percentages that add up to 100 (largest remainder first), or
// all 0 when nothing has weight.
TrafficWeights percentages(const std::map<std::string, std::int64_t>& totals);

}  // namespace ripcord::haproxy
