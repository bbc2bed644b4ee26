// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/resource_service.h"

#include "adapters/apiserver/service_state.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

ServedResponse not_found() {
  // Plain text, as the real server answers for what nobody serves.
  ServedResponse response = answer(404, "404 page not found\n");
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

ServedResponse not_allowed(std::string_view method) {
  return failure({StatusCode::kInvalidArgument,
                  fmt::format("the server does not allow {} on the requested resource", method),
                  "MethodNotAllowed"});
}

ServedResponse serve_collection(ServiceState& state, const Call& call) {
  const std::string& method = call.request.method;
  if (method == "GET") {
    return is_true(call.query, "watch") ? serve_watch(state, call) : serve_list(state, call);
  }
  if (method == "POST" && !call.target.ns.empty()) {
    return serve_create(state, call);
  }
  return method == "DELETE" && !call.target.ns.empty() ? serve_delete_collection(state, call)
                                                       : not_allowed(method);
}

ServedResponse serve_object(ServiceState& state, const Call& call) {
  const std::string& method = call.request.method;
  if (method == "GET") {
    return is_true(call.query, "watch") ? serve_watch(state, call) : serve_get(state, call);
  }
  if (method == "PUT") {
    return serve_put(state, call);
  }
  if (method == "PATCH") {
    return serve_patch(state, call);
  }
  return method == "DELETE" && !call.target.status ? serve_delete(state, call)
                                                   : not_allowed(method);
}

bool is_ours(const std::vector<std::string>& segments) {
  return segments.size() > 3 && segments[0] == "apis" && segments[1] == kApiGroup &&
         segments[2] == "v1alpha1";
}

}  // namespace

ResourceService::ResourceService(ObjectStore& store, const Clock& clock, codec::ApiCatalog catalog,
                                 std::string version, const EventRing* events)
    : state_(std::make_unique<ServiceState>(store, clock, std::move(catalog), std::move(version),
                                            events)) {}

ResourceService::~ResourceService() = default;

ServedResponse ResourceService::serve(const ServedRequest& request) {
  if (request.method != "GET" && request.headers.contains("origin")) {
    // Any page that a person of this machine opens could send it: loopback keeps nobody out there.
    return failure({StatusCode::kPermissionDenied,
                    "a browser sent this on behalf of a page; send changes with kubectl or curl"});
  }
  const std::vector<std::string> segments = segments_of(request.path);
  if (is_ours(segments)) {
    const std::optional<Target> target = target_of(segments);
    if (!target) {
      return not_found();
    }
    const Call call{request, query_of(request.query), *target};
    return target->name.empty() ? serve_collection(*state_, call) : serve_object(*state_, call);
  }
  if (request.method == "GET") {
    if (std::optional<ServedResponse> document = serve_document(*state_, request, segments)) {
      return std::move(*document);
    }
    return not_found();
  }
  return not_allowed(request.method);
}

}  // namespace ripcord::apiserver
