// SPDX-License-Identifier: Apache-2.0
#pragma once
// A manifest file cut into documents: YAML at lines that start with `---`, JSON value after value.
// A pure function; a document that cannot be read does not stop the ones after it.

#include "controller/codec/node.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct Documents {
  std::vector<Node> roots;  // in the order written; empty documents are left out
  Problems problems;
};

// `strict_json`: what starts with a bracket is JSON and nothing else.
Documents read_documents(std::string_view text, bool strict_json);

}  // namespace ripcord::codec
