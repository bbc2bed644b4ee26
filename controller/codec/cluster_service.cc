// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/cluster_service.h"

#include "controller/codec/json_text.h"
#include "controller/codec/leader_mark.h"
#include "controller/codec/lenient_json.h"

#include <set>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";

// An unset `ready` means ready, says the API.
bool is_ready(const Json& endpoint) {
  const Json& ready = member(member(endpoint, "conditions"), "ready");
  return !ready.is_boolean() || ready.get<bool>();
}

std::string first_port(const Json& slice) {
  const Json& ports = member(slice, "ports");
  const Json& port = ports.is_array() && !ports.empty() ? member(ports[0], "port") : Json();
  return port.is_number_integer() ? fmt::format(":{}", port.get<int>()) : std::string();
}

std::string host_of(const Json& endpoint) {
  const Json& addresses = member(endpoint, "addresses");
  if (!addresses.is_array() || addresses.empty() || !addresses[0].is_string()) {
    return {};
  }
  const std::string host = addresses[0].get<std::string>();
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

Result<ServiceView> decode_service(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "Service"));
  ServiceView view;
  view.uid = text_at(member(json, "metadata"), "uid");
  view.resource_version = text_at(member(json, "metadata"), "resourceVersion");
  view.leader = text_at(member(member(json, "metadata"), "annotations"), kLeaderMark);
  view.selector = texts_of(member(member(json, "spec"), "selector"));
  return view;
}

std::string encode_selector_patch(std::string_view key, std::string_view value,
                                  std::string_view resource_version) {
  return fmt::format(R"({{"metadata":{{"resourceVersion":{}}},"spec":{{"selector":{{{}:{}}}}}}})",
                     quote_json(resource_version), quote_json(key), quote_json(value));
}

Result<std::vector<Endpoint>> decode_endpoints(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "EndpointSliceList"));
  std::vector<Endpoint> found;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Json& slice : member(json, "items")) {
    const std::string service = text_at(member(member(slice, "metadata"), "labels"), kServiceLabel);
    const std::string port = first_port(slice);
    for (const Json& item : member(slice, "endpoints")) {
      const std::string host = host_of(item);
      const Json& target = member(item, "targetRef");
      const std::string uid = text_at(target, "uid");
      const std::string name = text_at(target, "name");
      Endpoint endpoint{service, uid.empty() ? host : uid, name.empty() ? host : name, host + port,
                        is_ready(item)};
      if (seen.emplace(service, endpoint.identity).second) {
        found.push_back(std::move(endpoint));
      }
    }
  }
  return found;
}

}  // namespace ripcord::codec
