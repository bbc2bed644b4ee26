// SPDX-License-Identifier: Apache-2.0
// What can be read beside our objects: discovery, OpenAPI, health, version.
#include "adapters/apiserver/service_state.h"

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

std::optional<ServedResponse> serve_discovery(ServiceState& state, const ServedRequest& request,
                                              const std::string& path) {
  const bool all_at_once = wants_aggregated_discovery(request);
  if (path.empty()) {
    return answer(200, codec::api_paths());
  }
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
    const bool verbose = query_of(request.query).contains("verbose");
    return plain(verbose ? fmt::format("[+]ping ok\n{} check passed\n", path) : "ok");
  }
  if (path == "openapi/v3") {
    return answer(200, state.open_api.index);
  }
  if (path == "openapi/v3/apis/ripcord.dev/v1alpha1") {
    return open_api_document(state, request);
  }
  return serve_feeds(state, request, segments);
}

}  // namespace ripcord::apiserver
