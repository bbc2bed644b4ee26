// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/config_map_migrations.h"

#include "controller/codec/cluster_config_map.h"
#include "controller/codec/migration_layout.h"

#include <utility>

namespace ripcord::kubernetes {
namespace {

Result<std::vector<Migration>> migrations_of(const std::string& body) {
  ASSIGN_OR_RETURN(codec::ConfigMapView view, codec::decode_config_map(body));
  codec::SourceFiles files;
  for (auto& [key, text] : view.data) {
    if (codec::may_be_migration(key)) {
      files.push_back({key, std::move(text)});
    }
  }
  ASSIGN_OR_RETURN(const auto layout, codec::layout_of(files));
  return layout == nullptr ? std::vector<Migration>{} : layout->read(files);
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
