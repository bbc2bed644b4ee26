// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store knows about every object, with the meaning that Kubernetes gives it (ObjectMeta).
// A value.

#include "controller/base/clock.h"
#include "controller/model/kind.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// Text that is stored and handed on, not looked at. Shared between versions of an object; a null
// pointer when unused, since there is one of it in every object.
struct OpaqueText {
  std::shared_ptr<const std::string> text;

  bool operator==(const OpaqueText& other) const {
    return text == other.text || (text && other.text && *text == *other.text);
  }
};

struct Metadata {
  std::string name;
  std::string ns{kDefaultNamespace};
  std::string uid;              // set by the store at creation, never changes
  std::int64_t generation = 0;  // set by the store: +1 per change of spec, and at deletion
  std::int64_t resource_version =
      0;  // set by the store: grows with every write of any object; 0 = none
  WallTime creation_timestamp{};               // set by the store
  std::optional<WallTime> deletion_timestamp;  // set when deleted while finalizers are left
  std::vector<std::string> finalizers;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  // What only clients of the resource API use, as one JSON object: generateName, ownerReferences,
  // managedFields. A write with a null pointer keeps what is stored.
  OpaqueText api_fields;

  bool operator==(const Metadata&) const = default;
};

}  // namespace ripcord
