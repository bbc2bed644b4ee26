// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/cluster_secret.h"

#include "controller/codec/base64.h"
#include "controller/codec/lenient_json.h"

namespace ripcord::codec {

Result<std::string> decode_secret_value(std::string_view body, const std::string& key) {
  ASSIGN_OR_RETURN(const Json json, parse_object(body, "Secret"));
  const Json& value = member(member(json, "data"), key);
  if (!value.is_string()) {
    return error(
        StatusCode::kFailedPrecondition,
        fmt::format("it has no key '{}'; add it, or correct urlFrom.secretKeyRef.key", key),
        "SecretKeyNotFound");
  }
  return decode_base64(value.get<std::string>());
}

}  // namespace ripcord::codec
