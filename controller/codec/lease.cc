// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/lease.h"

#include "controller/base/time_text.h"

#include <nlohmann/json.hpp>

namespace ripcord::codec {
namespace {

using Json = nlohmann::ordered_json;

std::optional<WallTime> time_of(const Json& spec, const char* key) {
  const auto at = spec.find(key);
  if (at == spec.end() || !at->is_string()) {
    return std::nullopt;
  }
  const Result<WallTime> time = parse_time(at->get<std::string>());
  return time ? std::optional(*time) : std::nullopt;
}

int number_of(const Json& spec, const char* key) {
  const auto at = spec.find(key);
  return at != spec.end() && at->is_number_integer() ? at->get<int>() : 0;
}

std::string text_of(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

std::string encode_lease(std::string_view ns, std::string_view name, const LeaseRecord& record) {
  Json metadata = {{"name", name}, {"namespace", ns}};
  if (!record.resource_version.empty()) {
    metadata["resourceVersion"] = record.resource_version;
  }
  Json spec = {{"holderIdentity", record.holder},
               {"leaseDurationSeconds", record.duration_seconds},
               {"leaseTransitions", record.transitions}};
  if (record.acquired) {
    spec["acquireTime"] = format_micro_time(*record.acquired);
  }
  if (record.renewed) {
    spec["renewTime"] = format_micro_time(*record.renewed);
  }
  const Json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"metadata", std::move(metadata)},
                      {"spec", std::move(spec)}};
  return lease.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<LeaseRecord> decode_lease(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  const auto metadata = json.is_object() ? json.find("metadata") : json.end();
  if (metadata == json.end() || !metadata->is_object()) {
    return error(StatusCode::kInternal, "the server's answer is no Lease");
  }
  LeaseRecord record;
  record.resource_version = text_of(*metadata, "resourceVersion");
  if (const auto spec = json.find("spec"); spec != json.end() && spec->is_object()) {
    record.holder = text_of(*spec, "holderIdentity");
    record.duration_seconds = number_of(*spec, "leaseDurationSeconds");
    record.transitions = number_of(*spec, "leaseTransitions");
    record.acquired = time_of(*spec, "acquireTime");
    record.renewed = time_of(*spec, "renewTime");
  }
  return record;
}

}  // namespace ripcord::codec
