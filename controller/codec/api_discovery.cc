// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_json.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ripcord::codec {
namespace {

constexpr std::string_view kVersion = "v1alpha1";
constexpr std::string_view kEventGroup = "events.k8s.io";
const std::vector<std::string> kObjectVerbs = {"delete", "deletecollection", "get",    "list",
                                               "patch",  "create",           "update", "watch"};
const std::vector<std::string> kStatusVerbs = {"get", "patch", "update"};
const std::vector<std::string> kReadVerbs = {"get", "list", "watch"};

ApiJson group_json(std::string_view name, std::string_view version) {
  const ApiJson served = {{"groupVersion", std::string(name) + "/" + std::string(version)},
                          {"version", version}};
  return {{"name", name}, {"versions", ApiJson::array({served})}, {"preferredVersion", served}};
}

ApiJson resource_list(std::string_view group_version, ApiJson resources) {
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group_version},
          {"resources", std::move(resources)}};
}

ApiJson read_only(std::string_view name, std::string_view singular, std::string_view kind,
                  bool namespaced, std::string_view short_name) {
  return {{"name", name}, {"singularName", singular}, {"namespaced", namespaced},
          {"kind", kind}, {"verbs", kReadVerbs},      {"shortNames", ApiJson::array({short_name})}};
}

// The same in the form of aggregated discovery.
ApiJson aggregated(const ApiJson& resource, std::string_view group, std::string_view version) {
  ApiJson entry = {
      {"resource", resource["name"]},
      {"responseKind", {{"group", group}, {"version", version}, {"kind", resource["kind"]}}},
      {"scope", resource["namespaced"].get<bool>() ? "Namespaced" : "Cluster"},
      {"singularResource", resource["singularName"]},
      {"verbs", resource["verbs"]}};
  for (const char* key : {"shortNames", "categories"}) {
    if (resource.contains(key)) {
      entry[key] = resource[key];
    }
  }
  return entry;
}

ApiJson aggregated_group(std::string_view group, std::string_view version, ApiJson resources) {
  ApiJson metadata = ApiJson::object();
  if (!group.empty()) {
    metadata["name"] = group;
  }
  metadata["creationTimestamp"] = nullptr;
  return {{"metadata", std::move(metadata)},
          {"versions", ApiJson::array({{{"version", version},
                                        {"resources", std::move(resources)},
                                        {"freshness", "Current"}}})}};
}

std::string aggregated_list(ApiJson groups) {
  return dump_json(ApiJson{{"kind", "APIGroupDiscoveryList"},
                           {"apiVersion", "apidiscovery.k8s.io/v2"},
                           {"metadata", ApiJson::object()},
                           {"items", std::move(groups)}});
}

ApiJson object_resource(const KindEntry& entry, Kind kind) {
  ApiJson resource = {{"name", plural(kind)},
                      {"singularName", entry.singular},
                      {"namespaced", true},
                      {"kind", to_string(kind)},
                      {"verbs", kObjectVerbs}};
  if (!entry.short_names.empty()) {
    resource["shortNames"] = entry.short_names;
  }
  if (!entry.categories.empty()) {
    resource["categories"] = entry.categories;
  }
  return resource;
}

// As an API server lists them.
std::array<Kind, kAllKinds.size()> by_name() {
  std::array<Kind, kAllKinds.size()> kinds = kAllKinds;
  std::ranges::sort(kinds, {}, [](Kind kind) { return plural(kind); });
  return kinds;
}

ApiJson core_resources() {
  return ApiJson::array({read_only("events", "event", "Event", true, "ev"),
                         read_only("namespaces", "namespace", "Namespace", false, "ns")});
}

ApiJson event_resources() {
  return ApiJson::array({read_only("events", "event", "Event", true, "ev")});
}

ApiJson all_aggregated(const ApiJson& resources, std::string_view group, std::string_view version) {
  ApiJson list = ApiJson::array();
  for (const ApiJson& resource : resources) {
    list.push_back(aggregated(resource, group, version));
  }
  return list;
}

}  // namespace

std::string api_paths() {
  return dump_json(
      ApiJson{{"paths",
               {"/api", "/api/v1", "/apis", "/apis/events.k8s.io", "/apis/events.k8s.io/v1",
                "/apis/ripcord.dev", "/apis/ripcord.dev/v1alpha1", "/healthz", "/livez",
                "/openapi/v3", "/openapi/v3/apis/ripcord.dev/v1alpha1", "/readyz", "/version"}}});
}

std::string api_versions() {
  return dump_json(ApiJson{{"kind", "APIVersions"},
                           {"versions", {"v1"}},
                           {"serverAddressByClientCIDRs", ApiJson::array()}});
}

std::string api_group_list(const ApiCatalog&) {
  return dump_json(ApiJson{{"kind", "APIGroupList"},
                           {"apiVersion", "v1"},
                           {"groups", ApiJson::array({group_json(kApiGroup, kVersion),
                                                      group_json(kEventGroup, "v1")})}});
}

std::string api_group(std::string_view name) {
  ApiJson group = {{"kind", "APIGroup"}, {"apiVersion", "v1"}};
  group.update(group_json(name, name == kApiGroup ? kVersion : "v1"));
  return dump_json(group);
}

std::string api_resource_list(const ApiCatalog& catalog) {
  ApiJson resources = ApiJson::array();
  for (const Kind kind : by_name()) {
    resources.push_back(object_resource(catalog.parts().of(kind), kind));
    resources.push_back({{"name", std::string(plural(kind)) + "/status"},
                         {"singularName", ""},
                         {"namespaced", true},
                         {"kind", to_string(kind)},
                         {"verbs", kStatusVerbs}});
  }
  return dump_json(resource_list(kApiVersion, std::move(resources)));
}

std::string core_resource_list() {
  return dump_json(resource_list("v1", core_resources()));
}

std::string event_resource_list() {
  return dump_json(resource_list("events.k8s.io/v1", event_resources()));
}

std::string aggregated_core() {
  return aggregated_list(
      ApiJson::array({aggregated_group("", "v1", all_aggregated(core_resources(), "", "v1"))}));
}

std::string aggregated_groups(const ApiCatalog& catalog) {
  ApiJson resources = ApiJson::array();
  for (const Kind kind : by_name()) {
    ApiJson entry =
        aggregated(object_resource(catalog.parts().of(kind), kind), kApiGroup, kVersion);
    entry["subresources"] =
        ApiJson::array({{{"subresource", "status"},
                         {"responseKind",
                          {{"group", kApiGroup}, {"version", kVersion}, {"kind", to_string(kind)}}},
                         {"verbs", kStatusVerbs}}});
    resources.push_back(std::move(entry));
  }
  return aggregated_list(ApiJson::array(
      {aggregated_group(kApiGroup, kVersion, std::move(resources)),
       aggregated_group(kEventGroup, "v1", all_aggregated(event_resources(), kEventGroup, "v1"))}));
}

std::string version_document(std::string_view git_version) {
  return dump_json(ApiJson{{"major", "1"},
                           {"minor", "36"},
                           {"gitVersion", git_version},
                           {"gitCommit", ""},
                           {"gitTreeState", ""},
                           {"buildDate", ""},
                           {"goVersion", ""},
                           {"compiler", ""},
                           {"platform", "linux/amd64"}});
}

}  // namespace ripcord::codec
