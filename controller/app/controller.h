// SPDX-License-Identifier: Apache-2.0
#pragma once
// The four strategies with their loops over one object store: the whole controller but for its
// servers and its sources of desired state. Used by `ripcord run` over the real drivers and by
// `ripcord-adapter` over the simulated ones.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/policy/plan.h"
#include "controller/ports/events.h"
#include "controller/ports/flag_files.h"
#include "controller/ports/flags.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/ports/references.h"
#include "controller/ports/restore_database.h"
#include "controller/ports/schema_database.h"
#include "controller/ports/shadow_database.h"
#include "controller/ports/statement_statistics.h"
#include "controller/ports/traffic_router.h"
#include "controller/runtime/health.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace ripcord::app {

// What the strategies reach the world through.
struct World {
  FlagServing& flags;
  FlagEvaluation& evaluation;
  TrafficRouters& routers;
  TrafficProbers& probers;
  SchemaDatabases& schemas;
  MigrationSource& migrations;
  SqlInspector& inspector;
  BackupCatalog& backups;
  RestoreDatabases& restores;
  bool simulated = false;                     // what status says about all of these
  ShadowDatabases* shadows = nullptr;         // null: no migration can be tried first
  StatementStatistics* statistics = nullptr;  // null: nobody knows who reads an old shape
  // Where there is a cluster.
  FlagFileStore* flag_files = nullptr;
  ReferenceSource* references = nullptr;
};

// Which version the database of a MigrationVersion is at, asked now; absent = nothing is applied.
Result<std::optional<std::int64_t>> schema_version(SchemaDatabases& schemas,
                                                   const Resource& migration);

// Where it tells what it does, and the time it lives in.
struct Surroundings {
  ObjectStore& store;
  EventSink& events;
  MetricSink& metrics;
  Clock& clock;
  Logger log;
};

struct ControllerOptions {
  Duration resync = std::chrono::seconds(30);
  int fast_workers = 4;  // of FeatureFlag and TrafficTarget each
  int slow_workers = 4;  // of MigrationVersion and RestoreRequest each
  std::vector<Kind> kinds{kAllKinds.begin(), kAllKinds.end()};  // that it looks after
};

// Everything passed in must outlive it. One thread, but for health() and plan().
class Controller {
 public:
  Controller(World world, Surroundings surroundings, ControllerOptions options);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Puts the stored flags into the evaluation table: before its endpoint opens, so that no client
  // gets its own default.
  Status preload_flags();
  void start();
  // False when a reconcile did not end within `bound`: end the process without destroying this.
  bool stop(Duration bound);
  // Looks at every object again, soon.
  void revisit();
  std::vector<LoopHealth> health() const;
  // Observes and decides; touches nothing.
  Result<Plan> plan(const Resource& object, std::stop_token stop);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ripcord::app
