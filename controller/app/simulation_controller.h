// SPDX-License-Identifier: Apache-2.0
#pragma once
// The controller over a declared virtual world, in one process and in memory: what ripcord-adapter
// rehearses with. The world's routers and databases are declared as objects when it starts;
// strategies and loops are those of the real one.

#include "adapters/memory/object_store.h"
#include "adapters/simulation/flags.h"
#include "adapters/simulation/restore.h"
#include "adapters/simulation/schema.h"
#include "adapters/simulation/traffic.h"
#include "adapters/simulation/world.h"
#include "adapters/stdio/message_adapter.h"
#include "controller/app/controller.h"
#include "controller/app/log_events.h"

namespace ripcord::app {

class SimulationController {
 public:
  SimulationController(SimulatedWorldSpec world, Logger log);

  // Declares the objects and starts the loops.
  Status start();
  bool stop(Duration bound) { return controller_.stop(bound); }
  ObjectStore& store() { return store_; }
  // What the messages need to know about the world: a flag or a restore that nobody declared, and a
  // database whose version is the one that is named first.
  stdio::MessageSettings message_settings();

 private:
  Status declare(Kind kind, const std::string& name, ResourceSpec spec);
  Status declare_database(const SimulatedDatabase& database, std::int64_t version);
  Status named_version(std::int64_t version);

  simulation::SimulatedWorld world_;
  SimulatedClock clock_;
  MemoryObjectStore store_{clock_};
  simulation::SimulatedFlagTable flags_;
  simulation::SimulatedTrafficRouters routers_{world_, clock_};
  simulation::SimulatedTrafficProbers probers_{world_};
  simulation::SimulatedSchemaDatabases schemas_{world_, clock_};
  simulation::SimulatedMigrationSource migrations_{world_};
  simulation::SimulatedSqlInspector inspector_;
  simulation::SimulatedBackupCatalog backups_{world_};
  simulation::SimulatedRestoreDatabases restores_{world_, clock_};
  LogEvents events_;
  NullMetricSink metrics_;
  Controller controller_;
};

}  // namespace ripcord::app
