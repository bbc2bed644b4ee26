// SPDX-License-Identifier: Apache-2.0
#include "adapters/simulation/world.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::simulation {
namespace {

// How many migrations below the current one a virtual database keeps on record: a version may be
// any number up to 2^63-1.
constexpr std::int64_t kRecorded = 8;

AppliedMigration applied(std::int64_t version) {
  const Migration migration = simulated_migration(version);
  AppliedMigration out;
  out.version = version;
  out.name = migration.name;
  out.down = migration.down;
  out.previous = version > 1 ? version - 1 : -1;
  return out;
}

template <class Map>
std::string names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) {
    names.push_back(name);
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return pattern == name;
  }
  if (name.substr(0, star) != pattern.substr(0, star)) {
    return false;
  }
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at) {
    if (matches(rest, name.substr(at))) {
      return true;
    }
  }
  return false;
}

Migration simulated_migration(std::int64_t version) {
  Migration out;
  out.version = version;
  out.name = fmt::format("step_{}", version);
  out.up = fmt::format("SELECT 'up {}';", version);
  out.down = fmt::format("SELECT 'down {}';", version);
  return out;
}

SchemaState schema_at(std::int64_t version) {
  SchemaState out;
  if (version > 0) {
    out.version = version;
    out.applied.push_back(applied(version));
    extend_back(out);
  }
  return out;
}

void extend_back(SchemaState& schema) {
  if (schema.applied.empty() || schema.applied.size() > 2) {
    return;
  }
  const std::int64_t lowest = schema.applied.front().version;
  for (std::int64_t v = lowest - 1; v >= 1 && v >= lowest - kRecorded; --v) {
    schema.applied.insert(schema.applied.begin(), applied(v));
  }
}

SimulatedWorld::SimulatedWorld(SimulatedWorldSpec spec) : spec_(std::move(spec)) {
  MutexLock lock(mutex_);
  for (const SimulatedDatabase& declared : spec_.databases) {
    Database& database = databases_[declared.name];
    database.declared = declared;
    database.assumed = declared.initial_version.has_value();
    database.highest = declared.initial_version.value_or(0);
    database.schema = schema_at(database.highest);
  }
  for (const SimulatedRouter& declared : spec_.routers) {
    Router& router = routers_[declared.name];
    router.declared = declared;
    for (const SimulatedEnvironment& environment : declared.environments) {
      router.weights[environment.name] = environment.name == declared.active ? 100 : 0;
    }
  }
}

Status SimulatedWorld::assume_version(const std::string& database, std::int64_t version) {
  return with_database(database, [version](Database& found) {
    if (!found.assumed) {
      found.assumed = true;
      found.highest = version;
      found.schema = schema_at(version);
    }
    return ok_status();
  });
}

Status SimulatedWorld::with_database(const std::string& name,
                                     const std::function<Status(Database&)>& work) {
  MutexLock lock(mutex_);
  const auto found = databases_.find(name);
  if (found == databases_.end()) {
    return {StatusCode::kNotFound,
            fmt::format("the simulated world has no database '{}'; it has: {}", name,
                        names_of(databases_)),
            "DatabaseNotFound"};
  }
  return work(found->second);
}

Status SimulatedWorld::with_router(const TrafficTargetSpec& spec,
                                   const std::function<Status(Router&)>& work) {
  MutexLock lock(mutex_);
  for (auto& [name, router] : routers_) {
    const auto& servers = router.declared.environments;
    const bool serves = std::all_of(
        spec.environments.begin(), spec.environments.end(), [&](const Environment& wanted) {
          return std::any_of(servers.begin(), servers.end(), [&](const SimulatedEnvironment& e) {
            return e.name == wanted.name && e.addresses == wanted.addresses;
          });
        });
    if (serves) {
      return work(router);
    }
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format("no router of the simulated world has servers for all these environments and "
                      "addresses; declare one among: {}",
                      names_of(routers_)),
          "UnknownServer"};
}

Status SimulatedWorld::with_restore(const std::string& request_uid,
                                    const std::function<Status(Restore&)>& work) {
  MutexLock lock(mutex_);
  return work(restores_[request_uid]);
}

Status SimulatedWorld::check(const std::string& address) const {
  for (const SimulatedRouter& router : spec_.routers) {
    for (const SimulatedEnvironment& environment : router.environments) {
      const auto& addresses = environment.addresses;
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
        continue;
      }
      return environment.healthy
                 ? ok_status()
                 : Status(StatusCode::kUnavailable,
                          fmt::format("{} is declared unhealthy in the simulated world", address));
    }
  }
  return {StatusCode::kUnavailable,
          fmt::format("{} is no address of the simulated world", address)};
}

}  // namespace ripcord::simulation
