// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traffic shared by the weights of a Gateway API v1 HTTPRoute.
//
// - A backendRef belongs to an environment by its Service (and port, where the spec gives one). A
//   rule is ours when it has backendRefs of two environments or more (of one, where the spec has
//   one only); other rules, and backendRefs of nobody's, are left alone.
// - The weights of our backendRefs in a rule add up to 100. One JSON patch writes the weights that
//   differ and nothing else, all or none, and only where the entries are still what was read.
// - Where leaders are elected, read() first marks the route as read by this one
//   (codec/leader_mark.h), and the patch holds only under the mark that was read.
// - Before an environment gains traffic its Service must have ready endpoints (EndpointSlices).
// - apply() is done when every Gateway has looked at this generation of the route and none refuses
//   (Accepted, ResolvedRefs) that did not refuse before: an old defect elsewhere in the route, such
//   as the Service of the side that is left being gone, holds up no way back.
// - Rights in the namespace: get and patch on the route, list on endpointslices. What follows them
//   (object_follower.h) needs list and watch on the route and watch on endpointslices.
//
// Fails with the codes of ApiObjects, and FailedPrecondition: UnknownBackend, UnknownAddress,
// RouteRefused; InvalidArgument: UnknownEnvironment; Unavailable: DestinationDown, NotAccepted,
// RouteContended. HttpRouteRouters may be used by several threads, one router by one thread at a
// time.

#include "adapters/kubernetes/service_router.h"

namespace ripcord::kubernetes {

class HttpRouteRouters final : public TrafficRouters {
 public:
  // The reach's client and the clock outlive it and what it opens.
  HttpRouteRouters(ClusterReach reach, Clock& clock, RouterOptions options = {})
      : reach_(std::move(reach)), clock_(clock), options_(std::move(options)) {}
  // Touches nothing. InvalidArgument: no httpRoute in the spec, or an environment without backend.
  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) override;

 private:
  ClusterReach reach_;
  Clock& clock_;
  RouterOptions options_;
};

}  // namespace ripcord::kubernetes
