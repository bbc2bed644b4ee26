// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/server_state.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace ripcord::haproxy {
namespace {

// Columns of format version 1 (HAProxy 1.8 to 3.x); 2.6 has 25, older ones fewer.
enum Column : std::size_t {
  kBackend = 1,
  kServer = 3,
  kAddress = 4,
  kOperState = 5,
  kAdminState = 6,
  kWeight = 7,
  kFqdn = 17,
  kPort = 18,
  kColumns = 19,
};

// srv_admin_state: forced, inherited, by configuration(0x04, no effect of its own), forced drain,
// inherited drain, for want of an address, by a host name given at run time (no effect).
constexpr unsigned kMaintenanceBits = 0x01 | 0x02 | 0x20;
constexpr unsigned kDrainBits = 0x08 | 0x10;

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(by, at), text.size());
    if (end > at) {
      parts.push_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return parts;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

Result<ServerLine> parse_line(std::string_view line) {
  const auto fields = split(line, ' ');
  const auto malformed = [&] {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("not a line of HAProxy's server state: '{}'", line.substr(0, 200)));
  };
  if (fields.size() < kColumns) {
    return malformed();
  }
  const auto oper = number(fields[kOperState]);
  const auto admin = number(fields[kAdminState]);
  const auto weight = number(fields[kWeight]);
  const auto port = number(fields[kPort]);
  if (!oper || !admin || !weight || *weight > 256 || !port || !is_safe_name(fields[kBackend]) ||
      !is_safe_name(fields[kServer])) {
    return malformed();
  }
  ServerLine server;
  server.backend = fields[kBackend];
  server.name = fields[kServer];
  const std::string_view host = fields[kAddress];
  if (host != "-") {
    server.address = canonical_address(host.find(':') == std::string_view::npos
                                           ? fmt::format("{}:{}", host, *port)
                                           : fmt::format("[{}]:{}", host, *port));
  }
  if (fields[kFqdn] != "-") {
    server.fqdn = canonical_address(fmt::format("{}:{}", fields[kFqdn], *port));
  }
  server.running = *oper == 1 || *oper == 2;  // starting (slowstart), running
  server.maintenance = (*admin & kMaintenanceBits) != 0;
  server.draining = (*admin & kDrainBits) != 0;
  server.weight = static_cast<std::int32_t>(*weight);
  return server;
}

}  // namespace

bool is_servers_state(std::string_view text) {
  return text.starts_with("1\n# be_id be_name ");
}

Result<std::vector<ServerLine>> parse_servers_state(std::string_view text) {
  if (!is_servers_state(text)) {
    return error(
        StatusCode::kInvalidArgument,
        fmt::format("not HAProxy's server state, format version 1: '{}'", text.substr(0, 200)));
  }
  std::vector<ServerLine> servers;
  for (const std::string_view line : split(text, '\n')) {
    if (line == "1" || line.starts_with('#')) {
      continue;
    }
    ASSIGN_OR_RETURN(ServerLine server, parse_line(line));
    servers.push_back(std::move(server));
  }
  return servers;
}

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
  });
}

std::string canonical_address(std::string_view address) {
  std::string host;
  const std::size_t colon = address.rfind(':');
  std::string port(colon == std::string_view::npos ? "" : address.substr(colon));
  host = address.substr(0, colon);
  std::ranges::transform(host, host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    in6_addr binary{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::string inner = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, inner.c_str(), &binary) == 1 &&
        ::inet_ntop(AF_INET6, &binary, text.data(), text.size()) != nullptr) {
      host = fmt::format("[{}]", text.data());
    }
  }
  while (port.size() > 2 && port[1] == '0') {
    port.erase(1, 1);
  }
  return host + port;
}

}  // namespace ripcord::haproxy
