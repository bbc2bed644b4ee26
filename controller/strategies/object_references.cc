// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/object_references.h"

namespace ripcord {
namespace {

// What a driver of the cluster reads of the environments' own Services beside their endpoints is
// what decides the endpoints.
void add_router(const TrafficTargetSpec& spec, const std::string& ns, std::set<Reference>& all) {
  const RouterRef& router = spec.router;
  if (router.kubernetes_service) {
    all.insert({Reference::To::kService, ns, router.kubernetes_service->name});
  }
  if (router.http_route) {
    all.insert({Reference::To::kHttpRoute, ns, router.http_route->name});
  }
  if (!router.kubernetes_service && !router.http_route) {
    return;
  }
  for (const Environment& environment : spec.environments) {
    if (environment.backend) {
      all.insert({Reference::To::kEndpointSlices, ns, environment.backend->service});
    }
  }
}

}  // namespace

std::set<Reference> references_of(const Resource& object) {
  std::set<Reference> all;
  const auto add = [&](const DatabaseRef& database) {
    if (database.url_secret) {
      all.insert({Reference::To::kSecret, object.meta.ns, database.url_secret->name});
    }
  };
  if (const auto* migration = std::get_if<MigrationVersionSpec>(&object.spec)) {
    add(migration->database);
    if (migration->source.config_map) {
      all.insert({Reference::To::kConfigMap, object.meta.ns, migration->source.config_map->name});
    }
  } else if (const auto* restore = std::get_if<RestoreRequestSpec>(&object.spec)) {
    add(restore->database);
  } else if (const auto* traffic = std::get_if<TrafficTargetSpec>(&object.spec)) {
    add_router(*traffic, object.meta.ns, all);
  }
  return all;
}

}  // namespace ripcord
