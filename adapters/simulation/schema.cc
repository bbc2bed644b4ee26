// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/schema.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace ripcord::simulation {
namespace {

using Database = SimulatedWorld::Database;

bool has(const SchemaState& schema, std::int64_t version) {
  return std::any_of(schema.applied.begin(), schema.applied.end(),
                     [version](const AppliedMigration& a) { return a.version == version; });
}

// True when the step has taken effect already.
bool is_done(const SchemaState& schema, const MigrationStep& step) {
  return has(schema, step.migration.version) == (step.direction == Direction::kUp);
}

void take_effect(Database& database, const MigrationStep& step) {
  auto& applied = database.schema.applied;
  const std::int64_t version = step.migration.version;
  if (step.direction == Direction::kUp) {
    AppliedMigration record;
    record.version = version;
    record.name = step.migration.name;
    record.down = step.migration.down;
    record.previous = database.schema.version.value_or(-1);
    applied.insert(std::upper_bound(applied.begin(), applied.end(), version,
                                    [](std::int64_t v, const auto& a) { return v < a.version; }),
                   record);
  } else {
    std::erase_if(applied, [version](const AppliedMigration& a) { return a.version == version; });
    extend_back(database.schema);
  }
  database.schema.version = step.version_after;
  database.highest = std::max(database.highest, step.version_after.value_or(0));
}

class Session final : public SchemaSession {
 public:
  Session(SimulatedWorld& world, Clock& clock, std::string name)
      : world_(world), clock_(clock), name_(std::move(name)) {}
  ~Session() override {
    // The database was there when the lock was taken, and databases never go away.
    static_cast<void>(world_.with_database(name_, [](Database& database) {
      database.locked = false;
      return ok_status();
    }));
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<SchemaState> read() override {
    SchemaState out;
    RETURN_IF_ERROR(world_.with_database(name_, [&out](Database& database) {
      out = database.schema;
      return ok_status();
    }));
    return out;
  }

  StepsRun run_some(std::span<const MigrationStep> steps, const MigrationPolicy& /*policy*/,
                    std::stop_token stop) override {
    Status ran = take(steps.front(), stop);
    return {ran.ok() ? 1U : 0U, std::move(ran)};
  }

 private:
  Status take(const MigrationStep& step, const std::stop_token& stop) {
    bool done = false;
    Duration cost{};
    RETURN_IF_ERROR(world_.with_database(name_, [&](Database& database) {
      done = is_done(database.schema, step);
      cost = step.direction == Direction::kUp ? database.declared.up_cost
                                              : database.declared.down_cost;
      return ok_status();
    }));
    if (done) {
      return ok_status();
    }
    if (!clock_.sleep_for(cost, stop)) {
      return {StatusCode::kCancelled, "asked to stop before the step took effect"};
    }
    return world_.with_database(name_, [&](Database& database) {
      take_effect(database, step);
      return ok_status();
    });
  }

  SimulatedWorld& world_;
  Clock& clock_;
  const std::string name_;
};

class OpenedDatabase final : public SchemaDatabase {
 public:
  OpenedDatabase(SimulatedWorld& world, Clock& clock, std::string name)
      : world_(world), clock_(clock), name_(std::move(name)) {}

  Result<SchemaState> read() override {
    SchemaState out;
    RETURN_IF_ERROR(world_.with_database(name_, [&out](Database& database) {
      out = database.schema;
      return ok_status();
    }));
    return out;
  }

  Result<std::unique_ptr<SchemaSession>> lock(Duration /*patience*/,
                                              std::stop_token /*stop*/) override {
    RETURN_IF_ERROR(world_.with_database(name_, [this](Database& database) {
      if (database.locked) {
        return Status(StatusCode::kUnavailable,
                      fmt::format("simulated database '{}' is locked by another session", name_),
                      "Locked");
      }
      database.locked = true;
      return ok_status();
    }));
    return std::make_unique<Session>(world_, clock_, name_);
  }

 private:
  SimulatedWorld& world_;
  Clock& clock_;
  const std::string name_;
};

}  // namespace

Result<std::unique_ptr<SchemaDatabase>> SimulatedSchemaDatabases::open(const DatabaseRef& ref) {
  if (ref.engine != Engine::kSimulation) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("{} is no simulated database; write engine: Simulation", describe(ref)));
  }
  RETURN_IF_ERROR(world_.with_database(ref.path, [](Database&) { return ok_status(); }));
  return std::make_unique<OpenedDatabase>(world_, clock_, ref.path);
}

Result<std::vector<Migration>> SimulatedMigrationSource::load(const MigrationSourceRef& ref) {
  std::map<std::int64_t, Migration> found;
  for (const Migration& migration : ref.inline_migrations) {
    found.emplace(migration.version, migration);
  }
  if (!ref.directory.empty()) {
    RETURN_IF_ERROR(world_.with_database(ref.directory, [&](Database& database) {
      for (const SchemaState& known : {database.schema, schema_at(database.highest)}) {
        for (const AppliedMigration& applied : known.applied) {
          found.emplace(applied.version, simulated_migration(applied.version));
        }
      }
      return ok_status();
    }));
  }
  std::vector<Migration> out;
  for (auto& [version, migration] : found) {
    out.push_back(std::move(migration));
  }
  return out;
}

Result<std::vector<SqlStatement>> SimulatedSqlInspector::inspect(Engine /*engine*/,
                                                                 const std::string& script) const {
  if (script.find_first_not_of(" \t\r\n;") == std::string::npos) {
    return std::vector<SqlStatement>();
  }
  SqlStatement whole;
  whole.text = script;
  whole.effect = DataEffect::kLossless;
  return std::vector<SqlStatement>{whole};
}

}  // namespace ripcord::simulation
