// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `show servers state` says about servers, as values, and the names that may stand in a
// command. The same text is what a server-state file holds. Pure functions; a line that is not in
// format version 1 is InvalidArgument.

#include "controller/base/status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::haproxy {

struct ServerLine {
  std::string backend;
  std::string name;
  std::string address;       // "127.0.0.1:9001", "[::1]:9001"; empty for a unix socket
  std::string fqdn;          // "shop.internal:9001", empty when configured by address
  bool running = false;      // as HAProxy's own checks see it; true without checks
  bool maintenance = false;  // forced, inherited or for want of an address
  bool draining = false;
  std::int32_t weight = 0;  // 0..256, as set; a draining server keeps it

  // In rotation as far as commands and configuration decide: ready, with a weight.
  bool in_rotation() const { return !maintenance && !draining && weight > 0; }

  bool operator==(const ServerLine&) const = default;
};

// Every server of the text, in its order.
Result<std::vector<ServerLine>> parse_servers_state(std::string_view text);

// True when the text starts as a server-state file of format version 1 does.
bool is_servers_state(std::string_view text);

// [A-Za-z0-9_.:-]{1,128}: all that HAProxy itself allows in a name.
bool is_safe_name(std::string_view name);

// The form in which addresses are compared: lower case, numeric addresses in their shortest form,
// IPv6 in brackets.
std::string canonical_address(std::string_view address);

}  // namespace ripcord::haproxy
