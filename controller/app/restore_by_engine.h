// SPDX-License-Identifier: Apache-2.0
#pragma once
// RestoreDatabases that asks the one of the database's engine. As safe for concurrent use as those
// it holds.

#include "controller/ports/restore_database.h"

#include <map>

namespace ripcord::app {

class RestoreByEngine final : public RestoreDatabases {
 public:
  // What the map points at outlives this.
  explicit RestoreByEngine(std::map<Engine, RestoreDatabases*> engines)
      : engines_(std::move(engines)) {}
  // InvalidArgument when this process has no driver for the engine.
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override;

 private:
  const std::map<Engine, RestoreDatabases*> engines_;
};

}  // namespace ripcord::app
