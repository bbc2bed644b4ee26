// SPDX-License-Identifier: Apache-2.0
#pragma once
// How an HTTP client proves who the server is, and itself; and what makes clients for that. Clients
// do not change: whoever rotates certificates makes new ones and lets the old ones finish. Values.

#include "controller/ports/http_client.h"

#include <functional>
#include <memory>
#include <string>

namespace ripcord {

// Always TLS 1.2 or newer. Texts are PEM; private_key_pem is not encrypted and never shown.
struct TlsOptions {
  std::string ca_pem;           // trusted instead of the system's; empty: the system's
  std::string certificate_pem;  // our own with its chain; empty: none
  std::string private_key_pem;
  std::string server_name;            // what the certificate must name; empty: the URL's host
  bool insecure_skip_verify = false;  // takes any certificate

  bool operator==(const TlsOptions&) const = default;
};

struct HttpClients {
  std::unique_ptr<HttpClient> requests;
  std::unique_ptr<HttpStreamClient> streams;
};

// InvalidArgument names what is wrong with the options (no PEM, a key of another certificate).
using HttpClientFactory = std::function<Result<HttpClients>(const TlsOptions&)>;

}  // namespace ripcord
