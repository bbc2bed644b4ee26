// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cluster_access.h"

#include "adapters/kubernetes/in_cluster.h"
#include "adapters/kubernetes/kubeconfig.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    if (end > at) {
      parts.push_back(list.substr(at, end - at));
    }
    at = end + 1;
  }
  return parts;
}

}  // namespace

AccessOptions access_options_of_environment() {
  AccessOptions options;
  options.kubeconfig_list = variable("KUBECONFIG");
  options.home = variable("HOME");
  options.service_host = variable("KUBERNETES_SERVICE_HOST");
  options.service_port = variable("KUBERNETES_SERVICE_PORT");
  return options;
}

Result<ClusterAccess> find_cluster_access(const AccessOptions& options) {
  if (!options.kubeconfig.empty()) {
    return read_kubeconfig({options.kubeconfig}, options.context);
  }
  if (const std::vector<std::string> files = split(options.kubeconfig_list); !files.empty()) {
    return read_kubeconfig(files, options.context);
  }
  std::string not_in_pod = "a context was asked for";
  if (options.context.empty()) {
    Result<ClusterAccess> pod =
        in_cluster_access(options.service_host, options.service_port, options.service_account);
    if (pod) {
      return pod;
    }
    not_in_pod = pod.error().message();
  }
  Result<ClusterAccess> home = error(StatusCode::kNotFound, "HOME is not set");
  if (!options.home.empty()) {
    home = read_kubeconfig({options.home + "/.kube/config"}, options.context);
  }
  if (home || home.error().code() != StatusCode::kNotFound) {
    return home;
  }
  return error(StatusCode::kFailedPrecondition,
               fmt::format("no cluster to talk to: no --kubeconfig and no KUBECONFIG; no service "
                           "account ({}); {}",
                           not_in_pod, home.error().message()),
               "NoCluster");
}

}  // namespace ripcord::kubernetes
