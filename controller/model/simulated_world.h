// SPDX-License-Identifier: Apache-2.0
#pragma once
// A declared world of virtual systems, for rehearsals and for the message adapter. Values.

#include "controller/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

struct SimulatedDatabase {
  std::string name;  // what DatabaseRef::path names
  // 0 = nothing applied; absent: whatever version is named first ("FirstMessage").
  std::optional<std::int64_t> initial_version;
  Duration up_cost{};  // virtual time of one step
  Duration down_cost{};

  bool operator==(const SimulatedDatabase&) const = default;
};

struct SimulatedEnvironment {
  std::string name;
  std::vector<std::string> addresses;
  bool healthy = true;

  bool operator==(const SimulatedEnvironment&) const = default;
};

struct SimulatedRouter {
  std::string name;
  std::vector<SimulatedEnvironment> environments;
  std::string active;
  Duration switch_cost{};

  bool operator==(const SimulatedRouter&) const = default;
};

struct SimulatedBackup {
  std::string pattern;  // of names: '*' stands for any text
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  Duration cost{};  // virtual time to load it

  bool operator==(const SimulatedBackup&) const = default;
};

struct SimulatedFlags {
  bool create_unknown = false;        // a flag that nobody declared comes into being when named
  std::vector<std::string> declared;  // keys of boolean flags that are on

  bool operator==(const SimulatedFlags&) const = default;
};

struct SimulatedWorldSpec {
  std::string name;
  std::vector<SimulatedDatabase> databases;
  std::vector<SimulatedRouter> routers;
  std::vector<SimulatedBackup> backups;
  SimulatedFlags flags;

  bool operator==(const SimulatedWorldSpec&) const = default;
};

}  // namespace ripcord
