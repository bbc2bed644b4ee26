// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/strategy_migration_version/migration_world.h"

#include <stdexcept>
#include <utility>

namespace ripcord {
namespace {

class HookedSession final : public SchemaSession {
 public:
  HookedSession(std::unique_ptr<SchemaSession> real, const SchemaHooks& hooks)
      : real_(std::move(real)), hooks_(hooks) {}
  Result<SchemaState> read() override { return real_->read(); }
  StepsRun run_some(std::span<const MigrationStep> steps, const MigrationPolicy& policy,
                    std::stop_token stop) override {
    if (Status refused = hooks_.before_run(steps.front()); !refused.ok()) {
      return {0, std::move(refused)};
    }
    return real_->run_some(steps, policy, std::move(stop));
  }

 private:
  std::unique_ptr<SchemaSession> real_;
  const SchemaHooks& hooks_;
};

class HookedDatabase final : public SchemaDatabase {
 public:
  HookedDatabase(std::unique_ptr<SchemaDatabase> real, const SchemaHooks& hooks)
      : real_(std::move(real)), hooks_(hooks) {}
  Result<SchemaState> read() override {
    hooks_.before_read();
    return real_->read();
  }
  Result<std::vector<DataAtRisk>> count(const std::vector<LossAtRisk>& losses,
                                        std::stop_token stop) override {
    hooks_.before_count(losses);
    return real_->count(losses, std::move(stop));
  }
  Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) override {
    ASSIGN_OR_RETURN(auto session, real_->lock(patience, std::move(stop)));
    return std::make_unique<HookedSession>(std::move(session), hooks_);
  }

 private:
  std::unique_ptr<SchemaDatabase> real_;
  const SchemaHooks& hooks_;
};

SimulatedWorldSpec one_database() {
  SimulatedWorldSpec spec;
  spec.name = "test";
  spec.databases.push_back({"shop", 5, std::chrono::seconds(3), MigrationWorld::kDownCost});
  return spec;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

}  // namespace

Result<std::unique_ptr<SchemaDatabase>> HookedDatabases::open(const DatabaseRef& ref) {
  ASSIGN_OR_RETURN(auto database, real_.open(ref));
  return std::make_unique<HookedDatabase>(std::move(database), hooks_);
}

Result<std::vector<SqlStatement>> InspectorWithEffect::inspect(Engine engine,
                                                               const std::string& script) const {
  ASSIGN_OR_RETURN(std::vector<SqlStatement> statements, real_.inspect(engine, script));
  for (SqlStatement& statement : statements) {
    statement.effect = effect;
    if (effect == DataEffect::kLossy) {
      statement.effects.loses = {{DataLoss::What::kTable, "orders"}};
    }
  }
  return statements;
}

MigrationWorld::MigrationWorld() : world_(one_database()) {
  Resource object = make_resource(Kind::kMigrationVersion, "shop");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database.engine = Engine::kSimulation;
  spec.database.path = "shop";
  spec.source.directory = "shop";
  spec.version = 5;
  must(store_.create(object));
}

void MigrationWorld::reconcile_and_die() {
  Resource object = *must(store_.get(key_));
  const ReconcileRequest request{key_, "r1", {}, {}};
  Reconcile reconcile{object, request, [&]() -> Status {
                        ASSIGN_OR_RETURN(const ResourcePtr written, store_.update_status(object));
                        object.meta.resource_version = written->meta.resource_version;
                        return {};
                      }};
  strategy.converge(reconcile);
}

void MigrationWorld::edit(const std::function<void(MigrationVersionSpec&)>& change) {
  Resource object = *must(store_.get(key_));
  change(std::get<MigrationVersionSpec>(object.spec));
  must(store_.update(object));
}

void MigrationWorld::edit_status(const std::function<void(MigrationVersionStatus&)>& change) {
  Resource object = *must(store_.get(key_));
  change(std::get<MigrationVersionStatus>(object.status));
  must(store_.update_status(object));
}

MigrationVersionStatus MigrationWorld::status() const {
  return std::get<MigrationVersionStatus>(must(store_.get(key_))->status);
}

std::string MigrationWorld::condition(std::string_view type) const {
  const MigrationVersionStatus now = status();
  const Condition* found = now.conditions.find(type);
  return found == nullptr || found->status != ConditionState::kTrue
             ? ""
             : found->reason + ": " + found->message;
}

}  // namespace ripcord
