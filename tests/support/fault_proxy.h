// SPDX-License-Identifier: Apache-2.0
#pragma once
// A proxy between the program under test and a real API server that delays, refuses, breaks and
// counts what passes. What rules can say is described in fault_proxy.py. Throws std::runtime_error
// when it does not start or understand. One thread at a time; ended with the object.

#include "controller/ports/http_client.h"
#include "tests/support/control_plane.h"
#include "tests/support/process.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

// A request as the proxy saw it. Times are seconds of CLOCK_MONOTONIC.
struct SeenRequest {
  double start = 0;
  double end = 0;  // 0: under way
  int rule = 0;    // that was applied; 0: none
  int status = 0;  // 0: no answer
  std::string method;
  std::string path;  // with its query
  std::string agent;

  bool writes() const { return method != "GET"; }
  bool is_of_lease() const { return path.find("/leases") != std::string::npos; }
  bool is_event() const { return path.find("events.k8s.io") != std::string::npos; }
  bool lists() const;    // a kind of ours, whole: in pages or as a streaming list
  bool watches() const;  // takes a watch up
};

double monotonic_seconds();

class FaultProxy {
 public:
  // `client` asks the proxy itself.
  FaultProxy(const ControlPlane& plane, HttpClient& client);

  std::string url() const;
  // A kubeconfig that leads through the proxy with this token.
  std::string kubeconfig(const std::string& token) const;
  std::string kubeconfig_with_token_file(const std::string& file) const;

  int add_rule(const std::string& json);  // its number
  void remove_rule(int number);
  void remove_rules();
  void cut_streams();
  void freeze_connections();
  // Keeps what the server lists at `path` now, for rules with "replay"; its number.
  int record(const std::string& path, const std::string& token);
  // Waits until a rule was applied to so many requests.
  bool applied(int rule, std::size_t times = 1) const;
  // The first request that a rule was applied to, once it has ended.
  SeenRequest ended(int rule) const;

  std::vector<SeenRequest> requests() const;
  // Those of now on that fit, e.g. `count(since, [](auto& r) { return r.writes(); })`.
  std::size_t count(double since, const std::function<bool(const SeenRequest&)>& fits) const;

 private:
  HttpResponse control(const std::string& method, const std::string& path,
                       const std::string& body = {}) const;
  std::string save_kubeconfig(const std::string& user) const;

  HttpClient& client_;
  TempDir directory_;
  ChildProcess process_;
  std::uint16_t port_ = 0;
};

}  // namespace ripcord
