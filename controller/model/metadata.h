// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store knows about every object, with the meaning that Kubernetes gives it (ObjectMeta).
// A value.

#include "controller/base/clock.h"
#include "controller/model/kind.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

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

  bool operator==(const Metadata&) const = default;
};

}  // namespace ripcord
