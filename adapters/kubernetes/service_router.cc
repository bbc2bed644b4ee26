// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/service_router.h"

#include "adapters/kubernetes/environment_endpoints.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::kubernetes {
namespace {

using codec::ServiceView;
using Selector = std::map<std::string, std::string>;

class ServiceRouter final : public TrafficRouter {
 public:
  ServiceRouter(ClusterReach reach, Clock& clock, RouterOptions options,
                KubernetesServiceRouter where, std::vector<Environment> environments)
      : objects_(std::move(reach)),
        clock_(clock),
        options_(std::move(options)),
        where_(std::move(where)),
        environments_(std::move(environments)) {}

  Result<RouterState> read() override;
  Status apply(const TrafficWeights& weights) override;

 private:
  ApiName named(const std::string& service) const { return {kServices, where_.ns, service}; }
  const Environment* selected(const ServiceView& service) const;
  Result<ServiceView> read_service() const;
  Result<ServiceView> read_as_leader() const;
  std::string why_not_ready(const Environment& environment, const Selector& selector,
                            const EndpointsOf& endpoints) const;
  Result<const Environment*> destination(const TrafficWeights& weights) const;
  Status select(const Environment& environment) const;
  Status await_propagation(const Environment& environment) const;
  Status still_selected(const Environment& environment) const;

  ApiObjects objects_;
  Clock& clock_;
  RouterOptions options_;
  KubernetesServiceRouter where_;
  std::vector<Environment> environments_;
};

std::string describe(const Selector& selector) {
  std::string text;
  for (const auto& [key, value] : selector) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  }
  return text;
}

const Environment* ServiceRouter::selected(const ServiceView& service) const {
  const auto value = service.selector.find(where_.selector_key);
  if (value == service.selector.end()) {
    return nullptr;
  }
  const auto at = std::ranges::find(environments_, value->second, &Environment::selector_value);
  return at == environments_.end() ? nullptr : &*at;
}

Result<ServiceView> ServiceRouter::read_service() const {
  ASSIGN_OR_RETURN(const std::string body, objects_.get(named(where_.name)));
  ASSIGN_OR_RETURN(ServiceView service, codec::decode_service(body));
  if (service.selector.empty()) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("spec.router.kubernetesService: {} has no selector, so nothing can be "
                             "switched; give it one, e.g. {}: {}",
                             to_string(named(where_.name)), where_.selector_key,
                             environments_.front().selector_value),
                 "NoSelector");
  }
  return service;
}

Result<ServiceView> ServiceRouter::read_as_leader() const {
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    ASSIGN_OR_RETURN(ServiceView service, read_service());
    ASSIGN_OR_RETURN(const bool marked, objects_.is_marked(named(where_.name), service.leader,
                                                           service.resource_version));
    if (marked) {
      return service;
    }
  }
  return error(StatusCode::kUnavailable,
               fmt::format("{} was changed by others {} times while it was being marked as read by "
                           "a new leader; trying again",
                           to_string(named(where_.name)), kWriteAttempts),
               "ServiceContended");
}

// Empty when traffic can go there.
std::string ServiceRouter::why_not_ready(const Environment& environment, const Selector& selector,
                                         const EndpointsOf& endpoints) const {
  const auto body = objects_.get(named(environment.backend->service));
  const auto own = body ? codec::decode_service(*body) : tl::unexpected(body.error());
  if (!own) {
    return own.error().message();
  }
  Selector wanted = selector;
  wanted[where_.selector_key] = environment.selector_value;
  if (own->selector != wanted) {
    return fmt::format(
        "{} selects {}, but {} would select {}: both must select the same pods; "
        "correct its selector",
        to_string(named(environment.backend->service)), describe(own->selector),
        to_string(named(where_.name)), describe(wanted));
  }
  return too_few_ready(environment, endpoints);
}

Result<RouterState> ServiceRouter::read() {
  ASSIGN_OR_RETURN(const ServiceView service, read_as_leader());
  ASSIGN_OR_RETURN(const EndpointsOf endpoints,
                   read_endpoints(objects_, where_.ns, services_of(environments_)));
  RouterState state;
  const Environment* active = selected(service);
  for (const Environment& environment : environments_) {
    state.weights[environment.name] = &environment == active ? 100 : 0;
    std::string why = why_not_ready(environment, service.selector, endpoints);
    if (!why.empty()) {
      state.not_ready[environment.name] = std::move(why);
    }
  }
  state.servers = servers_of(environments_, endpoints, state.weights);
  state.incarnation = service.uid;
  return state;
}

Result<const Environment*> ServiceRouter::destination(const TrafficWeights& weights) const {
  RETURN_IF_ERROR(all_declared(environments_, weights));
  const auto whole =
      std::ranges::find_if(weights, [](const auto& item) { return item.second == 100; });
  if (whole == weights.end()) {
    return error(StatusCode::kInvalidArgument,
                 "spec.weights: a Service sends everything to one environment; write active, or "
                 "use router.httpRoute for shares",
                 "SharesNotPossible");
  }
  return &*std::ranges::find(environments_, whole->first, &Environment::name);
}

Status ServiceRouter::select(const Environment& environment) const {
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const ServiceView service, read_service());
    if (selected(service) == &environment) {
      return ok_status();
    }
    ASSIGN_OR_RETURN(const EndpointsOf endpoints,
                     read_endpoints(objects_, where_.ns, {environment.backend->service}));
    if (const std::string why = why_not_ready(environment, service.selector, endpoints);
        !why.empty()) {
      return {StatusCode::kUnavailable,
              fmt::format("environment {} cannot take traffic: {}. {} was left as it is",
                          environment.name, why, to_string(named(where_.name))),
              "DestinationDown"};
    }
    trace_point(options_.trace, "before patching the selector");
    const auto patched =
        objects_.patch(named(where_.name), PatchType::kMerge,
                       codec::encode_selector_patch(where_.selector_key, environment.selector_value,
                                                    service.resource_version));
    trace_point(options_.trace, "after patching the selector");
    if (patched) {
      return ok_status();
    }
    if (patched.error().code() != StatusCode::kConflict) {
      return patched.error();
    }
    clock_.sleep_for(kFirstPause * (attempt + 1), {});
  }
  return {StatusCode::kUnavailable,
          fmt::format("{} was changed by others {} times while its selector was being written; "
                      "trying again",
                      to_string(named(where_.name)), kWriteAttempts),
          "ServiceContended"};
}

Status ServiceRouter::await_propagation(const Environment& environment) const {
  const MonoTime end = clock_.now() + options_.patience;
  std::vector<std::string> strangers;
  bool ready = false;
  for (Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    ASSIGN_OR_RETURN(
        EndpointsOf endpoints,
        read_endpoints(objects_, where_.ns, {where_.name, environment.backend->service}));
    std::set<std::string> own;
    for (const codec::Endpoint& endpoint : endpoints[environment.backend->service]) {
      own.insert(endpoint.identity);
    }
    strangers.clear();
    ready = false;
    for (const codec::Endpoint& endpoint : endpoints[where_.name]) {
      if (!own.contains(endpoint.identity)) {
        strangers.push_back(endpoint.name);
      }
      ready = ready || endpoint.ready;
    }
    RETURN_IF_ERROR(still_selected(environment));  // else the slices will never follow
    if (strangers.empty() && ready) {
      return ok_status();
    }
    if (clock_.now() >= end || !clock_.sleep_for(pause, {})) {
      break;
    }
  }
  strangers.resize(std::min<std::size_t>(strangers.size(), 3));
  return {StatusCode::kUnavailable,
          fmt::format("{} selects environment {}, but its EndpointSlices {}; the cluster's "
                      "EndpointSlice controller is behind or not running",
                      to_string(named(where_.name)), environment.name,
                      strangers.empty() ? std::string("list no ready endpoint")
                                        : fmt::format("still list {}", fmt::join(strangers, ", "))),
          "NotPropagated"};
}

Status ServiceRouter::still_selected(const Environment& environment) const {
  ASSIGN_OR_RETURN(const ServiceView now, read_service());
  return selected(now) == &environment
             ? ok_status()
             : Status(StatusCode::kUnavailable,
                      fmt::format("{} selects {} right after it was given {}; something else "
                                  "writes to it, trying again",
                                  to_string(named(where_.name)), describe(now.selector),
                                  environment.selector_value),
                      "ReadBackMismatch");
}

Status ServiceRouter::apply(const TrafficWeights& weights) {
  ASSIGN_OR_RETURN(const Environment* environment, destination(weights));
  RETURN_IF_ERROR(select(*environment));
  return await_propagation(*environment);
}

}  // namespace

Result<std::unique_ptr<TrafficRouter>> ServiceRouters::open(const TrafficTargetSpec& spec) {
  if (!spec.router.kubernetes_service) {
    return error(StatusCode::kInvalidArgument,
                 "spec.router: write kubernetesService: {name: ..., selectorKey: ...}");
  }
  const bool complete = std::ranges::all_of(spec.environments, [](const Environment& e) {
    return e.backend && !e.selector_value.empty();
  });
  if (!complete || spec.environments.empty()) {
    return error(StatusCode::kInvalidArgument,
                 "spec.environments: each needs selectorValue and backend");
  }
  return std::make_unique<ServiceRouter>(reach_, clock_, options_, *spec.router.kubernetes_service,
                                         spec.environments);
}

}  // namespace ripcord::kubernetes
