// SPDX-License-Identifier: Apache-2.0
#include "controller/app/controller.h"

#include "controller/runtime/control_loop.h"
#include "controller/runtime/reference_follower.h"
#include "controller/strategies/feature_flag.h"
#include "controller/strategies/flag_sink_writer.h"
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

// A node that fails changes the endpoints of many at once; an override does not queue behind that.
Priority urgency(const Reference& changed) {
  return changed.to == Reference::To::kEndpointSlices ? Priority::kLow : Priority::kHigh;
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
      : sinks(make_sinks(world, around, options)),
        references(world.references == nullptr
                       ? nullptr
                       : std::make_unique<ReferenceFollower>(
                             *world.references,
                             [this](const ObjectKey& key, const Reference& of, Duration after) {
                               look_again(key, urgency(of), after);
                             },
                             around.clock, around.log)),
        flags(world.flags, world.evaluation, around.metrics, around.clock, world.simulated,
              sinks.get()),
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
                    .clock = around.clock,
                    .shadows = world.shadows,
                    .statistics = world.statistics}),
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
          around.store, *strategy, around.events, around.metrics, around.clock, references.get()));
      loops.push_back(std::make_unique<ControlLoop>(
          ControlLoopOptions{.kind = kind,
                             .workers = is_fast(kind) ? options.fast_workers : options.slow_workers,
                             .resync = options.resync,
                             .queue = {.seed = random()}},
          around.store, *reconcilers.back(), around.metrics, around.clock, around.log));
    }
  }

  // What looks at objects again ends before their loops are gone, and is there while they end.
  ~Parts() {
    if (references) {
      references->stop();
    }
    while (sinks && !sinks->stop(std::chrono::minutes(1))) {
    }
  }

  std::unique_ptr<FlagSinkWriter> make_sinks(World world, const Surroundings& around,
                                             const ControllerOptions& options) {
    if (world.flag_files == nullptr ||
        std::ranges::find(options.kinds, Kind::kFeatureFlag) == options.kinds.end()) {
      return nullptr;
    }
    // At low priority: what is served is right already.
    return std::make_unique<FlagSinkWriter>(FlagSinkTools{
        .files = *world.flag_files,
        .metrics = around.metrics,
        .clock = around.clock,
        .log = around.log,
        .look_again = [this](const ObjectKey& key) { look_again(key, Priority::kLow); },
        .check_every = options.resync});
  }

  void look_again(const ObjectKey& key, Priority priority, Duration after = {}) {
    for (const auto& loop : loops) {
      if (loop->kind() == key.kind) {
        loop->revisit(key, priority, after);
      }
    }
  }

  std::unique_ptr<FlagSinkWriter> sinks;
  std::unique_ptr<ReferenceFollower> references;
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
  if (parts_->sinks) {
    parts_->sinks->start();
  }
}

bool Controller::stop(Duration bound) {
  // All are asked at once, so that the bound is for all of them together.
  std::array<bool, kAllKinds.size() + 1> ended{};
  ended.fill(true);
  if (parts_->references) {
    parts_->references->stop();
  }
  {
    std::vector<std::jthread> stoppers;
    for (std::size_t i = 0; i < parts_->loops.size(); ++i) {
      stoppers.emplace_back([&, i] { ended[i] = parts_->loops[i]->stop(bound); });
    }
    if (parts_->sinks) {
      stoppers.emplace_back([&] { ended.back() = parts_->sinks->stop(bound); });
    }
  }
  return std::ranges::all_of(ended, [](bool each) { return each; });
}

void Controller::revisit() {
  for (const auto& loop : parts_->loops) {
    loop->revisit();
  }
  if (parts_->sinks) {
    parts_->sinks->check_all();
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
