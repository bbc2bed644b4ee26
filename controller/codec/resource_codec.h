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

// Adds what is wrong to `problems`. Empty when not even the kind is known; else the value as far as
// it could be read, which is only whole when no problem was added.
std::optional<Resource> resource_of(const Node& root, Origin origin, Problems& problems);

Node node_of(const Resource& resource);

// The members of metadata that Metadata::api_fields holds, from a document and back into it.
OpaqueText api_fields_of(const Node& root);
void add_api_fields(const OpaqueText& fields, Node& metadata);

}  // namespace ripcord::codec
