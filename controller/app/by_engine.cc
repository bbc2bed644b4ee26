// SPDX-License-Identifier: Apache-2.0
#include "controller/app/by_engine.h"

namespace ripcord::app {
namespace {

tl::unexpected<Status> only_simulated() {
  return error(StatusCode::kInvalidArgument,
               "spec.database.engine: Simulation exists only in the message adapter; use "
               "PostgreSQL or SQLite",
               "UnknownEngine");
}

}  // namespace

Result<std::unique_ptr<SchemaDatabase>> SchemasByEngine::open(const DatabaseRef& ref) {
  switch (ref.engine) {
    case Engine::kPostgreSql:
      return postgres_.open(ref);
    case Engine::kSqlite:
      return sqlite_.open(ref);
    case Engine::kSimulation:
      break;
  }
  return only_simulated();
}

Result<std::unique_ptr<ShadowSchema>> ShadowsByEngine::make(
    const DatabaseRef& target, const std::optional<DatabaseRef>& elsewhere, Duration lock_timeout,
    std::stop_token stop) {
  switch (target.engine) {
    case Engine::kPostgreSql:
      return postgres_.make(target, elsewhere, lock_timeout, std::move(stop));
    case Engine::kSqlite:
      return sqlite_.make(target, elsewhere, lock_timeout, std::move(stop));
    case Engine::kSimulation:
      break;
  }
  return only_simulated();
}

Result<std::vector<SqlStatement>> InspectorByEngine::inspect(Engine engine,
                                                             const std::string& script) const {
  switch (engine) {
    case Engine::kPostgreSql:
      return postgres_.inspect(engine, script);
    case Engine::kSqlite:
      return sqlite_.inspect(engine, script);
    case Engine::kSimulation:
      break;
  }
  return only_simulated();
}

Result<SqlReport> InspectorByEngine::review(Engine engine, const SqlScript& script) const {
  switch (engine) {
    case Engine::kPostgreSql:
      return postgres_.review(engine, script);
    case Engine::kSqlite:
      return sqlite_.review(engine, script);
    case Engine::kSimulation:
      break;
  }
  return only_simulated();
}

}  // namespace ripcord::app
