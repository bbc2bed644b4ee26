// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/http_route_router.h"

#include "adapters/kubernetes/environment_endpoints.h"
#include "adapters/kubernetes/route_shares.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using codec::RouteCondition;
using codec::RouteParent;
using codec::RouteView;

constexpr std::array<std::string_view, 2> kAwaited = {"Accepted", "ResolvedRefs"};

// "Gateway, condition" of what was refused.
using Refusals = std::set<std::pair<std::string, std::string>>;

struct Verdict {
  enum class Word { kAccepted, kWaiting, kRefused } word = Word::kWaiting;
  std::string message;
};

class HttpRoute final : public TrafficRouter {
 public:
  HttpRoute(ClusterReach reach, Clock& clock, RouterOptions options, HttpRouteRouter where,
            std::vector<Environment> environments)
      : objects_(std::move(reach)),
        clock_(clock),
        options_(std::move(options)),
        where_(std::move(where)),
        environments_(std::move(environments)) {}

  Result<RouterState> read() override;
  Status apply(const TrafficWeights& weights) override;

 private:
  ApiName name() const { return {kHttpRoutes, where_.ns, where_.name}; }
  Result<RouteView> read_route() const;
  Result<RouteView> read_as_leader() const;
  Result<RouteShares> match(const RouteView& route) const;
  Status can_serve(const RouteShares& shares, const TrafficWeights& weights) const;
  Status write(const TrafficWeights& weights, Refusals& before) const;
  Status await_acceptance(const TrafficWeights& weights, const Refusals& before) const;

  ApiObjects objects_;
  Clock& clock_;
  RouterOptions options_;
  HttpRouteRouter where_;
  std::vector<Environment> environments_;
};

Result<RouteView> HttpRoute::read_route() const {
  ASSIGN_OR_RETURN(const std::string body, objects_.get(name()));
  return codec::decode_route(body);
}

Result<RouteView> HttpRoute::read_as_leader() const {
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    ASSIGN_OR_RETURN(RouteView route, read_route());
    ASSIGN_OR_RETURN(const bool marked,
                     objects_.is_marked(name(), route.leader, route.resource_version));
    if (marked) {
      return route;
    }
  }
  return error(StatusCode::kUnavailable,
               fmt::format("{} was changed by others {} times while it was being marked as read by "
                           "a new leader; trying again",
                           to_string(name()), kWriteAttempts),
               "RouteContended");
}

Result<RouteShares> HttpRoute::match(const RouteView& route) const {
  RouteShares shares = match_route(route, environments_);
  if (shares.backends.empty()) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("{} has no rule whose backendRefs name the Services of the "
                             "environments; add them to one rule, with weights",
                             to_string(name())),
                 "UnknownBackend");
  }
  return shares;
}

Result<RouterState> HttpRoute::read() {
  ASSIGN_OR_RETURN(const RouteView route, read_as_leader());
  ASSIGN_OR_RETURN(RouteShares shares, match(route));
  ASSIGN_OR_RETURN(const EndpointsOf endpoints,
                   read_endpoints(objects_, where_.ns, services_of(environments_)));
  RouterState state;
  state.weights = std::move(shares.weights);
  state.settled = shares.settled;
  state.missing = std::move(shares.missing);
  state.incarnation = route.uid;
  for (const Environment& environment : environments_) {
    std::string why = too_few_ready(environment, endpoints);
    if (!why.empty()) {
      state.not_ready[environment.name] = std::move(why);
    }
  }
  state.servers = servers_of(environments_, endpoints, state.weights);
  return state;
}

// Only those that gain are asked.
Status HttpRoute::can_serve(const RouteShares& shares, const TrafficWeights& weights) const {
  std::optional<EndpointsOf> endpoints;
  for (const Environment& environment : environments_) {
    const auto wanted = weights.find(environment.name);
    if (wanted == weights.end() || wanted->second == 0) {
      continue;
    }
    if (const auto gone = shares.missing.find(environment.name); gone != shares.missing.end()) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("{} has no backendRef to Service {} of environment {}; add it, or leave "
                          "the environment without a share",
                          to_string(name()), gone->second, environment.name),
              "UnknownAddress"};
    }
    if (wanted->second <= shares.weights.at(environment.name)) {
      continue;
    }
    if (!endpoints) {
      ASSIGN_OR_RETURN(endpoints, read_endpoints(objects_, where_.ns, services_of(environments_)));
    }
    if (const std::string why = too_few_ready(environment, *endpoints); !why.empty()) {
      return {StatusCode::kUnavailable,
              fmt::format("environment {} cannot take traffic: {}. {} was left as it is",
                          environment.name, why, to_string(name())),
              "DestinationDown"};
    }
  }
  return ok_status();
}

Refusals refusals_of(const RouteView& route) {
  Refusals refusals;
  for (const RouteParent& parent : route.parents) {
    for (const RouteCondition& condition : parent.conditions) {
      if (condition.status == "False") {
        refusals.emplace(parent.name, condition.type);
      }
    }
  }
  return refusals;
}

Status HttpRoute::write(const TrafficWeights& weights, Refusals& before) const {
  Status refused;
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const RouteView route, read_route());
    ASSIGN_OR_RETURN(const RouteShares shares, match(route));
    RETURN_IF_ERROR(can_serve(shares, weights));
    before = refusals_of(route);
    const auto changes = changes_for(shares, weights);
    if (changes.empty()) {
      return ok_status();
    }
    trace_point(options_.trace, "before patching the weights");
    const auto patched =
        objects_.patch(name(), PatchType::kJson, codec::encode_weight_patch(changes, route.leader));
    trace_point(options_.trace, "after patching the weights");
    if (patched) {
      return ok_status();
    }
    refused = patched.error();
    // A failed test of a JSON patch is a 422: the route is another than was read.
    if (refused.code() != StatusCode::kConflict && refused.code() != StatusCode::kInvalidArgument) {
      return refused;
    }
    clock_.sleep_for(kFirstPause * (attempt + 1), {});
  }
  return {StatusCode::kUnavailable,
          fmt::format("the weights could not be written {} times: {}; trying again", kWriteAttempts,
                      refused.message()),
          "RouteContended"};
}

Verdict judge(const RouteView& route, const Refusals& before) {
  if (route.parents.empty() || route.parents.size() < route.parent_refs) {
    return {Verdict::Word::kWaiting,
            fmt::format("{} of {} parentRefs have a status; is the Gateway's controller running?",
                        route.parents.size(), route.parent_refs)};
  }
  bool accepted = false;
  for (const RouteParent& parent : route.parents) {
    for (const std::string_view type : kAwaited) {
      const RouteCondition* condition = parent.find(type);
      if (condition == nullptr || condition->observed_generation < route.generation) {
        return {Verdict::Word::kWaiting,
                fmt::format("Gateway {} has not reported {} for generation {} yet", parent.name,
                            type, route.generation)};
      }
      if (condition->status != "True" && !before.contains({parent.name, condition->type})) {
        return {Verdict::Word::kRefused,
                fmt::format("Gateway {} says {}={} ({}): {}", parent.name, type, condition->status,
                            condition->reason, condition->message)};
      }
      accepted = accepted || (type == "Accepted" && condition->status == "True");
    }
  }
  return accepted ? Verdict{Verdict::Word::kAccepted, {}}
                  : Verdict{Verdict::Word::kRefused, "no Gateway accepts the route"};
}

Status HttpRoute::await_acceptance(const TrafficWeights& weights, const Refusals& before) const {
  const MonoTime end = clock_.now() + options_.patience;
  for (Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    ASSIGN_OR_RETURN(const RouteView route, read_route());
    ASSIGN_OR_RETURN(const RouteShares shares, match(route));
    if (!changes_for(shares, weights).empty()) {  // what is judged would be somebody else's
      return {StatusCode::kUnavailable,
              fmt::format("{} has other weights right after they were written; something else "
                          "writes to it, trying again",
                          to_string(name())),
              "ReadBackMismatch"};
    }
    const Verdict verdict = judge(route, before);
    if (verdict.word == Verdict::Word::kAccepted) {
      return ok_status();
    }
    if (verdict.word == Verdict::Word::kRefused) {
      return {
          StatusCode::kFailedPrecondition,
          fmt::format("the weights of {} were written, but {}", to_string(name()), verdict.message),
          "RouteRefused"};
    }
    if (clock_.now() >= end || !clock_.sleep_for(pause, {})) {
      return {
          StatusCode::kUnavailable,
          fmt::format("the weights of {} were written, but {}", to_string(name()), verdict.message),
          "NotAccepted"};
    }
  }
}

Status HttpRoute::apply(const TrafficWeights& weights) {
  RETURN_IF_ERROR(all_declared(environments_, weights));
  Refusals before;
  RETURN_IF_ERROR(write(weights, before));
  return await_acceptance(weights, before);
}

}  // namespace

Result<std::unique_ptr<TrafficRouter>> HttpRouteRouters::open(const TrafficTargetSpec& spec) {
  if (!spec.router.http_route) {
    return error(StatusCode::kInvalidArgument, "spec.router: write httpRoute: {name: ...}");
  }
  const bool complete = std::ranges::all_of(
      spec.environments, [](const Environment& e) { return e.backend.has_value(); });
  if (!complete || spec.environments.empty()) {
    return error(StatusCode::kInvalidArgument, "spec.environments: each needs backend");
  }
  return std::make_unique<HttpRoute>(reach_, clock_, options_, *spec.router.http_route,
                                     spec.environments);
}

}  // namespace ripcord::kubernetes
