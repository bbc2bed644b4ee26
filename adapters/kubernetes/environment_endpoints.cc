// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/environment_endpoints.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::kubernetes {

Result<EndpointsOf> read_endpoints(const ApiObjects& objects, const std::string& ns,
                                   const std::vector<std::string>& services) {
  ASSIGN_OR_RETURN(
      const std::string body,
      objects.list(kEndpointSlices, ns,
                   fmt::format("kubernetes.io/service-name in ({})", fmt::join(services, ","))));
  ASSIGN_OR_RETURN(const std::vector<codec::Endpoint> all, codec::decode_endpoints(body));
  EndpointsOf found;
  for (const std::string& service : services) {
    found[service];
  }
  for (const codec::Endpoint& endpoint : all) {
    found[endpoint.service].push_back(endpoint);
  }
  return found;
}

std::string too_few_ready(const Environment& environment, const EndpointsOf& endpoints) {
  const auto at = endpoints.find(environment.backend->service);
  const auto ready =
      at == endpoints.end() ? 0 : std::ranges::count_if(at->second, &codec::Endpoint::ready);
  if (ready >= environment.backend->min_ready) {
    return {};
  }
  return fmt::format(
      "Service {} has {} ready endpoints of the {} that backend.minReady asks for; "
      "look at its pods",
      environment.backend->service, ready, environment.backend->min_ready);
}

std::vector<RouterServer> servers_of(const std::vector<Environment>& environments,
                                     const EndpointsOf& endpoints, const TrafficWeights& weights) {
  std::vector<RouterServer> servers;
  for (const Environment& environment : environments) {
    const auto share = weights.find(environment.name);
    const std::int32_t weight = share == weights.end() ? 0 : share->second;
    const auto at = endpoints.find(environment.backend->service);
    for (const codec::Endpoint& endpoint :
         at == endpoints.end() ? std::vector<codec::Endpoint>() : at->second) {
      servers.push_back({endpoint.name, endpoint.address, environment.name, weight,
                         weight > 0 && endpoint.ready});
    }
  }
  return servers;
}

std::vector<std::string> services_of(const std::vector<Environment>& environments) {
  std::vector<std::string> services;
  for (const Environment& environment : environments) {
    services.push_back(environment.backend->service);
  }
  return services;
}

Status all_declared(const std::vector<Environment>& environments, const TrafficWeights& weights) {
  for (const auto& [name, share] : weights) {
    if (std::ranges::find(environments, name, &Environment::name) == environments.end()) {
      return {StatusCode::kInvalidArgument,
              fmt::format("spec.environments: there is no environment {}", name),
              "UnknownEnvironment"};
    }
  }
  return ok_status();
}

}  // namespace ripcord::kubernetes
