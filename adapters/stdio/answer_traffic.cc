// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/answers.h"
#include "adapters/stdio/message_adapter.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

const TrafficTargetStatus& status_of(const Resource& object) {
  return std::get<TrafficTargetStatus>(object.status);
}

bool has_environment(const Resource& object, const std::string& name) {
  const auto& environments = std::get<TrafficTargetSpec>(object.spec).environments;
  return std::any_of(environments.begin(), environments.end(),
                     [&name](const Environment& e) { return e.name == name; });
}

std::string environments_of(const std::vector<ResourcePtr>& objects) {
  std::vector<std::string> out;
  for (const ResourcePtr& object : objects) {
    std::vector<std::string> names;
    for (const Environment& e : std::get<TrafficTargetSpec>(object->spec).environments) {
      names.push_back(e.name);
    }
    out.push_back(fmt::format("{} ({})", object->meta.name, fmt::join(names, ", ")));
  }
  return out.empty() ? "none" : fmt::format("{}", fmt::join(out, "; "));
}

// The TrafficTarget that is meant: the named one, or the only one that has both environments.
Result<ResourcePtr> meant(const std::vector<ResourcePtr>& objects,
                          const codec::SwitchTrafficMessage& request) {
  std::vector<ResourcePtr> fitting;
  for (const ResourcePtr& object : objects) {
    if ((request.name.empty() || object->meta.name == request.name) &&
        has_environment(*object, request.from) && has_environment(*object, request.to)) {
      fitting.push_back(object);
    }
  }
  if (fitting.empty()) {
    return error(StatusCode::kNotFound,
                 fmt::format("no TrafficTarget{} has both environments {} and {}; there are: {}",
                             request.name.empty() ? "" : " " + codec::string_text(request.name),
                             codec::string_text(request.from), codec::string_text(request.to),
                             environments_of(objects)));
  }
  if (fitting.size() > 1) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("field name is missing: several TrafficTargets have both "
                             "environments, name one of: {}",
                             names_of(fitting)));
  }
  return fitting.front();
}

std::string shares(const TrafficWeights& weights) {
  std::vector<std::string> out;
  for (const auto& [name, weight] : weights) {
    if (weight > 0) {
      out.push_back(fmt::format("{} {}%", name, weight));
    }
  }
  return out.empty() ? "nothing" : fmt::format("{}", fmt::join(out, ", "));
}

// Traffic may be taken away only from where it is.
Status gets_traffic(const Resource& object, const std::string& environment) {
  const TrafficWeights& weights = status_of(object).weights;
  const auto found = weights.find(environment);
  if (status_of(object).active == environment || (found != weights.end() && found->second > 0)) {
    return ok_status();
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format("cannot switch away from {}: it gets no traffic; the router serves {}",
                      codec::string_text(environment), shares(weights))};
}

}  // namespace

MessageAdapter::Answer MessageAdapter::answer_traffic(const codec::SwitchTrafficMessage& request,
                                                      const codec::Message& message,
                                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(const ObjectList list, state_.store().list(Kind::kTrafficTarget, settings_.ns));
  ASSIGN_OR_RETURN(const ResourcePtr object, meant(list.items, request));
  const ObjectKey key = object->key();
  ASSIGN_OR_RETURN(const ResourcePtr seen, state_.observed(object, stop));
  RETURN_IF_ERROR(gets_traffic(*seen, request.from));

  TrafficOverride wanted;
  wanted.active = request.to;
  wanted.by = sender(message);
  wanted.reason = reason("switch_traffic", message);
  const auto check = [&](const Resource& current) { return gets_traffic(current, request.from); };
  ASSIGN_OR_RETURN(const ResourcePtr done,
                   (apply_override<TrafficTargetSpec>(state_, key, wanted, check, stop)));
  const TrafficTargetStatus& status = status_of(*done);
  if (status.active != request.to) {
    return error(
        StatusCode::kFailedPrecondition,
        fmt::format("the switch was taken back; the router serves {}", shares(status.weights)));
  }
  const double downtime = status.last_switch ? status.last_switch->downtime_seconds : 0;
  return codec::Reply{
      "traffic_switched",
      {{"current_environment", status.active}, {"downtime_seconds", rounded_seconds(downtime)}}};
}

}  // namespace ripcord::stdio
