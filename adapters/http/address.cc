// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/address.h"

#include <charconv>

#include <fmt/format.h>

namespace ripcord::http {
namespace {

tl::unexpected<Status> malformed(std::string_view text) {
  return error(StatusCode::kInvalidArgument,
               fmt::format("'{}' is no address to listen on; write host:port, for example "
                           "127.0.0.1:8082, :8080 for every interface, or [::1]:8082",
                           text));
}

}  // namespace

Result<BindAddress> parse_bind_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return malformed(text);
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  BindAddress address;
  const char* end = port_text.data() + port_text.size();
  const auto [at, failed] = std::from_chars(port_text.data(), end, address.port);
  if (port_text.empty() || failed != std::errc{} || at != end) {
    return malformed(text);
  }
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[] ") != std::string_view::npos) {
    return malformed(text);
  }
  address.host = std::string(host);
  return address;
}

}  // namespace ripcord::http
