// SPDX-License-Identifier: Apache-2.0
#pragma once
// kubeconfig files as kubectl merges them: of a name that is in several files the first one counts,
// whole; the first current-context that is not empty counts; relative paths are relative to their
// file. Functions that read files.

#include "adapters/kubernetes/cluster_access.h"

#include <string>
#include <vector>

namespace ripcord::kubernetes {

// The access that `context` (empty: current-context) of the merged files means. Files that do not
// exist are passed over, unless none exists (NotFound). InvalidArgument otherwise.
Result<ClusterAccess> read_kubeconfig(const std::vector<std::string>& files,
                                      const std::string& context);

}  // namespace ripcord::kubernetes
