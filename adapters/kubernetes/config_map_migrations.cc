// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/config_map_migrations.h"

#include "controller/codec/cluster_config_map.h"
#include "controller/codec/migration_files.h"

#include <utility>

namespace ripcord::kubernetes {
namespace {

Result<std::vector<Migration>> migrations_of(const std::string& body) {
  ASSIGN_OR_RETURN(codec::ConfigMapView view, codec::decode_config_map(body));
  codec::MigrationFiles all;
  for (auto& [key, text] : view.data) {
    ASSIGN_OR_RETURN(const auto name, codec::parse_migration_name(key));
    if (name) {
      RETURN_IF_ERROR(all.add(key, *name, std::move(text)));
    }
  }
  return all.take();
}

}  // namespace

Result<std::vector<Migration>> ConfigMapMigrations::load(const MigrationSourceRef& ref) {
  const ApiName name{kConfigMaps, ref.config_map->ns, ref.config_map->name};
  ASSIGN_OR_RETURN(const std::string body, objects_.get(name));
  auto migrations = migrations_of(body);
  if (!migrations) {
    return tl::unexpected<Status>(migrations.error().annotated(to_string(name)));
  }
  return migrations;
}

}  // namespace ripcord::kubernetes
