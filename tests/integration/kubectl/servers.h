// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two servers that have to answer alike, and what asks them.

#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/event_ring.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/http/server.h"
#include "adapters/memory/object_store.h"
#include "tests/support/control_plane.h"

#include <string>

namespace ripcord {

// The resource API of standalone Ripcord, without its controller.
class Standalone {
 public:
  explicit Standalone(http::ServerLimits limits = {})
      : server_(limits), port_(server_.listen("127.0.0.1:0", service_).value()) {}
  std::string url() const;
  std::uint16_t port() const { return port_; }
  apiserver::EventRing& events() { return events_; }
  ObjectStore& store() { return store_; }

 private:
  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  apiserver::EventRing events_{clock_};
  apiserver::ResourceService service_{store_, clock_, apiserver::embedded_catalog().value(),
                                      "v1.36.0", &events_};
  http::HttpServer server_;
  const std::uint16_t port_;
};

// Gives the real server our kinds and the namespace of the scripts.
void prepare(const ControlPlane& plane);

// Runs commands with one kubectl, in a folder that holds the manifests beside this file.
class Shell {
 public:
  // `arguments` come before those of each call.
  Shell(const std::string& kubectl, const std::string& arguments);
  // Both outputs as one.
  RunResult operator()(const std::string& command) const;
  // The same without waiting for its end.
  std::unique_ptr<ChildProcess> start(const std::string& command) const;

 private:
  ProcessOptions options(const std::string& command) const;

  TempDir directory_;
};

}  // namespace ripcord
