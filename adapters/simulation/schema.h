// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema ports over a SimulatedWorld: DatabaseRef::path names a declared database, and one step
// up or down costs its declared virtual time. Thread-safe; the world and the clock must outlive
// what is opened here.

#include "adapters/simulation/world.h"
#include "controller/base/clock.h"
#include "controller/ports/schema_database.h"

namespace ripcord::simulation {

class SimulatedSchemaDatabases final : public SchemaDatabases {
 public:
  SimulatedSchemaDatabases(SimulatedWorld& world, Clock& clock) : world_(world), clock_(clock) {}
  // NotFound names the declared ones; InvalidArgument for another engine.
  Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) override;

 private:
  SimulatedWorld& world_;
  Clock& clock_;
};

// The migrations written in the manifest, or with a directory that names a declared database, those
// that it has been through.
class SimulatedMigrationSource final : public MigrationSource {
 public:
  explicit SimulatedMigrationSource(SimulatedWorld& world) : world_(world) {}
  Result<std::vector<Migration>> load(const MigrationSourceRef& ref) override;

 private:
  SimulatedWorld& world_;
};

// A whole script is one statement, and no statement loses anything.
class SimulatedSqlInspector final : public SqlInspector {
 public:
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
};

}  // namespace ripcord::simulation
