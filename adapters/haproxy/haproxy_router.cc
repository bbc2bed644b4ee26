// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/haproxy_router.h"

#include "adapters/haproxy/backend_view.h"
#include "adapters/haproxy/runtime_socket.h"
#include "adapters/haproxy/state_file.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::haproxy {
namespace {

constexpr std::string_view kRestarted = "RouterRestarted";

class HaproxyBackend final : public TrafficRouter {
 public:
  HaproxyBackend(HaproxyRouter where, std::vector<Environment> environments, HaproxyOptions options)
      : where_(std::move(where)),
        environments_(std::move(environments)),
        options_(std::move(options)),
        socket_(where_.socket, options_.timeout) {}

  Result<RouterState> read() override;
  Status apply(const TrafficWeights& weights) override;

 private:
  Result<BackendView> look() const;
  bool file_agrees(const std::map<std::string, Setting>& settings) const;
  Status save() const;
  Status put(const std::string& server, const std::string& what) const;
  // The next three leave in `view` what was read after their last command.
  Status raise(const ServerLine& line, const Setting& setting, BackendView& view) const;
  Status lower(const ServerLine& line, const Setting& setting, BackendView& view) const;
  Status change(BackendView& view, const std::map<std::string, Setting>& settings,
                const TrafficWeights& weights) const;
  Status take_back(const BackendView& view, const std::map<std::string, Setting>& settings) const;
  Status apply_once(const TrafficWeights& weights) const;
  Status destinations_run(const BackendView& view, const TrafficWeights& weights) const;

  HaproxyRouter where_;
  std::vector<Environment> environments_;
  HaproxyOptions options_;
  RuntimeSocket socket_;
};

Result<BackendView> HaproxyBackend::look() const {
  ASSIGN_OR_RETURN(const std::string answer,
                   socket_.send(fmt::format("show servers state {}", where_.backend)));
  if (answer.starts_with("Can't find backend")) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("spec.router.haproxy.backend: HAProxy has no backend '{}'; write the "
                             "name of a `backend` section of its configuration",
                             where_.backend),
                 "UnknownBackend");
  }
  auto servers = parse_servers_state(answer);
  if (!servers) {
    return tl::unexpected(servers.error().annotated(
        fmt::format("`show servers state {}` on {}", where_.backend, where_.socket)));
  }
  return match(*servers, environments_);
}

// True when the file says of our servers what HAProxy runs with. A file that cannot be read does
// not hold up a switch: apply() says what is wrong with it, after the traffic has moved.
bool HaproxyBackend::file_agrees(const std::map<std::string, Setting>& settings) const {
  if (where_.state_file.empty()) {
    return true;
  }
  const auto text = read_state_file(where_.state_file);
  const auto saved = text ? parse_servers_state(*text) : tl::unexpected(text.error());
  if (!saved) {
    return false;
  }
  return std::ranges::all_of(settings, [&](const auto& wanted) {
    return std::ranges::any_of(*saved, [&](const ServerLine& line) {
      return line.backend == where_.backend && line.name == wanted.first &&
             agrees(line, wanted.second);
    });
  });
}

Result<RouterState> HaproxyBackend::read() {
  RouterState state;
  ASSIGN_OR_RETURN(state.incarnation, read_incarnation(socket_));
  ASSIGN_OR_RETURN(const BackendView view, look());
  state.weights = view.weights();
  const auto settings = view.settings_for(state.weights);
  for (const OwnedServer& server : view.servers) {
    const ServerLine& line = server.line;
    state.servers.push_back({line.name, line.fqdn.empty() ? line.address : line.fqdn,
                             server.environment, line.weight, line.in_rotation() && line.running});
    if (const auto wanted = settings.find(line.name); wanted != settings.end()) {
      state.settled = state.settled && agrees(line, wanted->second);
    }
  }
  state.settled = state.settled && file_agrees(settings);
  state.missing = view.missing;
  return state;
}

// One command; HAProxy says nothing when it obeys.
Status HaproxyBackend::put(const std::string& server, const std::string& what) const {
  if (!is_safe_name(server)) {
    return {StatusCode::kInternal, fmt::format("server name '{}' cannot be in a command", server)};
  }
  const std::string command = fmt::format("set server {}/{} {}", where_.backend, server, what);
  trace_point(options_.trace, "before " + command);
  ASSIGN_OR_RETURN(const std::string answer, socket_.send(command));
  trace_point(options_.trace, "after " + command);
  if (answer.starts_with("Permission denied")) {
    return {StatusCode::kPermissionDenied,
            fmt::format("spec.router.haproxy.socket: {}: HAProxy refused `{}`; give the socket "
                        "`level admin`",
                        where_.socket, command),
            "RouterPermissionDenied"};
  }
  if (!answer.empty()) {
    return {StatusCode::kFailedPrecondition,
            fmt::format("HAProxy refused `{}`: {}", command, answer), "CommandRefused"};
  }
  return ok_status();
}

Status mismatch(const std::string& command, const OwnedServer* read) {
  return {StatusCode::kInternal,
          fmt::format("after `{}` HAProxy says: {}; something else writes to it or it was "
                      "restarted, trying again",
                      command, read == nullptr ? "no such server" : describe(read->line)),
          "ReadBackMismatch"};
}

// Weight first, so that a server never gets traffic with a weight that is not its own.
Status HaproxyBackend::raise(const ServerLine& line, const Setting& setting,
                             BackendView& view) const {
  if (line.weight != setting.weight) {
    const std::string command = fmt::format("weight {}", setting.weight);
    RETURN_IF_ERROR(put(line.name, command));
    ASSIGN_OR_RETURN(view, look());
    const OwnedServer* now = view.find(line.name);
    if (now == nullptr || now->line.weight != setting.weight) {
      return mismatch(fmt::format("set server {}/{} {}", where_.backend, line.name, command), now);
    }
  }
  if (line.maintenance || line.draining) {
    RETURN_IF_ERROR(put(line.name, "state ready"));
    ASSIGN_OR_RETURN(view, look());
    const OwnedServer* now = view.find(line.name);
    if (now == nullptr || !agrees(now->line, setting)) {
      return mismatch(fmt::format("set server {}/{} state ready", where_.backend, line.name), now);
    }
  }
  return ok_status();
}

Status HaproxyBackend::lower(const ServerLine& line, const Setting& setting,
                             BackendView& view) const {
  const std::string command =
      setting.in_rotation ? fmt::format("weight {}", setting.weight) : "state drain";
  RETURN_IF_ERROR(put(line.name, command));
  ASSIGN_OR_RETURN(view, look());
  const OwnedServer* now = view.find(line.name);
  if (now == nullptr || !agrees(now->line, setting)) {
    return mismatch(fmt::format("set server {}/{} {}", where_.backend, line.name, command), now);
  }
  return ok_status();
}

// HAProxy's own view of the servers that are to carry the traffic, before any other is taken away.
Status HaproxyBackend::destinations_run(const BackendView& view,
                                        const TrafficWeights& weights) const {
  for (const auto& [environment, share] : weights) {
    const bool runs =
        std::ranges::any_of(view.servers, [&wanted = environment](const OwnedServer& server) {
          return server.environment == wanted && server.line.in_rotation() && server.line.running;
        });
    if (share > 0 && !runs) {
      std::vector<std::string> seen;
      for (const OwnedServer& server : view.servers) {
        if (server.environment == environment) {
          seen.push_back(fmt::format("{}: {}", server.line.name, describe(server.line)));
        }
      }
      return {StatusCode::kUnavailable,
              fmt::format("HAProxy has no running server of environment {} ({}); nothing was taken "
                          "from the others. Look at its health checks in `show servers state {}`",
                          environment, fmt::join(seen, ", "), where_.backend),
              "DestinationDown"};
    }
  }
  return ok_status();
}

bool is_raise(const ServerLine& line, const Setting& setting) {
  return setting.in_rotation && (!line.in_rotation() || setting.weight >= line.weight);
}

// A destination that does not run must not get traffic by itself when its health check passes
// later.
Status HaproxyBackend::take_back(const BackendView& view,
                                 const std::map<std::string, Setting>& settings) const {
  for (const OwnedServer& server : view.servers) {
    const auto at = settings.find(server.line.name);
    if (at != settings.end() && at->second.in_rotation && !server.line.in_rotation()) {
      RETURN_IF_ERROR(put(server.line.name, "state drain"));
    }
  }
  return ok_status();
}

Status HaproxyBackend::change(BackendView& view, const std::map<std::string, Setting>& settings,
                              const TrafficWeights& weights) const {
  const BackendView before = view;
  const auto for_each = [&](bool raising, auto&& act) -> Status {
    for (const OwnedServer& server : before.servers) {
      const auto at = settings.find(server.line.name);
      if (at != settings.end() && !agrees(server.line, at->second) &&
          is_raise(server.line, at->second) == raising) {
        RETURN_IF_ERROR(act(server.line, at->second));
      }
    }
    return ok_status();
  };
  RETURN_IF_ERROR(for_each(true, [&](const ServerLine& line, const Setting& setting) {
    return raise(line, setting, view);
  }));
  if (const Status down = destinations_run(view, weights); !down.ok()) {
    RETURN_IF_ERROR(take_back(before, settings));
    return down;
  }
  return for_each(false, [&](const ServerLine& line, const Setting& setting) {
    return lower(line, setting, view);
  });
}

Status HaproxyBackend::save() const {
  if (where_.state_file.empty()) {
    return ok_status();
  }
  if (const auto existing = read_state_file(where_.state_file); !existing) {
    return existing.error();
  }
  ASSIGN_OR_RETURN(const std::string text, socket_.send("show servers state"));
  trace_point(options_.trace, "before saving the server state");
  RETURN_IF_ERROR(write_state_file(where_.state_file, text + "\n"));
  trace_point(options_.trace, "after saving the server state");
  return ok_status();
}

Status HaproxyBackend::apply_once(const TrafficWeights& weights) const {
  ASSIGN_OR_RETURN(const std::string before, read_incarnation(socket_));
  ASSIGN_OR_RETURN(BackendView view, look());
  RETURN_IF_ERROR(all_known(view, weights, where_.backend));
  const auto settings = view.settings_for(weights);
  RETURN_IF_ERROR(change(view, settings, weights));
  RETURN_IF_ERROR(save());
  ASSIGN_OR_RETURN(const std::string incarnation, read_incarnation(socket_));
  for (const OwnedServer& server : view.servers) {
    const auto at = settings.find(server.line.name);
    if (at != settings.end() && !agrees(server.line, at->second)) {
      return mismatch("all commands", &server);
    }
  }
  return before == incarnation ? ok_status()
                               : Status(StatusCode::kUnavailable,
                                        "HAProxy was restarted while traffic was being switched; "
                                        "trying again",
                                        std::string(kRestarted));
}

Status HaproxyBackend::apply(const TrafficWeights& weights) {
  Status done;
  for (int attempt = 0; attempt < 3; ++attempt) {
    done = apply_once(weights);
    if (done.reason() != kRestarted) {
      break;
    }
  }
  return done;
}

}  // namespace

Result<std::unique_ptr<TrafficRouter>> HaproxyRouters::open(const TrafficTargetSpec& spec) {
  if (!spec.router.haproxy) {
    return error(StatusCode::kInvalidArgument,
                 "spec.router: write haproxy: {socket: ..., backend: ...}");
  }
  const HaproxyRouter& where = *spec.router.haproxy;
  if (!is_safe_name(where.backend)) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.router.haproxy.backend: '{}': a name has 1 to 128 of the "
                             "characters A-Z a-z 0-9 _ . : -",
                             where.backend),
                 "InvalidName");
  }
  if (!where.state_file.empty() && where.state_file.front() != '/') {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.router.haproxy.stateFile: '{}': write an absolute path",
                             where.state_file));
  }
  std::map<std::string, std::string> owners;
  for (const Environment& environment : spec.environments) {
    for (const std::string& address : environment.addresses) {
      const auto [at, added] = owners.emplace(canonical_address(address), environment.name);
      if (!added) {
        return error(StatusCode::kInvalidArgument,
                     fmt::format("spec.environments: address {} is named by {} and by {}; a server "
                                 "belongs to one environment",
                                 address, at->second, environment.name));
      }
    }
  }
  return std::make_unique<HaproxyBackend>(where, spec.environments, options_);
}

}  // namespace ripcord::haproxy
