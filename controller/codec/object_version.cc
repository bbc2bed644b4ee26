// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/object_version.h"

#include "controller/codec/lenient_json.h"
#include "controller/codec/wire.h"

namespace ripcord::codec {

Result<ListedVersion> decode_listed_version(std::string_view body) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "list"));
  const Json& items = member(json, "items");
  return ListedVersion{text_at(member(json, "metadata"), "resourceVersion"),
                       items.is_array() && !items.empty()
                           ? text_at(member(items[0], "metadata"), "resourceVersion")
                           : std::string()};
}

Result<VersionFrame> decode_version_frame(std::string_view line) {
  ASSIGN_OR_RETURN(const Json json, parse_object(line, "watch frame"));
  const std::string type = text_at(json, "type");
  const Json& object = member(json, "object");
  if (type == "ERROR") {
    constexpr std::int64_t kInternalError = 500;
    return tl::unexpected<Status>(
        decode_status(static_cast<int>(number_at(object, "code", kInternalError)), object.dump()));
  }
  const std::string version = text_at(member(object, "metadata"), "resourceVersion");
  if (type.empty() || version.empty()) {
    return error(StatusCode::kInternal, "a watch frame has no type or no version");
  }
  return VersionFrame{type, version};
}

}  // namespace ripcord::codec
