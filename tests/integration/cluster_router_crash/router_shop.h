// SPDX-License-Identifier: Apache-2.0
#pragma once
// A shop behind a Service and behind an HTTPRoute on a real API server, in its namespace `default`,
// for processes that are killed: the parent keeps one thread and speaks by kubectl alone, all else
// is done in forked processes. Throws when the cluster does not do what it is told.

#include "adapters/kubernetes/cluster_client.h"
#include "adapters/kubernetes/http_route_router.h"
#include "adapters/kubernetes/remote_object_store.h"
#include "adapters/kubernetes/service_router.h"
#include "tests/support/control_plane.h"
#include "tests/support/traffic/traffic_world.h"

#include <memory>
#include <string>
#include <sys/types.h>

namespace ripcord {

enum class Driver { kService, kHttpRoute };

// Services, pods that are ready, the HTTPRoute and all CRDs; once a process.
void set_up_shop(ControlPlane& plane);

// Everything to one environment, of blue and green.
TrafficTargetSpec shop_spec(Driver driver, const std::string& active);

// The controller of the Gateway, in a process of its own until the end of this.
class GatewayProcess {
 public:
  GatewayProcess();
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

 private:
  pid_t pid_ = -1;
};

// A controller over the shop, whose TrafficTarget is on the API server as well. Requests of users
// go where the router says, and those to `broken` fail.
class RouterController {
 public:
  RouterController(ControlPlane& plane, Driver driver, const std::string& broken, Trace trace = {});
  ~RouterController();

  ObjectStore& store() { return store_; }
  TrafficLoop& loop() { return *loop_; }
  // By hand, without a controller.
  Status send_all_to(const std::string& environment);
  // Version of the Service or HTTPRoute, and what it sent traffic to after each change since one:
  // "green; blue".
  std::string version();
  std::string lived_through(const std::string& since);

 private:
  class Users;

  const Driver driver_;
  SystemClock clock_;
  std::unique_ptr<kubernetes::ClusterClient> client_;
  kubernetes::RemoteObjectStore store_;
  std::unique_ptr<TrafficRouters> routers_;
  std::unique_ptr<TrafficProbers> users_;
  std::unique_ptr<TrafficLoop> loop_;
};

}  // namespace ripcord
