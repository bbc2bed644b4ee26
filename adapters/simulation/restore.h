// SPDX-License-Identifier: Apache-2.0
#pragma once
// The restore ports over a SimulatedWorld. A backup is whatever name a declared pattern stands for;
// loading it costs its declared virtual time, all else costs nothing. Thread-safe; the world and
// the clock must outlive what is opened here.

#include "adapters/simulation/world.h"
#include "controller/base/clock.h"
#include "controller/ports/restore_database.h"

namespace ripcord::simulation {

class SimulatedBackupCatalog final : public BackupCatalog {
 public:
  explicit SimulatedBackupCatalog(const SimulatedWorld& world) : world_(world) {}
  // The directory is not looked at.
  Result<Backup> find(const std::string& catalog_directory, const std::string& name) override;
  Status check(const Backup&, std::stop_token) override { return {}; }

 private:
  const SimulatedWorld& world_;
};

class SimulatedRestoreDatabases final : public RestoreDatabases {
 public:
  SimulatedRestoreDatabases(SimulatedWorld& world, Clock& clock) : world_(world), clock_(clock) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override;

 private:
  SimulatedWorld& world_;
  Clock& clock_;
};

}  // namespace ripcord::simulation
