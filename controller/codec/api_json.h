// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to the codec: what the builders of answers share.

#include "controller/codec/catalog_parts.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ripcord::codec {

using ApiJson = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD.
inline std::string dump_json(const ApiJson& json) {
  return json.dump(-1, ' ', false, ApiJson::error_handler_t::replace);
}
inline ApiJson parse_own(const std::string& json) {
  return ApiJson::parse(json, nullptr, false);
}

struct TableColumn {
  std::string name;
  std::string type = "string";
  std::string format;
  std::string description;
  std::int64_t priority = 0;
};
ApiJson table_json(const std::vector<TableColumn>& columns, bool headers, ApiJson rows,
                   ApiJson metadata);

}  // namespace ripcord::codec
