// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/route_shares.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

const Environment* owner_of(const codec::RouteBackend& backend,
                            const std::vector<Environment>& environments) {
  const auto at = std::ranges::find_if(environments, [&](const Environment& environment) {
    return environment.backend->service == backend.service &&
           (environment.backend->port == 0 || environment.backend->port == backend.port);
  });
  return at == environments.end() ? nullptr : &*at;
}

// Whole percents that add up to 100, by largest remainder; all 0 when there is no weight.
TrafficWeights percents(const std::map<std::string, std::int64_t>& weights) {
  std::int64_t sum = 0;
  for (const auto& [name, weight] : weights) {
    sum += weight;
  }
  TrafficWeights shares;
  std::vector<std::pair<std::int64_t, std::string>> remainders;
  std::int32_t given = 0;
  for (const auto& [name, weight] : weights) {
    shares[name] = sum == 0 ? 0 : static_cast<std::int32_t>(weight * 100 / sum);
    given += shares[name];
    remainders.emplace_back(sum == 0 ? 0 : -(weight * 100 % sum), name);
  }
  std::ranges::sort(remainders);
  for (std::size_t i = 0; sum != 0 && given < 100; ++i, ++given) {
    ++shares[remainders[i].second];
  }
  return shares;
}

std::int32_t share_of(const TrafficWeights& weights, const std::string& name) {
  const auto at = weights.find(name);
  return at == weights.end() ? 0 : at->second;
}

using Rules = std::map<std::size_t, std::vector<OwnedBackend>>;

Rules our_rules(const codec::RouteView& route, const std::vector<Environment>& environments) {
  Rules rules;
  for (const codec::RouteBackend& backend : route.backends) {
    if (const Environment* owner = owner_of(backend, environments)) {
      rules[backend.rule].push_back({&backend, owner->name});
    }
  }
  const std::size_t least = std::min<std::size_t>(2, environments.size());
  std::erase_if(rules, [&](const auto& rule) {
    std::set<std::string_view> named;
    for (const OwnedBackend& owned : rule.second) {
      named.insert(owned.environment);
    }
    return named.size() < least;
  });
  return rules;
}

void note_missing(const Rules& rules, const std::vector<Environment>& environments,
                  RouteShares& shares) {
  for (const Environment& environment : environments) {
    for (const auto& [rule, backends] : rules) {
      if (std::ranges::find(backends, environment.name, &OwnedBackend::environment) ==
          backends.end()) {
        shares.missing.try_emplace(
            environment.name, fmt::format("{} in rule {}", environment.backend->service, rule + 1));
      }
    }
  }
}

}  // namespace

RouteShares match_route(const codec::RouteView& route,
                        const std::vector<Environment>& environments) {
  const Rules rules = our_rules(route, environments);
  RouteShares shares;
  for (const auto& [rule, backends] : rules) {
    std::map<std::string, std::int64_t> weights;
    for (const Environment& environment : environments) {
      weights[environment.name] = 0;
    }
    for (const OwnedBackend& owned : backends) {
      weights[owned.environment] += owned.backend->weight;
      shares.backends.push_back(owned);
    }
    const TrafficWeights found = percents(weights);
    if (shares.weights.empty()) {
      shares.weights = found;
    }
    shares.settled = shares.settled && found == shares.weights;
  }
  note_missing(rules, environments, shares);
  shares.settled = shares.settled && changes_for(shares, shares.weights).empty();
  return shares;
}

std::vector<codec::WeightChange> changes_for(const RouteShares& shares,
                                             const TrafficWeights& weights) {
  std::vector<codec::WeightChange> changes;
  std::set<std::pair<std::size_t, std::string_view>> served;
  for (const OwnedBackend& owned : shares.backends) {
    // An environment that is in a rule twice gets its share at the first place.
    const bool first = served.emplace(owned.backend->rule, owned.environment).second;
    const std::int32_t wanted = first ? share_of(weights, owned.environment) : 0;
    if (owned.backend->weight != wanted) {
      changes.push_back({owned.backend, wanted});
    }
  }
  return changes;
}

}  // namespace ripcord::kubernetes
