// SPDX-License-Identifier: Apache-2.0
#pragma once
// One object of any kind: metadata, what is wanted, what was reported. A regular value; the store
// hands it out as std::shared_ptr<const Resource>, shared and immutable.

#include "controller/model/feature_flag.h"
#include "controller/model/kind.h"
#include "controller/model/metadata.h"
#include "controller/model/migration_version.h"
#include "controller/model/restore_request.h"
#include "controller/model/traffic_target.h"

#include <memory>
#include <variant>

namespace ripcord {

// Alternatives in the order of `Kind`.
using ResourceSpec =
    std::variant<FeatureFlagSpec, TrafficTargetSpec, MigrationVersionSpec, RestoreRequestSpec>;
using ResourceStatus = std::variant<FeatureFlagStatus, TrafficTargetStatus, MigrationVersionStatus,
                                    RestoreRequestStatus>;

struct Resource {
  Metadata meta;
  ResourceSpec spec;
  ResourceStatus status;  // same alternative as spec

  Kind kind() const { return static_cast<Kind>(spec.index()); }
  ObjectKey key() const { return {kind(), meta.ns, meta.name}; }
  bool operator==(const Resource&) const = default;
};

using ResourcePtr = std::shared_ptr<const Resource>;

// An object of `kind` with default spec and status.
Resource make_resource(Kind kind, std::string name,
                       std::string ns = std::string(kDefaultNamespace));

CommonStatus& common(ResourceStatus& status);
const CommonStatus& common(const ResourceStatus& status);
bool suspended(const ResourceSpec& spec);

}  // namespace ripcord
