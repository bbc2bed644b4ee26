// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/leader_mark.h"

#include "controller/codec/json_text.h"

#include <fmt/format.h>

namespace ripcord::codec {

std::string encode_leader_mark(std::string_view leadership, std::string_view resource_version) {
  return fmt::format(R"({{"metadata":{{"resourceVersion":{},"annotations":{{{}:{}}}}}}})",
                     quote_json(resource_version), quote_json(kLeaderMark), quote_json(leadership));
}

}  // namespace ripcord::codec
