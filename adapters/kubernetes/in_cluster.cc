// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/in_cluster.h"

#include "adapters/kubernetes/text_file.h"

#include <fmt/format.h>

namespace ripcord::kubernetes {

Result<ClusterAccess> in_cluster_access(const std::string& host, const std::string& port,
                                        const std::string& folder) {
  if (host.empty() || port.empty()) {
    return error(StatusCode::kNotFound,
                 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  const std::string token = folder + "/token";
  if (!read_text_file(token)) {
    return error(StatusCode::kNotFound, fmt::format("no token at {}", token));
  }
  ClusterAccess access;
  access.origin = "the pod's service account";
  access.server = host.find(':') == std::string::npos ? fmt::format("https://{}:{}", host, port)
                                                      : fmt::format("https://[{}]:{}", host, port);
  access.ca.file = folder + "/ca.crt";
  access.token.file = token;
  access.ns = trimmed(read_text_file(folder + "/namespace").value_or(""));
  return access;
}

}  // namespace ripcord::kubernetes
