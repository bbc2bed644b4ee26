// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who may reach the resource API of a standalone Ripcord: programs of this machine, or whoever has
// a token and comes over TLS.

#include "adapters/apiserver/token_gate.h"
#include "adapters/http/server.h"
#include "controller/app/options.h"

#include <cstdint>
#include <memory>

namespace ripcord::app {

class ApiAccess {
 public:
  // Serves `service` at options.api_address on `server`; gives the port. Refuses an address beyond
  // loopback without a token file and a certificate, naming the options. All but `options` must
  // outlive the server.
  Result<std::uint16_t> serve(const RunOptions& options, HttpService& service, const Clock& clock,
                              const Logger& log, http::HttpServer& server);

 private:
  std::unique_ptr<apiserver::TokenGate> gate_;
};

}  // namespace ripcord::app
