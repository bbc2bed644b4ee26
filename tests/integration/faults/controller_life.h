// SPDX-License-Identifier: Apache-2.0
#pragma once
// One life of a controller process, for tests that end it at any point: the embedded object store
// and the drivers that `ripcord run` has, all telling one trace what they do, and a strategy at a
// time converged by hand, so that the points come in the same order each time. Makes threads: use
// it inside run_forked(). Throws std::runtime_error when it cannot start.

#include "adapters/embedded/object_store.h"
#include "adapters/http/server.h"
#include "controller/app/real_world.h"
#include "controller/strategies/strategy.h"

#include <functional>
#include <memory>
#include <string>

namespace ripcord {

class ControllerLife {
 public:
  ControllerLife(const std::string& data_directory, Trace trace);
  ~ControllerLife();

  ObjectStore& store() { return *store_; }
  // What a saved manifest does: creates the object, or updates its spec when that differs.
  void apply(const Resource& wanted);
  // Reconciles as often as the outcomes ask for within the next hour; the object as stored then.
  ResourcePtr settle(const ObjectKey& key);
  // Serves the flags of the store, before anything is reconciled, as `ripcord run` does.
  void serve_flags();
  // Asked over HTTP, as an application does: the value, or why there is none.
  std::string served(const std::string& flag_key);

 private:
  class Tracing;
  class NoEvents;

  Strategy& strategy_of(Kind kind);

  SystemClock clock_;
  NullMetricSink metrics_;
  std::unique_ptr<Tracing> tracing_;
  std::unique_ptr<NoEvents> events_;
  std::unique_ptr<EmbeddedObjectStore> store_;
  std::unique_ptr<app::RealWorld> world_;
  std::unique_ptr<Strategy> strategy_;  // of the kind that was asked for last
  http::HttpServer server_;
};

// A trace that kills the process at its n-th point, counted from the first that is called `from`
// (empty: from the start); 0: never. Counts for all threads together.
Trace killing_at(int point, std::string from = {});

// "Ready=False ApprovalRequired; up>3 Spec Succeeded; ..." with all that is not a time: what two
// runs must have in common. The part of a name that comes from a uid is written as UID.
std::string story_of(const Resource& object);
// The same for names of databases and files.
std::string without_uids(const std::string& text);

// A stage that each run finds as the first did, and what can be seen in its real systems.
struct CrashScene {
  std::string data_directory;
  std::function<void()> set;          // also empties or restores the data directory
  std::function<std::string()> look;  // at the real systems, by their own tools
  Resource wanted;
  std::string from = {};  // where the points begin, when another test has those before
};

// Kills a controller at every point on its way to `wanted`, starts another one on what is left, and
// expects the same end as of a run that nobody disturbed. Returns that end's story and look.
std::string expect_same_end_wherever_killed(const CrashScene& scene, int at_least_points);

// Runs to the end without a kill: to prepare a stage.
void live_undisturbed(const std::string& data_directory, const Resource& wanted);

}  // namespace ripcord
