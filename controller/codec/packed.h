// SPDX-License-Identifier: Apache-2.0
#pragma once
// An object in about a third of the bytes that a Resource takes: for those who keep many and look
// at few. All that encode() writes is kept, and nothing else. The bytes are for this process alone:
// another version of the program would read them otherwise. Pure functions, thread-safe.

#include "controller/model/resource.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace ripcord::codec {

std::string pack(const Resource& object);
// Of bytes that pack() made, and nobody changed.
Resource unpack(std::string_view packed);

// What can be told without unpacking; the texts point into the bytes.
struct PackedIdentity {
  Kind kind = Kind::kFeatureFlag;
  std::string_view ns;
  std::string_view name;
  std::string_view uid;
  std::int64_t resource_version = 0;
};
PackedIdentity identity_of(std::string_view packed);

}  // namespace ripcord::codec
