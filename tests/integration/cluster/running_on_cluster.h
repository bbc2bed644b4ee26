// SPDX-License-Identifier: Apache-2.0
#pragma once
// `ripcord run --kubeconfig` against the shared control plane, in a namespace of its own: a
// replica, and the test's view of the API server. Throws std::runtime_error with a log when
// something does not come about.

#include "controller/ports/http_client.h"
#include "tests/support/control_plane.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/process.h"

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ripcord {

HttpClient& plain_client();  // without TLS, for loopback

// One replica on free loopback ports. It looks after the namespace and keeps its Lease there.
class RunningOnCluster {
 public:
  // Without `more` options: a Lease of 3 s, renewed every 0.5 s.
  RunningOnCluster(std::string kubeconfig, std::string ns, std::vector<std::string> more = {});
  ~RunningOnCluster();

  void start();  // again, after it ended; returns when it is ready
  void start_without_waiting();
  void kill9();
  void pause() { process_->signal(SIGSTOP); }
  void resume() { process_->signal(SIGCONT); }
  std::optional<int> terminate();  // SIGTERM; the exit code
  bool running() { return process_->running(); }
  pid_t pid() const { return process_->pid(); }

  // What OFREP answers for a flag, as text: "true", "false"; "status 404" and the like.
  std::string flag(const std::string& key) const;
  HttpResponse health(const std::string& path) const;
  std::string metrics() const;
  // "name{label=\"x\"}"; not a number, so equal to nothing, when it is not there.
  double metric(const std::string& series) const;
  bool leads() const;
  std::uint16_t metrics_port() const { return metrics_port_; }
  std::uint16_t ofrep_port() const { return ofrep_port_; }
  std::string log() { return process_->err(); }

 private:
  HttpResponse get(std::uint16_t port, const std::string& path) const;

  const std::string kubeconfig_;
  const std::string ns_;
  const std::vector<std::string> more_;
  const std::uint16_t metrics_port_ = free_port();
  const std::uint16_t health_port_ = free_port();
  const std::uint16_t ofrep_port_ = free_port();
  std::unique_ptr<ChildProcess> process_;
};

// A namespace of the shared control plane with our CRDs, and what a person does there.
class ClusterNamespace {
 public:
  ClusterNamespace();
  explicit ClusterNamespace(std::string name);  // one that is there

  static ControlPlane& plane();
  static void apply_crds();
  const std::string& name() const { return name_; }

  std::string kubectl(std::vector<std::string> args, const std::string& input = {}) const;
  void apply(const std::string& yaml) const { kubectl({"apply", "-f", "-"}, yaml); }
  void apply_flag(const std::string& name, bool enabled = true) const;
  void patch(const std::string& object, const std::string& json) const;
  // By `kubectl wait`, so the newest generation.
  void await_ready(const std::string& object) const;
  nlohmann::json get(const std::string& object) const;
  // The server's memory of how flags changed begins anew, as after a restart: watches end, and what
  // they saw before is Expired (410).
  void forget_versions_of_flags() const;
  // Names, specs, statuses without times and versions: what two runs can be compared by.
  std::string state_of(const std::string& kind) const;
  // Straight to the API server, for many requests. The path is below the namespace:
  // "featureflags/a/status".
  HttpResponse request(const std::string& method, const std::string& path,
                       const std::string& body = {},
                       const std::string& type = "application/merge-patch+json") const;

 private:
  std::string name_;
  std::unique_ptr<HttpClient> client_;
};

// A manifest of a MigrationVersion over `database`, whose versions 1 and 2 leave a row a run.
std::string migration_manifest(const std::string& name, const std::string& database, int version);
std::string sqlite(const std::string& database, const std::string& sql);

}  // namespace ripcord
