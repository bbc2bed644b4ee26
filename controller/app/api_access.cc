// SPDX-License-Identifier: Apache-2.0
#include "controller/app/api_access.h"

#include "adapters/http/address.h"
#include "adapters/http/server_tls.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

bool is_loopback(const std::string& host) {
  // "127.evil.example" is a name that may lead anywhere.
  const bool numbers =
      std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && numbers);
}

Status check(const RunOptions& options) {
  if (options.api_tls_certificate.empty() != options.api_tls_key.empty()) {
    return {StatusCode::kInvalidArgument,
            "--api-tls-cert-file and --api-tls-private-key-file go together: give both"};
  }
  ASSIGN_OR_RETURN(const http::BindAddress bind, http::parse_bind_address(options.api_address));
  if (is_loopback(bind.host) ||
      (!options.api_token_file.empty() && !options.api_tls_certificate.empty())) {
    return ok_status();
  }
  return {StatusCode::kInvalidArgument,
          fmt::format("--api-bind-address {}: beyond loopback the resource API needs "
                      "--api-token-file, --api-tls-cert-file and --api-tls-private-key-file; give "
                      "all three, or use 127.0.0.1:{}",
                      options.api_address, bind.port)};
}

}  // namespace

Result<std::uint16_t> ApiAccess::serve(const RunOptions& options, HttpService& service,
                                       const Clock& clock, const Logger& log,
                                       http::HttpServer& server) {
  RETURN_IF_ERROR(check(options));
  HttpService* front = &service;
  if (!options.api_token_file.empty()) {
    auto gate = apiserver::TokenGate::open(options.api_token_file, service, clock, log);
    if (!gate) {
      return as_return(gate.error().annotated("--api-token-file"));
    }
    gate_ = *std::move(gate);
    front = gate_.get();
  }
  std::shared_ptr<http::ServerTls> tls;
  if (!options.api_tls_certificate.empty()) {
    auto loaded =
        http::ServerTls::load(options.api_tls_certificate, options.api_tls_key, clock, log);
    if (!loaded) {
      return as_return(loaded.error().annotated("--api-tls-cert-file"));
    }
    tls = *std::move(loaded);
  }
  Result<std::uint16_t> port = server.listen(options.api_address, *front, std::move(tls));
  return port ? port : as_return(port.error().annotated("--api-bind-address"));
}

}  // namespace ripcord::app
