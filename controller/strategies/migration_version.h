// SPDX-License-Identifier: Apache-2.0
#pragma once
// Converges a MigrationVersion: asks the database and the source, decides
// (policy/migration_version.h), and runs one step after the other under the database's locks,
// looking at the version after each. The intent is published before the first step, progress at
// most once a second; a publish that conflicts ends the run between two steps, and the new object
// is looked at. A source that cannot be read does not hinder the way down: scripts come from the
// database. Keeps no state of a migration: a restart asks the database and goes on.

#include "controller/policy/migration_version.h"
#include "controller/ports/metrics.h"
#include "controller/ports/schema_database.h"
#include "controller/ports/shadow_database.h"
#include "controller/ports/statement_statistics.h"
#include "controller/strategies/rollback_available.h"
#include "controller/strategies/strategy.h"

namespace ripcord {

// What a migration works with; all of it outlives the strategy.
struct MigrationTools {
  SchemaDatabases& databases;
  MigrationSource& source;
  const SqlInspector& inspector;
  MetricSink& metrics;
  Clock& clock;
  Duration lock_patience = std::chrono::seconds(5);
  ShadowDatabases* shadows = nullptr;         // null: nothing can be proven
  StatementStatistics* statistics = nullptr;  // null: nobody knows who reads an old shape
};

// One look at the world and what it comes to.
struct MigrationObservation {
  SchemaState state;
  MigrationPath path;
  MigrationDecision decision;
};

// What a decision is about: the object's parts, and whether notes about it may be kept in the
// database (policy/old_shape.h).
struct MigrationSubject {
  const MigrationVersionSpec& spec;
  const std::string& ns;
  const MigrationVersionStatus& status;
  bool keep_notes = false;
};

// `state` as `database` just said. Fails when the target depends on a source that cannot be read,
// or a script on the way cannot be split (InvalidArgument, with file and line).
Result<MigrationObservation> observe_migration(const MigrationSubject& subject,
                                               SchemaDatabase& database, SchemaState state,
                                               const MigrationTools& tools);

class MigrationVersionStrategy final : public Strategy {
 public:
  explicit MigrationVersionStrategy(MigrationTools tools)
      : tools_(tools), rollback_available_(tools.metrics, Kind::kMigrationVersion) {}

  Kind kind() const override { return Kind::kMigrationVersion; }
  Result<Plan> plan(const Resource& object, std::stop_token stop) override;
  Outcome converge(Reconcile& reconcile) override;
  void forget(const ObjectKey& key) override;

 private:
  void report(const Resource& object, const SchemaState& state);

  MigrationTools tools_;
  RollbackAvailable rollback_available_;  // whose last migration has a recorded undo
};

}  // namespace ripcord
