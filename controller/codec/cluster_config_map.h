// SPDX-License-Identifier: Apache-2.0
#pragma once
// What drivers read of a core/v1 ConfigMap, and the one change of it. Pure functions, thread-safe;
// an answer of another shape is Internal.

#include "controller/base/status.h"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace ripcord::codec {

struct ConfigMapView {
  std::map<std::string, std::string> data;  // that of binaryData too, decoded
  std::set<std::string> applied;            // keys of data that `manager` applied
  std::string resource_version;             // empty: it is not there
  std::string leader;                       // see leader_mark.h
};
Result<ConfigMapView> decode_config_map(std::string_view body, std::string_view manager = {});

// For a server-side apply: these keys, and of those that the manager applied before no others.
// Refused by the server when the ConfigMap has another version by now, unless that is empty. The
// mark of the leader is left out when empty.
std::string encode_config_map_apply(std::string_view name, std::string_view resource_version,
                                    std::string_view leader,
                                    const std::map<std::string, std::string>& data);

}  // namespace ripcord::codec
