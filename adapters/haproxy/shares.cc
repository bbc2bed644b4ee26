// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/shares.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace ripcord::haproxy {
namespace {

std::int64_t count_of(const std::map<std::string, std::size_t>& servers, const std::string& name) {
  const auto at = servers.find(name);
  return at == servers.end() ? 0 : static_cast<std::int64_t>(at->second);
}

}  // namespace

std::map<std::string, std::vector<std::int32_t>> distribute(
    const TrafficWeights& shares, const std::map<std::string, std::size_t>& servers) {
  // Shares in lowest terms leave more room: 50:50 becomes 1:1.
  std::int64_t common = 0;
  for (const auto& [name, share] : shares) {
    common = std::gcd(common, static_cast<std::int64_t>(share));
  }
  std::int64_t multiple = std::numeric_limits<std::int64_t>::max();
  for (const auto& [name, share] : shares) {
    if (const std::int64_t count = count_of(servers, name); share > 0 && count > 0) {
      multiple = std::min(multiple, kMaxWeight * count / (share / common));
    }
  }
  std::map<std::string, std::vector<std::int32_t>> weights;
  for (const auto& [name, share] : shares) {
    const std::int64_t count = count_of(servers, name);
    if (share <= 0 || count == 0) {
      continue;
    }
    const std::int64_t total = multiple * (share / common);
    auto& each = weights[name];
    for (std::int64_t i = 0; i < count; ++i) {
      each.push_back(static_cast<std::int32_t>(total / count + (i < total % count ? 1 : 0)));
    }
  }
  return weights;
}

TrafficWeights percentages(const std::map<std::string, std::int64_t>& totals) {
  std::int64_t sum = 0;
  for (const auto& [name, total] : totals) {
    sum += total;
  }
  TrafficWeights shares;
  std::vector<std::pair<std::int64_t, std::string>> remainders;
  std::int32_t left = sum > 0 ? 100 : 0;
  for (const auto& [name, total] : totals) {
    const std::int64_t scaled = sum > 0 ? total * 100 : 0;
    shares[name] = sum > 0 ? static_cast<std::int32_t>(scaled / sum) : 0;
    left -= shares[name];
    remainders.emplace_back(sum > 0 ? scaled % sum : 0, name);
  }
  std::ranges::stable_sort(remainders, std::ranges::greater{},
                           &std::pair<std::int64_t, std::string>::first);
  for (std::size_t i = 0; left > 0 && i < remainders.size(); ++i, --left) {
    ++shares[remainders[i].second];
  }
  return shares;
}

}  // namespace ripcord::haproxy
