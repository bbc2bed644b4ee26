// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/http_route.h"

#include "controller/codec/json_text.h"
#include "controller/codec/leader_mark.h"
#include "controller/codec/lenient_json.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

bool is_local_service(const Json& ref, const std::string& ns) {
  const std::string kind = text_at(ref, "kind");
  const std::string group = text_at(ref, "group");
  const std::string in = text_at(ref, "namespace");
  return (kind.empty() || kind == "Service") && group.empty() && (in.empty() || in == ns);
}

void add_backends(const Json& rule, std::size_t at, const std::string& ns, RouteView& view) {
  const Json& refs = member(rule, "backendRefs");
  for (std::size_t i = 0; refs.is_array() && i < refs.size(); ++i) {
    if (is_local_service(refs[i], ns)) {
      view.backends.push_back({at, i, text_at(refs[i], "name"),
                               static_cast<std::int32_t>(number_at(refs[i], "port", 0)),
                               static_cast<std::int32_t>(number_at(refs[i], "weight", 1)),
                               refs[i].dump()});
    }
  }
}

RouteParent parent_of(const Json& json) {
  RouteParent parent;
  const Json& ref = member(json, "parentRef");
  const std::string section = text_at(ref, "sectionName");
  parent.name = fmt::format("{}{}{} of {}", text_at(ref, "name"), section.empty() ? "" : "/",
                            section, text_at(json, "controllerName"));
  for (const Json& condition : member(json, "conditions")) {
    parent.conditions.push_back({text_at(condition, "type"), text_at(condition, "status"),
                                 text_at(condition, "reason"), text_at(condition, "message"),
                                 number_at(condition, "observedGeneration", 0)});
  }
  return parent;
}

}  // namespace

const RouteCondition* RouteParent::find(std::string_view type) const {
  const auto at = std::ranges::find(conditions, type, &RouteCondition::type);
  return at == conditions.end() ? nullptr : &*at;
}

Result<RouteView> decode_route(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "HTTPRoute"));
  const Json& metadata = member(json, "metadata");
  const Json& spec = member(json, "spec");
  RouteView view;
  view.uid = text_at(metadata, "uid");
  view.resource_version = text_at(metadata, "resourceVersion");
  view.leader = text_at(member(metadata, "annotations"), kLeaderMark);
  view.generation = number_at(metadata, "generation", 0);
  const Json& parent_refs = member(spec, "parentRefs");
  view.parent_refs = parent_refs.is_array() ? parent_refs.size() : 0;
  const std::string ns = text_at(metadata, "namespace");
  const Json& rules = member(spec, "rules");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    add_backends(rules[i], i, ns, view);
  }
  for (const Json& parent : member(member(json, "status"), "parents")) {
    view.parents.push_back(parent_of(parent));
  }
  return view;
}

std::string encode_weight_patch(const std::vector<WeightChange>& changes, std::string_view leader) {
  std::string tests;
  if (!leader.empty()) {
    std::string pointer(kLeaderMark);
    pointer.replace(pointer.find('/'), 1, "~1");
    tests = fmt::format(R"({{"op":"test","path":"/metadata/annotations/{}","value":{}}})", pointer,
                        quote_json(leader));
  }
  std::string writes;
  for (const WeightChange& change : changes) {
    const std::string path =
        fmt::format("/spec/rules/{}/backendRefs/{}", change.backend->rule, change.backend->index);
    tests += fmt::format(R"({}{{"op":"test","path":"{}","value":{}}})", tests.empty() ? "" : ",",
                         path, change.backend->text);
    writes += fmt::format(R"(,{{"op":"add","path":"{}/weight","value":{}}})", path, change.weight);
  }
  return "[" + tests + writes + "]";
}

}  // namespace ripcord::codec
