// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who stands behind the environments of a TrafficTarget in a cluster: the endpoints that the
// EndpointSlices of their Services list. One list request for all. Values.

#include "adapters/kubernetes/api_objects.h"
#include "controller/codec/cluster_service.h"
#include "controller/ports/traffic_router.h"

#include <map>
#include <string>
#include <vector>

namespace ripcord::kubernetes {

// Service -> its endpoints.
using EndpointsOf = std::map<std::string, std::vector<codec::Endpoint>>;

// Of these Services; one without endpoints has an empty list.
Result<EndpointsOf> read_endpoints(const ApiObjects& objects, const std::string& ns,
                                   const std::vector<std::string>& services);

// Why the environment cannot take traffic now; empty when it can.
std::string too_few_ready(const Environment& environment, const EndpointsOf& endpoints);

// The endpoints as servers of their environments; a ready one of an environment with a share
// accepts traffic.
std::vector<RouterServer> servers_of(const std::vector<Environment>& environments,
                                     const EndpointsOf& endpoints, const TrafficWeights& weights);

std::vector<std::string> services_of(const std::vector<Environment>& environments);

// InvalidArgument (UnknownEnvironment) when a share goes to one that the spec does not have.
Status all_declared(const std::vector<Environment>& environments, const TrafficWeights& weights);

}  // namespace ripcord::kubernetes
