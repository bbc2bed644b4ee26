// SPDX-License-Identifier: Apache-2.0
#pragma once
// The access that a pod has: the service's address from the environment, the token and CA that the
// kubelet mounts and renews.

#include "adapters/kubernetes/cluster_access.h"

#include <string>

namespace ripcord::kubernetes {

// NotFound when this is no pod with a service account: no address, or no token in `folder`.
Result<ClusterAccess> in_cluster_access(const std::string& host, const std::string& port,
                                        const std::string& folder);

}  // namespace ripcord::kubernetes
