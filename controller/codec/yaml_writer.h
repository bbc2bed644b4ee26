// SPDX-License-Identifier: Apache-2.0
#pragma once
// Node -> YAML for people, in block style. Every string that another parser could take for
// something else is double-quoted. A pure function.

#include "controller/codec/node.h"

#include <string>

namespace ripcord::codec {

std::string to_yaml(const Node& node);

}  // namespace ripcord::codec
