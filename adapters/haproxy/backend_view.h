// SPDX-License-Identifier: Apache-2.0
#pragma once
// One look at a backend: its servers and the environments they belong to. What the router reads,
// decides on and compares with. Values and pure functions.

#include "adapters/haproxy/server_state.h"
#include "controller/model/traffic_target.h"
#include "controller/ports/traffic_router.h"

#include <map>
#include <string>
#include <vector>

namespace ripcord::haproxy {

struct OwnedServer {
  ServerLine line;
  std::string environment;  // empty when no environment names its address
};

// How a server is left by apply().
struct Setting {
  bool in_rotation = false;  // else drained, whatever its weight
  std::int32_t weight = 0;

  bool operator==(const Setting&) const = default;
};

struct BackendView {
  std::vector<OwnedServer> servers;
  std::map<std::string, std::string> missing;  // environment -> addresses that no server has

  const OwnedServer* find(const std::string& server) const;
  TrafficWeights weights() const;  // of every environment of the spec that has a server
  std::map<std::string, Setting> settings_for(const TrafficWeights& shares) const;  // by server
};

// Gives every server its environment.
BackendView match(const std::vector<ServerLine>& servers,
                  const std::vector<Environment>& environments);

// FailedPrecondition (UnknownAddress) when an environment with a share has an address that no
// server has; says which, and which addresses there are.
Status all_known(const BackendView& view, const TrafficWeights& shares, const std::string& backend);

bool agrees(const ServerLine& line, const Setting& setting);
// "ready weight 256", "drain weight 10", "maint": what a message says was read.
std::string describe(const ServerLine& line);

}  // namespace ripcord::haproxy
