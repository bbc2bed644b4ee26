// SPDX-License-Identifier: Apache-2.0
#pragma once
// The JSONPath of printer columns and selectable fields: `.a.b`, `['a.b']`, `[0]` and
// `[?(@.type=="Ready")]`. A value; evaluation is a pure function.

#include "controller/base/status.h"
#include "controller/codec/node.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

class JsonPath {
 public:
  // InvalidArgument names the path and the place that is not understood.
  static Result<JsonPath> parse(std::string_view text);

  // What the path names in a document; null when there is nothing.
  const Node* find(const Node& document) const;

 private:
  struct Step {
    enum class Kind { kField, kIndex, kFilter };
    Kind kind = Kind::kField;
    std::string field;  // of a filter: the field that is compared
    std::string value;
    std::size_t index = 0;
  };

  std::vector<Step> steps_;
};

}  // namespace ripcord::codec
