// SPDX-License-Identifier: Apache-2.0
// What can be read beside our objects: discovery, OpenAPI, health, version, events, namespaces.
#include "adapters/apiserver/selector.h"
#include "adapters/apiserver/service_state.h"
#include "controller/codec/api_events.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

using Segments = std::vector<std::string>;

constexpr const char* kAggregatedType =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

ServedResponse plain(std::string text) {
  ServedResponse response = answer(200, std::move(text));
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

ServedResponse aggregated(std::string body) {
  ServedResponse response = answer(200, std::move(body));
  response.content_type = kAggregatedType;
  return response;
}

ServedResponse open_api_document(ServiceState& state, const ServedRequest& request) {
  const std::string tag = "\"" + state.open_api.hash + "\"";
  const auto known = request.headers.find("if-none-match");
  const bool fresh = known != request.headers.end() && known->second == tag;
  ServedResponse response = answer(fresh ? 304 : 200, fresh ? "" : state.open_api.document);
  response.headers.emplace_back("ETag", tag);
  if (text_of(query_of(request.query), "hash") == state.open_api.hash) {
    response.headers.emplace_back("Cache-Control", "public, immutable, max-age=31536000");
  }
  return response;
}

// --- events
struct EventPlace {
  bool core = true;
  std::string ns;
  std::string name;
};

// [api, v1, (namespaces, NS,) events(, NAME)] or the same below apis/events.k8s.io/v1.
std::optional<EventPlace> event_place(const Segments& segments) {
  EventPlace place;
  std::size_t at = 0;
  if (segments.size() > 2 && segments[0] == "api" && segments[1] == "v1") {
    at = 2;
  } else if (segments.size() > 3 && segments[0] == "apis" && segments[1] == "events.k8s.io" &&
             segments[2] == "v1") {
    at = 3;
    place.core = false;
  } else {
    return std::nullopt;
  }
  if (segments.size() > at + 2 && segments[at] == "namespaces") {
    place.ns = segments[at + 1];
    at += 2;
  }
  if (segments[at] != "events" || segments.size() > at + 2) {
    return std::nullopt;
  }
  place.name = segments.size() > at + 1 ? segments[at + 1] : "";
  return place;
}

Result<bool> selected(const codec::ApiEvent& event, const std::vector<FieldTerm>& terms) {
  for (const FieldTerm& term : terms) {
    std::string value;
    if (!codec::event_field(event, term.field, value)) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("field label not supported: {}", term.field), "BadRequest");
    }
    if ((value == term.value) != term.equal) {
      return false;
    }
  }
  return true;
}

ServedResponse serve_events(ServiceState& state, const ServedRequest& request,
                            const EventPlace& place) {
  const Query query = query_of(request.query);
  if (is_true(query, "watch")) {
    return failure({StatusCode::kInvalidArgument, "events cannot be watched here; list them again",
                    "MethodNotAllowed"});
  }
  const Result<std::vector<FieldTerm>> terms =
      parse_field_selector(text_of(query, "fieldSelector"));
  if (!terms) {
    return failure(terms.error());
  }
  std::vector<codec::ApiEvent> found;
  std::int64_t version = 0;
  for (codec::ApiEvent& event :
       state.events ? state.events->all() : std::vector<codec::ApiEvent>()) {
    version = event.version;
    const Result<bool> wanted = selected(event, *terms);
    if (!wanted) {
      return failure(wanted.error());
    }
    if (*wanted && (place.ns.empty() || event.regarding.ns == place.ns) &&
        (place.name.empty() || event.name == place.name)) {
      found.push_back(std::move(event));
    }
  }
  if (!place.name.empty()) {
    return found.empty() ? failure({StatusCode::kNotFound,
                                    fmt::format("events \"{}\" not found", place.name), "NotFound"})
                         : answer(200, codec::encode_event(found.front(), place.core));
  }
  const codec::AnswerForm form = form_of(request, query, state.clock.wall_now());
  return answer(200, codec::encode_events(found, place.core, form, version));
}

// --- namespaces: a list names those that hold an object, and "default"
std::set<std::string> namespaces(ServiceState& state) {
  std::set<std::string> names = {std::string(kDefaultNamespace)};
  for (const Kind kind : kAllKinds) {
    const Result<ObjectList> list = state.store.list(kind);
    for (const ResourcePtr& object : list ? list->items : std::vector<ResourcePtr>()) {
      names.insert(object->meta.ns);
    }
  }
  return names;
}

ServedResponse serve_namespaces(ServiceState& state, const ServedRequest& request,
                                const std::string& name) {
  const Query query = query_of(request.query);
  const codec::AnswerForm form = form_of(request, query, state.clock.wall_now());
  const std::set<std::string> names = namespaces(state);
  if (is_true(query, "watch")) {
    return failure({StatusCode::kInvalidArgument,
                    "namespaces cannot be watched here; list them again", "MethodNotAllowed"});
  }
  if (name.empty()) {
    return answer(200,
                  codec::encode_namespaces({names.begin(), names.end()}, form, state.started, 1));
  }
  // Any may be used without being made first, so each is there; kubectl asks when an object is not.
  return answer(200, codec::encode_namespace(name, form, state.started));
}

std::optional<ServedResponse> serve_discovery(ServiceState& state, const ServedRequest& request,
                                              const std::string& path) {
  const bool all_at_once = wants_aggregated_discovery(request);
  if (path == "api") {
    return all_at_once ? aggregated(codec::aggregated_core()) : answer(200, codec::api_versions());
  }
  if (path == "apis") {
    return all_at_once ? aggregated(codec::aggregated_groups(state.catalog))
                       : answer(200, codec::api_group_list(state.catalog));
  }
  if (path == "apis/ripcord.dev" || path == "apis/events.k8s.io") {
    return answer(200, codec::api_group(path.substr(path.find('/') + 1)));
  }
  if (path == "apis/ripcord.dev/v1alpha1") {
    return answer(200, codec::api_resource_list(state.catalog));
  }
  if (path == "api/v1") {
    return answer(200, codec::core_resource_list());
  }
  if (path == "apis/events.k8s.io/v1") {
    return answer(200, codec::event_resource_list());
  }
  return std::nullopt;
}

}  // namespace

std::optional<ServedResponse> serve_document(ServiceState& state, const ServedRequest& request,
                                             const Segments& segments) {
  const std::string path = fmt::format("{}", fmt::join(segments, "/"));
  if (std::optional<ServedResponse> found = serve_discovery(state, request, path)) {
    return found;
  }
  if (path == "version") {
    return answer(200, codec::version_document(state.version));
  }
  if (path == "healthz" || path == "livez" || path == "readyz") {
    return plain("ok");
  }
  if (path == "openapi/v3") {
    return answer(200, state.open_api.index);
  }
  if (path == "openapi/v3/apis/ripcord.dev/v1alpha1") {
    return open_api_document(state, request);
  }
  if (const std::optional<EventPlace> place = event_place(segments)) {
    return serve_events(state, request, *place);
  }
  if (segments.size() >= 3 && segments.size() <= 4 && segments[0] == "api" && segments[1] == "v1" &&
      segments[2] == "namespaces") {
    return serve_namespaces(state, request, segments.size() == 4 ? segments[3] : "");
  }
  return std::nullopt;
}

}  // namespace ripcord::apiserver
