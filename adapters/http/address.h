// SPDX-License-Identifier: Apache-2.0
#pragma once
// A bind address as the options take it: "host:port", ":port" (every interface), "[::1]:port".
// Pure functions.

#include "controller/base/status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace ripcord::http {

struct BindAddress {
  std::string host;        // without brackets; empty = every interface
  std::uint16_t port = 0;  // 0 = any free one

  bool operator==(const BindAddress&) const = default;
};

// InvalidArgument says what an address looks like.
Result<BindAddress> parse_bind_address(std::string_view text);

}  // namespace ripcord::http
