// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/cluster_config_map.h"

#include "controller/codec/base64.h"
#include "controller/codec/leader_mark.h"
#include "controller/codec/lenient_json.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

std::set<std::string> applied_keys(const Json& metadata, std::string_view manager) {
  std::set<std::string> keys;
  for (const Json& entry : member(metadata, "managedFields")) {
    if (text_at(entry, "manager") != manager || text_at(entry, "operation") != "Apply") {
      continue;
    }
    const Json& data = member(member(entry, "fieldsV1"), "f:data");
    for (const auto& [field, ignored] : data.items()) {
      if (field.starts_with("f:")) {
        keys.insert(field.substr(2));
      }
    }
  }
  return keys;
}

}  // namespace

Result<ConfigMapView> decode_config_map(std::string_view body, std::string_view manager) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "ConfigMap"));
  ConfigMapView view;
  view.data = texts_of(member(json, "data"));
  for (const auto& [key, text] : texts_of(member(json, "binaryData"))) {
    ASSIGN_OR_RETURN(view.data[key], decode_base64(text));
  }
  view.resource_version = text_at(member(json, "metadata"), "resourceVersion");
  view.leader = text_at(member(member(json, "metadata"), "annotations"), kLeaderMark);
  if (!manager.empty()) {
    view.applied = applied_keys(member(json, "metadata"), manager);
  }
  return view;
}

std::string encode_config_map_apply(std::string_view name, std::string_view resource_version,
                                    std::string_view leader,
                                    const std::map<std::string, std::string>& data) {
  std::string entries;
  for (const auto& [key, text] : data) {
    entries +=
        fmt::format("{}{}:{}", entries.empty() ? "" : ",", quote_json(key), quote_json(text));
  }
  std::string metadata = "\"name\":" + quote_json(name);
  if (!resource_version.empty()) {
    metadata += ",\"resourceVersion\":" + quote_json(resource_version);
  }
  if (!leader.empty()) {
    metadata +=
        fmt::format(R"(,"annotations":{{{}:{}}})", quote_json(kLeaderMark), quote_json(leader));
  }
  return fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{{}}},"data":{{{}}}}})",
                     metadata, entries);
}

}  // namespace ripcord::codec
