// SPDX-License-Identifier: Apache-2.0
#pragma once
// A load balancer that shares traffic among environments. Every call asks or tells the real thing.

#include "controller/base/status.h"
#include "controller/model/traffic_target.h"

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

struct RouterServer {
  std::string name;         // as the router calls it
  std::string address;      // host:port
  std::string environment;  // of the spec; empty when no environment names this address
  std::int32_t weight = 0;  // as the router uses it
  bool accepts_traffic = false;

  bool operator==(const RouterServer&) const = default;
};

// Read back from the router in one look.
struct RouterState {
  TrafficWeights weights;  // percent per environment, computed from what the servers really have
  std::vector<RouterServer> servers;
  std::string incarnation;  // changes when the router was restarted or reloaded
  // False when a server, or what the router keeps for its next start, is not as apply() leaves it
  // although the shares are: one server of several drained by hand, an odd weight. apply() repairs.
  bool settled = true;
  // environment -> its addresses that no server has. Asking for a share of one fails; the others
  // are not held up by it.
  std::map<std::string, std::string> missing;
  // environment -> why it cannot take traffic at this moment, as the router's own side says: for
  // routers that know their environments' health. It is asked of environments that gain traffic.
  std::map<std::string, std::string> not_ready{};

  bool operator==(const RouterState&) const = default;
};

class TrafficRouter {
 public:
  virtual ~TrafficRouter() = default;
  // Unavailable: the router does not answer; FailedPrecondition: it has no such backend.
  virtual Result<RouterState> read() = 0;
  // Gives each environment its share and the rest nothing; idempotent; destinations first, so that
  // there is never a moment without a server. On success the state was read back and is as asked.
  // FailedPrecondition (UnknownAddress): an environment that is to get a share has an address that
  // is not among the router's servers. Unavailable (DestinationDown): the router itself says that
  // none of its servers runs; the others keep the traffic.
  virtual Status apply(const TrafficWeights& weights) = 0;
};

class TrafficRouters {
 public:
  virtual ~TrafficRouters() = default;
  virtual Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) = 0;
};

// Sends requests through the router the way users do, from start() until stop().
class TrafficProber {
 public:
  virtual ~TrafficProber() = default;
  struct Report {
    std::int64_t probes = 0;
    std::int64_t failures = 0;
    Duration longest_gap{};  // between two successes, or a success and an end
    std::string last_error;
  };
  virtual Report report() const = 0;  // so far
};

class TrafficProbers {
 public:
  virtual ~TrafficProbers() = default;
  // Requests to an environment's own address, as many in a row as its threshold asks; ok when it is
  // healthy.
  virtual Status check(const std::string& address, const HealthCheck& check,
                       std::stop_token stop) = 0;
  // Probing runs until the returned object is destroyed.
  virtual std::unique_ptr<TrafficProber> start(const TrafficVerification& verification) = 0;
};

}  // namespace ripcord
