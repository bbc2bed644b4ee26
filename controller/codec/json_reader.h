// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON text -> Node with marks. Pure functions.

#include "controller/codec/node.h"
#include "controller/codec/tree_builder.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace ripcord::codec {

struct JsonValue {
  std::optional<Node> root;        // or
  std::optional<Problem> problem;  // one of the two
  bool syntax = false;             // the problem is one of grammar: it may be YAML
  std::size_t length = 0;          // bytes read, white space before the value included
};

// Reads one value from the front of `text`, whose first byte stands at `start`; what follows is not
// looked at. `text` holds more than white space.
JsonValue read_json_value(std::string_view text, Mark start, TreeLimits limits);
// The same without the short cut that json_scan.h is: what that one is measured by.
JsonValue parse_json_value(std::string_view text, Mark start, TreeLimits limits);

// The whole of `text` is one value; anything behind it is a problem.
JsonValue read_json(std::string_view text, Mark start, TreeLimits limits);

}  // namespace ripcord::codec
