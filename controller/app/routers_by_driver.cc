// SPDX-License-Identifier: Apache-2.0
#include "controller/app/routers_by_driver.h"

#include <fmt/format.h>

namespace ripcord::app {
namespace {

Result<std::unique_ptr<TrafficRouter>> open_in_cluster(TrafficRouters* driver,
                                                       std::string_view field,
                                                       const TrafficTargetSpec& spec) {
  if (driver == nullptr) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("only on Kubernetes: spec.router.{} needs a cluster; run ripcord with "
                             "--in-cluster or --kubeconfig, or use spec.router.haproxy",
                             field),
                 "OnlyOnKubernetes");
  }
  return driver->open(spec);
}

}  // namespace

Result<std::unique_ptr<TrafficRouter>> RoutersByDriver::open(const TrafficTargetSpec& spec) {
  if (spec.router.kubernetes_service) {
    return open_in_cluster(drivers_.service, "kubernetesService", spec);
  }
  if (spec.router.http_route) {
    return open_in_cluster(drivers_.http_route, "httpRoute", spec);
  }
  return drivers_.haproxy.open(spec);
}

}  // namespace ripcord::app
