// SPDX-License-Identifier: Apache-2.0
#include "controller/app/simulation_controller.h"

#include "adapters/stdio/object_names.h"

namespace ripcord::app {
namespace {

DatabaseRef reference(const SimulatedDatabase& database) {
  DatabaseRef out;
  out.engine = Engine::kSimulation;
  out.path = database.name;
  return out;
}

FeatureFlagSpec boolean_flag(std::string key) {
  FeatureFlagSpec out;
  out.key = std::move(key);
  out.variants = {{"on", "true"}, {"off", "false"}};
  out.default_variant = "on";
  out.off_variant = "off";
  return out;
}

}  // namespace

SimulationController::SimulationController(SimulatedWorldSpec world, Logger log)
    : world_(std::move(world)),
      events_(log),
      controller_({flags_, flags_, routers_, probers_, schemas_, migrations_, inspector_, backups_,
                   restores_, true},
                  {store_, events_, metrics_, clock_, log}, ControllerOptions{}) {}

Status SimulationController::start() {
  for (const SimulatedRouter& router : world_.declared().routers) {
    TrafficTargetSpec spec;
    for (const SimulatedEnvironment& environment : router.environments) {
      spec.environments.push_back({environment.name, environment.addresses, {}});
    }
    spec.active = router.active;
    RETURN_IF_ERROR(declare(Kind::kTrafficTarget, router.name, spec));
  }
  for (const SimulatedDatabase& database : world_.declared().databases) {
    if (database.initial_version) {
      RETURN_IF_ERROR(declare_database(database, *database.initial_version));
    }
  }
  for (const std::string& key : world_.declared().flags.declared) {
    RETURN_IF_ERROR(declare(Kind::kFeatureFlag, stdio::object_name(key), boolean_flag(key)));
  }
  controller_.start();
  return ok_status();
}

stdio::MessageSettings SimulationController::message_settings() {
  stdio::MessageSettings out;
  if (world_.declared().flags.create_unknown) {
    out.new_flag = boolean_flag({});
  }
  if (!world_.declared().databases.empty()) {
    out.new_restore.emplace().database = reference(world_.declared().databases.front());
  }
  out.schema_version = [this](const Resource& object) { return schema_version(schemas_, object); };
  out.before_rollback = [this](std::int64_t version) { return named_version(version); };
  return out;
}

Status SimulationController::named_version(std::int64_t version) {
  for (const SimulatedDatabase& database : world_.declared().databases) {
    const ObjectKey key{Kind::kMigrationVersion, std::string(kDefaultNamespace), database.name};
    if (!database.initial_version && !store_.get(key)) {
      RETURN_IF_ERROR(world_.assume_version(database.name, version));
      RETURN_IF_ERROR(declare_database(database, version));
    }
  }
  return ok_status();
}

Status SimulationController::declare_database(const SimulatedDatabase& database,
                                              std::int64_t version) {
  MigrationVersionSpec spec;
  spec.database = reference(database);
  spec.source.directory = database.name;
  spec.version = version;
  return declare(Kind::kMigrationVersion, database.name, spec);
}

Status SimulationController::declare(Kind kind, const std::string& name, ResourceSpec spec) {
  Resource object = make_resource(kind, name);
  object.spec = std::move(spec);
  const Result<ResourcePtr> made = store_.create(object);
  return made ? ok_status() : made.error().annotated("the simulated world cannot be declared");
}

}  // namespace ripcord::app
