// SPDX-License-Identifier: Apache-2.0
#pragma once
// Looking into the answers of an API server for the few fields that somebody needs: what is absent
// or of another type reads as null or empty. Internal to controller/codec.

#include "controller/base/status.h"
#include "controller/codec/json_text.h"

#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord::codec {

using Json = nlohmann::ordered_json;

inline Result<Json> parse_object(std::string_view body, std::string_view kind) {
  if (!is_json_object(body)) {
    return error(StatusCode::kInternal, fmt::format("the server's answer is no {}", kind));
  }
  return Json::parse(body, nullptr, false);
}

inline const Json& member(const Json& json, std::string_view key) {
  static const Json kNull;
  if (!json.is_object()) {
    return kNull;
  }
  const auto at = json.find(std::string(key));
  return at == json.end() ? kNull : *at;
}

inline std::string text_at(const Json& json, std::string_view key) {
  const Json& value = member(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::int64_t number_at(const Json& json, std::string_view key, std::int64_t otherwise) {
  const Json& value = member(json, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

// The members of a mapping that are texts.
inline std::map<std::string, std::string> texts_of(const Json& json) {
  std::map<std::string, std::string> texts;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (value.is_string()) {
        texts[key] = value.get<std::string>();
      }
    }
  }
  return texts;
}

}  // namespace ripcord::codec
