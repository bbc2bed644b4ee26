// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traffic switched by the selector of a Kubernetes Service: all of it goes to the pods whose label
// `selectorKey` has the environment's `selectorValue`. Blue-green only.
//
// - Each environment also has a Service of its own (`backend.service`) that selects exactly the
//   pods that the switched Service would: that is how its pods are known to be ready before any
//   traffic goes there, without a right to read pods. Where the two selectors would differ the
//   switch is refused, since it could leave the Service without a pod.
// - One label of the selector is written, by a merge patch that holds the version that was read;
//   all else of the Service is kept. After a conflict everything is read and judged again.
// - Where leaders are elected, read() first marks the Service as read by this one
//   (codec/leader_mark.h), so that no switch of an earlier leader can follow.
// - apply() is done when the Service's EndpointSlices list pods of the destination, one of them
//   ready, and of nobody else. What nodes make of that afterwards (kube-proxy) cannot be read;
//   spec.verification.url sees it.
// - Rights in the namespace: get and patch on the switched Service, get on those of the
//   environments, list on endpointslices. What follows them (object_follower.h) needs list and
//   watch on the switched Service and watch on endpointslices.
//
// Fails with the codes of ApiObjects, and InvalidArgument: SharesNotPossible, UnknownEnvironment;
// FailedPrecondition: NoSelector; Unavailable: DestinationDown, NotPropagated, ServiceContended.
// ServiceRouters may be used by several threads, one router by one thread at a time.

#include "adapters/kubernetes/api_objects.h"
#include "controller/base/clock.h"
#include "controller/base/trace.h"
#include "controller/ports/traffic_router.h"

#include <memory>

namespace ripcord::kubernetes {

struct RouterOptions {
  // How long apply() waits for the cluster to follow; then it fails and is asked again.
  Duration patience = std::chrono::seconds(10);
  Trace trace{};  // around each write
};

// How the routers of a cluster meet other writers, and how often they look while it follows.
inline constexpr int kWriteAttempts = 5;
inline constexpr Duration kFirstPause = std::chrono::milliseconds(10);
inline constexpr Duration kLongestPause = std::chrono::milliseconds(250);

class ServiceRouters final : public TrafficRouters {
 public:
  // The reach's client and the clock outlive it and what it opens.
  ServiceRouters(ClusterReach reach, Clock& clock, RouterOptions options = {})
      : reach_(std::move(reach)), clock_(clock), options_(std::move(options)) {}
  // Touches nothing. InvalidArgument: no kubernetesService in the spec, or an environment lacks
  // what it needs.
  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) override;

 private:
  ClusterReach reach_;
  Clock& clock_;
  RouterOptions options_;
};

}  // namespace ripcord::kubernetes
