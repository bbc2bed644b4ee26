// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one HTTP/1.1 server of the process, for metrics, health, the resource API and flags.
// Keep-alive, pipelining, HEAD (served as GET, without the body), chunked streams. Hostile peers
// cost a bounded amount: sizes, times, connections and streams are limited, and what is over a
// limit is refused (431 head, 413 body, 503 connection or stream) or closed (time).
// Services run on the I/O threads: one that may take more than a few milliseconds gets a server of
// its own, so that nothing fast waits behind it. An exception of a service is logged with method
// and path (neither query, headers nor body, which may hold secrets) and answered with 500 and a
// Status; one of a stream is logged and breaks it off.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/status.h"
#include "controller/ports/http_service.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ripcord::http {

class ServerTls;  // server_tls.h

struct ServerLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  std::size_t connections = 2048;  // over all listeners
  std::size_t streams = 512;       // a thread each
  Duration header_timeout =
      std::chrono::seconds(10);  // a TLS handshake; first byte of a request to the end of its head
  Duration body_timeout = std::chrono::seconds(30);   // from there to the end of its body
  Duration idle_timeout = std::chrono::seconds(60);   // between requests
  Duration write_timeout = std::chrono::seconds(10);  // in which a client takes not one byte
  int io_threads = 2;
};

// All calls are safe from any thread but the server's own.
class HttpServer {
 public:
  explicit HttpServer(ServerLimits limits = {}, Logger log = {});
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Serves `service`, which must outlive the server, at "host:port" (see address.h), with `tls` as
  // https alone, and returns the bound port. FailedPrecondition (AddressInUse) or InvalidArgument
  // name the address and the way out.
  Result<std::uint16_t> listen(const std::string& address, HttpService& service,
                               std::shared_ptr<ServerTls> tls = nullptr);

  // Closes the listeners, lets answers in hand go out (up to 5 s), ends streams, joins all threads.
  // Idempotent.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ripcord::http
