// SPDX-License-Identifier: Apache-2.0
#pragma once
// `ripcord run` on free loopback ports, with a directory of manifests and a data directory of its
// own. Throws std::runtime_error with its log when it does not become ready.

#include "controller/ports/http_client.h"
#include "tests/support/process.h"

#include <memory>
#include <string>
#include <vector>

namespace ripcord {

class RunningRipcord {
 public:
  explicit RunningRipcord(std::vector<std::string> more_options = {});

  void start();  // again after kill9() or terminate()
  void kill9();
  std::optional<int> terminate();  // SIGTERM; the exit code

  // Saves a manifest as an editor does: a new file, renamed over the old one.
  void save(const std::string& file, const std::string& yaml) const;
  void remove(const std::string& file) const;
  // Path and body of the resource API below /apis/ripcord.dev/v1alpha1/namespaces/default/.
  HttpResponse api(const std::string& method, const std::string& path, const std::string& body = {},
                   const std::string& type = "application/json") const;
  // Asks until the object's Ready condition is `state` for its newest generation; its JSON, or
  // fails after 30 s.
  std::string await_ready(const std::string& path, const std::string& state = "True") const;
  // The OFREP answer of a flag.
  HttpResponse flag(const std::string& key) const;
  std::string metrics() const;
  HttpResponse health(const std::string& path) const;

  const TempDir& directory() const { return directory_; }
  std::string manifests() const { return directory_ / "manifests"; }
  std::uint16_t metrics_port() const { return metrics_port_; }
  std::uint16_t ofrep_port() const { return ofrep_port_; }
  std::string log() { return process_->err(); }

 private:
  HttpResponse get(std::uint16_t port, const std::string& path) const;

  TempDir directory_;
  std::vector<std::string> more_options_;
  std::uint16_t metrics_port_ = free_port();
  std::uint16_t health_port_ = free_port();
  std::uint16_t api_port_ = free_port();
  std::uint16_t ofrep_port_ = free_port();
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<ChildProcess> process_;
};

// Runs `ripcord` with these arguments to its end.
RunResult ripcord_command(std::vector<std::string> arguments);

}  // namespace ripcord
