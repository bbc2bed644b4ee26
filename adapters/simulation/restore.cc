// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/restore.h"

#include <fmt/format.h>

namespace ripcord::simulation {
namespace {

using Restore = SimulatedWorld::Restore;

const SimulatedBackup* declared_backup(const SimulatedWorld& world, const std::string& name) {
  for (const SimulatedBackup& backup : world.declared().backups) {
    if (matches(backup.pattern, name)) {
      return &backup;
    }
  }
  return nullptr;
}

Status no_such_backup(const SimulatedWorld& world, const std::string& name) {
  std::vector<std::string> patterns;
  for (const SimulatedBackup& backup : world.declared().backups) {
    patterns.push_back(backup.pattern);
  }
  return {StatusCode::kNotFound,
          fmt::format("the simulated catalog has no backup '{}'; it has: {}", name,
                      fmt::join(patterns, ", ")),
          "BackupNotFound"};
}

class OpenedTarget final : public RestoreTarget, public RestoreLeftovers, public RestoreReverse {
 public:
  OpenedTarget(SimulatedWorld& world, Clock& clock, std::string database, std::string uid)
      : world_(world), clock_(clock), database_(std::move(database)), uid_(std::move(uid)) {}

  Result<RestoreState> read() override {
    RestoreState out;
    RETURN_IF_ERROR(world_.with_restore(uid_, [&out](Restore& restore) {
      out = restore.state;
      return ok_status();
    }));
    return out;
  }

  Status load(const Backup& backup, std::stop_token stop) override {
    const SimulatedBackup* declared = declared_backup(world_, backup.name);
    if (declared == nullptr) {
      return no_such_backup(world_, backup.name);
    }
    if (backup.format != BackupFormat::kSimulated) {
      return {StatusCode::kInvalidArgument, fmt::format("{} is no simulated backup", backup.name)};
    }
    RETURN_IF_ERROR(world_.with_restore(uid_, [this](Restore& restore) {
      if (restore.state.swapped || restore.state.reverted) {
        return Status(StatusCode::kFailedPrecondition,
                      "this restore is finished; make a new request to restore again");
      }
      restore.state = {};
      restore.state.side_exists = true;
      restore.state.side_name = side_name();
      return ok_status();
    }));
    if (!clock_.sleep_for(declared->cost, stop)) {
      return {StatusCode::kCancelled, "asked to stop while loading"};
    }
    return world_.with_restore(uid_, [&](Restore& restore) {
      restore.backup = backup;
      restore.rows = declared->rows;
      restore.state.side_complete = true;
      restore.state.backup = backup.name;
      restore.state.side_bytes = declared->bytes;
      restore.state.backup = backup.name;
      return ok_status();
    });
  }

  Result<std::vector<TableRows>> count(std::stop_token stop) override {
    ASSIGN_OR_RETURN(const std::int64_t rows, query({}, stop));
    return std::vector<TableRows>{{"public.simulated", rows}};
  }

  Result<std::int64_t> query(const std::string& /*sql*/, std::stop_token /*stop*/) override {
    std::int64_t rows = 0;
    RETURN_IF_ERROR(world_.with_restore(uid_, [&rows](Restore& restore) {
      if (!restore.state.side_complete && !restore.state.swapped) {
        return Status(StatusCode::kFailedPrecondition, "nothing is loaded yet; load first");
      }
      rows = restore.rows;
      return ok_status();
    }));
    return rows;
  }

  Result<SwapReport> swap(std::stop_token /*stop*/) override {
    SwapReport out;
    RETURN_IF_ERROR(world_.with_restore(uid_, [&](Restore& restore) {
      if (!restore.state.swapped) {
        if (!restore.state.side_complete) {
          return Status(StatusCode::kFailedPrecondition, "nothing is loaded yet; load first");
        }
        const RestoreState loaded = std::exchange(restore.state, {});
        restore.state.swapped = true;
        restore.state.backup = restore.backup.name;
        restore.state.side_bytes = loaded.side_bytes;
        restore.state.backup = loaded.backup;
        restore.state.previous_name = fmt::format("{}_before_{}", database_, uid_);
      }
      out.previous_name = restore.state.previous_name;
      return ok_status();
    }));
    return out;
  }

  Result<SwapReport> revert(std::stop_token /*stop*/) override {
    SwapReport out;
    RETURN_IF_ERROR(world_.with_restore(uid_, [&](Restore& restore) {
      if (!restore.state.reverted) {
        if (!restore.state.swapped || restore.state.previous_name.empty()) {
          return Status(StatusCode::kFailedPrecondition, "there is nothing to go back to",
                        "PreviousGone");
        }
        restore.state.swapped = false;
        restore.state.previous_name.clear();
        restore.state.side_exists = true;
        restore.state.side_name = side_name();
        restore.state.reverted = true;
      }
      out.previous_name = restore.state.side_name;
      return ok_status();
    }));
    return out;
  }

  Status drop_side() override {
    return world_.with_restore(uid_, [](Restore& restore) {
      const RestoreState before = std::exchange(restore.state, {});
      restore.state.swapped = before.swapped;
      restore.state.backup = before.swapped ? before.backup : "";
      restore.state.side_bytes = before.swapped ? before.side_bytes : 0;
      restore.state.previous_name = before.previous_name;
      return ok_status();
    });
  }

  Status drop_previous() override {
    return world_.with_restore(uid_, [](Restore& restore) {
      restore.state.previous_name.clear();
      return ok_status();
    });
  }

 private:
  std::string side_name() const { return fmt::format("{}_restore_{}", database_, uid_); }

  SimulatedWorld& world_;
  Clock& clock_;
  const std::string database_;
  const std::string uid_;
};

}  // namespace

Result<Backup> SimulatedBackupCatalog::find(const std::string& /*catalog_directory*/,
                                            const std::string& name) {
  if (name.find_first_of("/\\") != std::string::npos || name.find("..") != std::string::npos) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("'{}' is no backup name: it would leave the catalog", name));
  }
  const SimulatedBackup* declared = declared_backup(world_, name);
  if (declared == nullptr) {
    return tl::unexpected(no_such_backup(world_, name));
  }
  return Backup{name, BackupFormat::kSimulated, name, declared->bytes};
}

Result<OpenedRestore> SimulatedRestoreDatabases::open(const RestoreOrder& order) {
  const DatabaseRef& ref = order.database;
  if (ref.engine != Engine::kSimulation) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("{} is no simulated database; write engine: Simulation", describe(ref)));
  }
  RETURN_IF_ERROR(
      world_.with_database(ref.path, [](SimulatedWorld::Database&) { return ok_status(); }));
  const auto opened = [&] {
    return std::make_unique<OpenedTarget>(world_, clock_, ref.path, order.request_uid);
  };
  return OpenedRestore{opened(), opened(), nullptr, opened(), nullptr};
}

}  // namespace ripcord::simulation
