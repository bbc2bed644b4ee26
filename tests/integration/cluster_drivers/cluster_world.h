// SPDX-License-Identifier: Apache-2.0
#pragma once
// A namespace on the shared control plane, with what the drivers work on, and the parts
// that nothing plays there: the kubelet (pods that are ready) and a Gateway's controller (the
// status of HTTPRoutes). Throws when the cluster does not do what it is told. One thread at a time.

#include "adapters/kubernetes/api_objects.h"
#include "adapters/kubernetes/cluster_client.h"
#include "controller/ports/traffic_router.h"
#include "tests/support/control_plane.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ripcord {

// Talks to the shared control plane with one bearer token.
std::unique_ptr<kubernetes::ClusterClient> client_of(const ControlPlane& plane, Clock& clock,
                                                     const std::string& token);

class ClusterWorld {
 public:
  ClusterWorld();                         // in a namespace of its own
  explicit ClusterWorld(std::string ns);  // in one that is there

  const std::string& ns() const { return ns_; }
  Clock& clock() { return clock_; }
  ControlPlane& plane() { return plane_; }
  kubernetes::ClusterReach reach() { return {*client_, client_->server()}; }
  // The same as somebody without any right.
  kubernetes::ClusterReach visitor() { return {*visitor_, visitor_->server()}; }

  void apply(const std::string& yaml);
  // kubectl in the namespace; standard output.
  std::string kubectl(std::vector<std::string> args, const std::string& stdin_text = {});
  // Gives the visitor a right in the namespace.
  void grant(const std::string& verb, const std::string& resource);
  // A pod with these labels and an address; ready or not.
  void pod(const std::string& name, const std::map<std::string, std::string>& labels,
           bool ready = true);
  void set_ready(const std::string& pod, bool ready);
  // Waits until the EndpointSlices of the Service list so many ready endpoints.
  void await_ready(const std::string& service, std::size_t count);
  // `-o jsonpath` of one object.
  std::string look(const std::string& object, const std::string& path);

 private:
  ControlPlane& plane_;
  SystemClock clock_;
  std::string ns_;
  std::unique_ptr<kubernetes::ClusterClient> client_;
  std::unique_ptr<kubernetes::ClusterClient> visitor_;
};

// Environments blue (one pod), green (two), canary (three), each with its Service; Service "shop"
// selects blue; all pods are ready. `router` is still to be filled in.
TrafficTargetSpec three_environments(ClusterWorld& world);
// The manifest of a TrafficTarget "shop" that switches that Service between blue and green.
std::string target_manifest(const std::string& active);

// Plays the controller of Gateway "web" for the HTTPRoute "shop" until it ends.
class SimulatedGateway {
 public:
  enum class Mood { kAccepts, kMute, kRefuses };

  explicit SimulatedGateway(ClusterWorld& world, Mood mood = Mood::kAccepts);
  ~SimulatedGateway();
  void feel(Mood mood) { mood_ = mood; }
  // What it says of the references, from the next generation on.
  void break_references() { references_ = false; }

 private:
  void run(const std::stop_token& stop);

  kubernetes::ClusterReach reach_;
  std::string ns_;
  std::atomic<Mood> mood_;
  std::atomic<bool> references_ = true;
  std::jthread thread_;
};

// The CustomResourceDefinition, once a process; and the HTTPRoute "shop": rule 1 shares among the
// three environments and an unknown backend, with filters; rule 2 is pinned to blue; rule 3 is
// somebody else's.
void install_gateway_api(ControlPlane& plane);
void make_route(ClusterWorld& world);

}  // namespace ripcord
