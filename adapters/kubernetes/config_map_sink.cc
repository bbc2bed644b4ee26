// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/config_map_sink.h"

#include "controller/codec/cluster_config_map.h"
#include "controller/codec/flag_file.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr int kAttempts = 3;

tl::unexpected<Status> with_role(const Status& why) {
  if (why.code() != StatusCode::kPermissionDenied) {
    return tl::unexpected<Status>(why);
  }
  return error(why.code(),
               why.message() + "; ClusterRole ripcord-driver-config-map-sink has what a sink needs",
               why.reason());
}

// One that is not there reads as an empty one.
Result<codec::ConfigMapView> read(const ApiObjects& objects, const ApiName& name) {
  const Result<std::string> body = objects.get(name);
  if (body) {
    return codec::decode_config_map(*body, kFlagManager);
  }
  if (body.error().code() == StatusCode::kFailedPrecondition &&
      body.error().reason() == "ConfigMapNotFound") {
    return codec::ConfigMapView{};
  }
  return with_role(body.error());
}

// A key that no flag names any more keeps a file without flags: whoever reads it lets go of them.
Texts wanted_texts(const std::map<std::string, FlagFile>& files,
                   const codec::ConfigMapView& there) {
  Texts texts;
  for (const auto& [key, file] : files) {
    texts[key] = codec::encode_flag_file(file);
  }
  for (const std::string& key : there.applied) {
    texts.try_emplace(key, codec::encode_flag_file({}));
  }
  return texts;
}

bool holds(const codec::ConfigMapView& view, const Texts& texts) {
  return std::ranges::all_of(texts, [&](const auto& item) {
    const auto at = view.data.find(item.first);
    return at != view.data.end() && at->second == item.second;
  });
}

}  // namespace

Result<bool> ConfigMapSink::write(const FlagFilesPlace& place,
                                  const std::map<std::string, FlagFile>& files) {
  const ApiName name{kConfigMaps, place.ns, place.name};
  Result<bool> written = attempt(name, files);
  for (int i = 1; i < kAttempts && !written && written.error().code() == StatusCode::kConflict;
       ++i) {
    written = attempt(name, files);
  }
  return written;
}

Result<bool> ConfigMapSink::attempt(const ApiName& name,
                                    const std::map<std::string, FlagFile>& files) {
  ASSIGN_OR_RETURN(const codec::ConfigMapView before, read(objects_, name));
  const Texts texts = wanted_texts(files, before);
  const std::string leadership = objects_.leadership();
  if (holds(before, texts) && (leadership.empty() || before.leader == leadership)) {
    return false;
  }
  trace_point(trace_, "config map: apply");
  const Result<std::string> applied = objects_.apply(
      name, kFlagManager,
      codec::encode_config_map_apply(name.name, before.resource_version, leadership, texts));
  trace_point(trace_, "config map: applied");
  if (!applied) {
    return with_role(applied.error());
  }
  ASSIGN_OR_RETURN(const codec::ConfigMapView after, read(objects_, name));
  if (!holds(after, texts)) {
    return error(StatusCode::kUnavailable,
                 fmt::format("{}: what was written is not there; does something else write the "
                             "same key?",
                             to_string(name)),
                 "NotVerified");
  }
  return !holds(before, texts);
}

}  // namespace ripcord::kubernetes
