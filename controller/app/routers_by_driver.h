// SPDX-License-Identifier: Apache-2.0
#pragma once
// TrafficRouters that asks the driver a spec names. As safe for concurrent use as those it holds.

#include "controller/ports/traffic_router.h"

namespace ripcord::app {

struct RouterDrivers {
  TrafficRouters& haproxy;
  TrafficRouters* service = nullptr;  // none: this process has no cluster
  TrafficRouters* http_route = nullptr;
};

class RoutersByDriver final : public TrafficRouters {
 public:
  explicit RoutersByDriver(RouterDrivers drivers) : drivers_(drivers) {}
  // InvalidArgument (OnlyOnKubernetes) when there is no cluster for what the spec names.
  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) override;

 private:
  const RouterDrivers drivers_;
};

}  // namespace ripcord::app
