// SPDX-License-Identifier: Apache-2.0
#pragma once
// YAML text -> Nodes with marks, through yaml-cpp's events and with kubectl's meaning of scalars.
// What yaml-cpp lets pass is refused here: duplicate keys, self-references, alias bombs, depth,
// unknown tags, keys that are no text. A pure function; it ends for every input.

#include "controller/codec/node.h"
#include "controller/codec/tree_builder.h"

#include <optional>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct YamlStream {
  std::vector<Node> documents;     // those before the problem, if there is one
  std::optional<Problem> problem;  // reading stops at the first
};

// `text` is valid UTF-8 without control characters and starts at the beginning of line
// `first_line`.
YamlStream read_yaml(std::string_view text, int first_line, TreeLimits limits);

}  // namespace ripcord::codec
