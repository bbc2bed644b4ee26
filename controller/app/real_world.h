// SPDX-License-Identifier: Apache-2.0
#pragma once
// The drivers of real systems, chosen by what a manifest names: HAProxy, PostgreSQL, SQLite, OFREP,
// HTTP; and, where there is a cluster, what is in it.

#include "adapters/kubernetes/api_objects.h"
#include "controller/app/controller.h"

#include <memory>
#include <optional>
#include <string>

namespace ripcord::http {
class HttpServer;
}

namespace ripcord::app {

using kubernetes::ClusterReach;

struct RealWorldOptions {
  // Where flags are verified. Empty: the table of this process at the address given to
  // serve_flags().
  std::string ofrep_server;
  MetricSink& metrics;
  Clock& clock;
  Logger log = {};
  // None: what manifests name in a cluster is refused (OnlyOnKubernetes).
  std::optional<ClusterReach> cluster = {};
};

// Thread-safe where the ports are. What is passed in must outlive it.
class RealWorld {
 public:
  explicit RealWorld(RealWorldOptions options);
  ~RealWorld();

  World world();
  // Serves the flags of this process on `server` at `address`; the bound port.
  Result<std::uint16_t> serve_flags(http::HttpServer& server, const std::string& address);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ripcord::app
