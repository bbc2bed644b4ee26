// SPDX-License-Identifier: Apache-2.0
#include "controller/model/resource.h"

#include <utility>

namespace ripcord {

Resource make_resource(Kind kind, std::string name, std::string ns) {
  Resource resource;
  resource.meta.name = std::move(name);
  resource.meta.ns = std::move(ns);
  switch (kind) {
    case Kind::kFeatureFlag:
      resource.spec = FeatureFlagSpec{};
      resource.status = FeatureFlagStatus{};
      break;
    case Kind::kTrafficTarget:
      resource.spec = TrafficTargetSpec{};
      resource.status = TrafficTargetStatus{};
      break;
    case Kind::kMigrationVersion:
      resource.spec = MigrationVersionSpec{};
      resource.status = MigrationVersionStatus{};
      break;
    case Kind::kRestoreRequest:
      resource.spec = RestoreRequestSpec{};
      resource.status = RestoreRequestStatus{};
      break;
  }
  return resource;
}

CommonStatus& common(ResourceStatus& status) {
  return std::visit([](auto& s) -> CommonStatus& { return s; }, status);
}

const CommonStatus& common(const ResourceStatus& status) {
  return std::visit([](const auto& s) -> const CommonStatus& { return s; }, status);
}

bool suspended(const ResourceSpec& spec) {
  return std::visit([](const auto& s) { return s.suspend; }, spec);
}

}  // namespace ripcord
