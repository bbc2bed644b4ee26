// SPDX-License-Identifier: Apache-2.0
#pragma once
// HttpClient over cpprestsdk: no redirects, the timeout bounds the whole exchange, a stop cancels
// it at once; after a timeout no kept connection to that server is used again. The calling thread
// waits; the library's own pool (2 threads, started with the first client of the process) never
// does.

#include "controller/ports/http_clients.h"

#include <cstddef>
#include <memory>

namespace ripcord::http {

struct ClientLimits {
  std::size_t response_bytes = 64 * 1024 * 1024;  // ResourceExhausted above
  std::size_t origins = 256;                      // scheme://host:port with kept connections
};

// Refuses (InvalidArgument) URLs that are not http or https, and header names or values that would
// start a header of their own. https: with the system's CAs, unless `tls` says otherwise; options
// that cannot be used fail every request (see make_http_clients). Safe for concurrent use.
std::unique_ptr<HttpClient> make_http_client(ClientLimits limits = {}, const TlsOptions& tls = {});

// For watches: a connection of its own for each stream. Safe for concurrent use.
std::unique_ptr<HttpStreamClient> make_http_stream_client(const TlsOptions& tls = {});

// Both; an HttpClientFactory.
Result<HttpClients> make_http_clients(const TlsOptions& tls);

}  // namespace ripcord::http
