// SPDX-License-Identifier: Apache-2.0
#include "controller/model/schema_range.h"

namespace ripcord {

std::string to_string(const SchemaRange& range) {
  if (range.min && range.max) {
    return std::to_string(*range.min) + " to " + std::to_string(*range.max);
  }
  return range.min   ? std::to_string(*range.min) + " and above"
         : range.max ? "up to " + std::to_string(*range.max)
                     : "any";
}

}  // namespace ripcord
