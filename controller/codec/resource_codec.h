// SPDX-License-Identifier: Apache-2.0
#pragma once
// Node <-> Resource: which kind it is, its metadata, spec, status and the defaults that depend on
// other fields. Pure functions.

#include "controller/codec/node.h"
#include "controller/model/resource.h"

#include <optional>

namespace ripcord::codec {

// kManifest: what a person wrote; status and what the store sets are not looked at.
// kStored: what encode() wrote; everything counts.
enum class Origin { kManifest, kStored };

// Empty when `problems` got something that is in the way of a value.
std::optional<Resource> resource_of(const Node& root, Origin origin, Problems& problems);

Node node_of(const Resource& resource);

}  // namespace ripcord::codec
