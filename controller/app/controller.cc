// SPDX-License-Identifier: Apache-2.0
#include "controller/app/controller.h"

#include "controller/runtime/control_loop.h"
#include "controller/strategies/feature_flag.h"
#include "controller/strategies/migration_version.h"
#include "controller/strategies/restore_request.h"
#include "controller/strategies/strategy.h"
#include "controller/strategies/traffic_target.h"

#include <algorithm>
#include <array>
#include <random>

namespace ripcord::app {
namespace {

bool is_fast(Kind kind) {
  return kind == Kind::kFeatureFlag || kind == Kind::kTrafficTarget;
}

}  // namespace

Result<std::optional<std::int64_t>> schema_version(SchemaDatabases& schemas,
                                                   const Resource& migration) {
  const auto& spec = std::get<MigrationVersionSpec>(migration.spec);
  ASSIGN_OR_RETURN(const auto database, schemas.open(located(spec.database, migration.meta.ns)));
  ASSIGN_OR_RETURN(const SchemaState state, database->read());
  return state.version;
}

// Declared in the order in which they depend on each other; destroyed the other way round.
struct Controller::Parts {
  Parts(World world, Surroundings around, const ControllerOptions& options)
      : flags(world.flags, world.evaluation, around.metrics, around.clock, world.simulated),
        traffic({.routers = world.routers,
                 .probers = world.probers,
                 .objects = around.store,
                 .metrics = around.metrics,
                 .clock = around.clock,
                 .simulated = world.simulated,
                 .trace = {}}),
        migrations({.databases = world.schemas,
                    .source = world.migrations,
                    .inspector = world.inspector,
                    .metrics = around.metrics,
                    .clock = around.clock}),
        restores({.catalog = world.backups,
                  .databases = world.restores,
                  .events = around.events,
                  .metrics = around.metrics,
                  .clock = around.clock}),
        store(around.store) {
    std::random_device random;
    for (Strategy* strategy : strategies) {
      const Kind kind = strategy->kind();
      if (std::ranges::find(options.kinds, kind) == options.kinds.end()) {
        continue;
      }
      reconcilers.push_back(std::make_unique<StrategyReconciler>(
          around.store, *strategy, around.events, around.metrics, around.clock));
      loops.push_back(std::make_unique<ControlLoop>(
          ControlLoopOptions{.kind = kind,
                             .workers = is_fast(kind) ? options.fast_workers : options.slow_workers,
                             .resync = options.resync,
                             .queue = {.seed = random()}},
          around.store, *reconcilers.back(), around.metrics, around.clock, around.log));
    }
  }

  FeatureFlagStrategy flags;
  TrafficTargetStrategy traffic;
  MigrationVersionStrategy migrations;
  RestoreRequestStrategy restores;
  std::array<Strategy*, 4> strategies = {&flags, &traffic, &migrations, &restores};
  ObjectStore& store;
  std::vector<std::unique_ptr<StrategyReconciler>> reconcilers;
  std::vector<std::unique_ptr<ControlLoop>> loops;
};

Controller::Controller(World world, Surroundings surroundings, ControllerOptions options)
    : parts_(std::make_unique<Parts>(world, surroundings, options)) {}

Controller::~Controller() = default;

Status Controller::preload_flags() {
  const Result<std::size_t> loaded = parts_->flags.preload(parts_->store);
  return loaded ? ok_status() : loaded.error();
}

void Controller::start() {
  for (const auto& loop : parts_->loops) {
    loop->start();
  }
}

bool Controller::stop(Duration bound) {
  // All are asked at once, so that the bound is for all of them together.
  std::array<bool, kAllKinds.size()> ended{};
  ended.fill(true);
  {
    std::vector<std::jthread> stoppers;
    for (std::size_t i = 0; i < parts_->loops.size(); ++i) {
      stoppers.emplace_back([&, i] { ended[i] = parts_->loops[i]->stop(bound); });
    }
  }
  return std::ranges::all_of(ended, [](bool each) { return each; });
}

void Controller::revisit() {
  for (const auto& loop : parts_->loops) {
    loop->revisit();
  }
}

std::vector<LoopHealth> Controller::health() const {
  std::vector<LoopHealth> all;
  for (const auto& loop : parts_->loops) {
    all.push_back(loop->health());
  }
  return all;
}

Result<Plan> Controller::plan(const Resource& object, std::stop_token stop) {
  return parts_->strategies[static_cast<std::size_t>(object.kind())]->plan(object, std::move(stop));
}

}  // namespace ripcord::app
