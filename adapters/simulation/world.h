// SPDX-License-Identifier: Apache-2.0
#pragma once
// The state of a declared virtual world: databases, routers and restores. The ports in this folder
// read and change it; each takes the virtual time of what it does from its own SimulatedClock, so
// that work of one kind never shows in the durations of another. Thread-safe. Nothing here is
// stored: a new process starts from the declaration.

#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/model/simulated_world.h"
#include "controller/ports/restore_database.h"
#include "controller/ports/schema_database.h"
#include "controller/ports/traffic_router.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ripcord::simulation {

// True when `name` is what `pattern` stands for; '*' is any text.
bool matches(std::string_view pattern, std::string_view name);

class SimulatedWorld {
 public:
  struct Database {
    SimulatedDatabase declared;
    SchemaState schema;
    std::int64_t highest = 0;  // version that was ever reached: the source knows all up to it
    bool assumed = false;      // the version was set, by declaration or by the first message
    bool locked = false;
  };
  struct Router {
    SimulatedRouter declared;
    TrafficWeights weights;
  };
  struct Restore {
    Backup backup;
    std::int64_t rows = 0;
    RestoreState state;
  };

  explicit SimulatedWorld(SimulatedWorldSpec spec);

  const SimulatedWorldSpec& declared() const { return spec_; }
  // Gives a database that was declared with FirstMessage its version; others, and later calls,
  // change nothing. NotFound.
  Status assume_version(const std::string& database, std::int64_t version);

  // Calls `work` with the state under the lock. NotFound names what is there.
  Status with_database(const std::string& name, const std::function<Status(Database&)>& work);
  // The router that has servers of all these environments.
  Status with_router(const TrafficTargetSpec& spec, const std::function<Status(Router&)>& work);
  // Made when it is asked for.
  Status with_restore(const std::string& request_uid, const std::function<Status(Restore&)>& work);
  // Whether the environment at this address is healthy; NotFound.
  Status check(const std::string& address) const;

 private:
  const SimulatedWorldSpec spec_;
  Mutex mutex_;
  std::map<std::string, Database> databases_ GUARDED_BY(mutex_);
  std::map<std::string, Router> routers_ GUARDED_BY(mutex_);
  std::map<std::string, Restore> restores_ GUARDED_BY(mutex_);
};

// The migration that a virtual database has at `version`; its scripts lose nothing.
Migration simulated_migration(std::int64_t version);
// A database at `version` whose last versions were applied one by one; nothing applied at 0.
SchemaState schema_at(std::int64_t version);
// Recorded migrations reach only so far back; adds the next ones when the end comes near.
void extend_back(SchemaState& schema);

}  // namespace ripcord::simulation
