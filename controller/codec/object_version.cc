// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/object_version.h"

#include "controller/codec/lenient_json.h"
#include "controller/codec/wire.h"

namespace ripcord::codec {

Result<ListedVersions> decode_listed_versions(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "list"));
  ListedVersions listed;
  listed.collection = text_at(member(json, "metadata"), "resourceVersion");
  if (const Json& items = member(json, "items"); items.is_array()) {
    for (const Json& item : items) {
      const Json& metadata = member(item, "metadata");
      listed.objects[text_at(metadata, "name")] = text_at(metadata, "resourceVersion");
    }
  }
  return listed;
}

Result<VersionFrame> decode_version_frame(std::string_view line) {
  const Result<Json> json = parse_object(line, "watch frame");
  if (!json) {
    return error(StatusCode::kInternal, json.error().message(), std::string(kNoFrame));
  }
  const std::string type = text_at(*json, "type");
  const Json& object = member(*json, "object");
  if (type == "ERROR") {
    constexpr std::int64_t kInternalError = 500;
    return tl::unexpected<Status>(
        decode_status(static_cast<int>(number_at(object, "code", kInternalError)), object.dump()));
  }
  const Json& metadata = member(object, "metadata");
  const std::string version = text_at(metadata, "resourceVersion");
  if (type.empty() || version.empty()) {
    return error(StatusCode::kInternal, "a watch frame has no type or no version",
                 std::string(kNoFrame));
  }
  return VersionFrame{type, text_at(metadata, "name"), version};
}

}  // namespace ripcord::codec
