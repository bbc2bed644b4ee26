// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/backend_view.h"

#include "adapters/haproxy/shares.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::haproxy {

const OwnedServer* BackendView::find(const std::string& server) const {
  const auto at = std::ranges::find_if(
      servers, [&](const OwnedServer& candidate) { return candidate.line.name == server; });
  return at == servers.end() ? nullptr : &*at;
}

TrafficWeights BackendView::weights() const {
  std::map<std::string, std::int64_t> totals;
  for (const OwnedServer& server : servers) {
    if (!server.environment.empty()) {
      totals[server.environment] += server.line.in_rotation() ? server.line.weight : 0;
    }
  }
  return percentages(totals);
}

std::map<std::string, Setting> BackendView::settings_for(const TrafficWeights& shares) const {
  std::map<std::string, std::size_t> counts;
  for (const OwnedServer& server : servers) {
    ++counts[server.environment];
  }
  const auto weights = distribute(shares, counts);
  std::map<std::string, Setting> settings;
  std::map<std::string, std::size_t> used;
  for (const OwnedServer& server : servers) {
    if (server.environment.empty()) {
      continue;
    }
    Setting& setting = settings[server.line.name];
    if (const auto at = weights.find(server.environment); at != weights.end()) {
      setting = {true, at->second.at(used[server.environment]++)};
    }
  }
  return settings;
}

BackendView match(const std::vector<ServerLine>& servers,
                  const std::vector<Environment>& environments) {
  BackendView view;
  std::map<std::string, std::string> owners;  // address -> environment
  for (const Environment& environment : environments) {
    for (const std::string& address : environment.addresses) {
      owners[canonical_address(address)] = environment.name;
    }
  }
  std::set<std::string> seen;
  for (const ServerLine& line : servers) {
    OwnedServer server{line, {}};
    for (const std::string& address : {line.address, line.fqdn}) {
      if (const auto owner = owners.find(address); owner != owners.end()) {
        server.environment = owner->second;
        seen.insert(address);
      }
    }
    view.servers.push_back(std::move(server));
  }
  for (const auto& [address, environment] : owners) {
    if (!seen.contains(address)) {
      std::string& missing = view.missing[environment];
      missing += (missing.empty() ? "" : ", ") + address;
    }
  }
  return view;
}

Status all_known(const BackendView& view, const TrafficWeights& shares,
                 const std::string& backend) {
  for (const auto& [environment, share] : shares) {
    const auto missing = view.missing.find(environment);
    const bool named =
        missing != view.missing.end() ||
        std::ranges::any_of(view.servers, [&wanted = environment](const OwnedServer& server) {
          return server.environment == wanted;
        });
    if (share > 0 && !named) {
      return {StatusCode::kInvalidArgument,
              fmt::format("a share is asked for '{}', which is none of spec.environments",
                          environment)};
    }
    if (share <= 0 || missing == view.missing.end()) {
      continue;
    }
    std::vector<std::string> present;
    for (const OwnedServer& server : view.servers) {
      const ServerLine& line = server.line;
      present.push_back(
          fmt::format("{} {}", line.name, line.fqdn.empty() ? line.address : line.fqdn));
    }
    return {StatusCode::kFailedPrecondition,
            fmt::format("spec.environments: backend {} has no server with address {} of "
                        "environment {}; it has: {}. Write an address of the backend, or add the "
                        "server to it",
                        backend, missing->second, environment, fmt::join(present, ", ")),
            "UnknownAddress"};
  }
  return ok_status();
}

bool agrees(const ServerLine& line, const Setting& setting) {
  if (!setting.in_rotation) {
    return !line.in_rotation();
  }
  return !line.maintenance && !line.draining && line.weight == setting.weight;
}

std::string describe(const ServerLine& line) {
  const std::string_view state = line.maintenance ? "maint" : (line.draining ? "drain" : "ready");
  return fmt::format("{} weight {}{}", state, line.weight, line.running ? "" : ", not running");
}

}  // namespace ripcord::haproxy
