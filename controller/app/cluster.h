// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Kubernetes side of `ripcord run`: credentials, the fenced client, leadership, the mirrored
// store and the Events, in the order in which they depend on each other. Thread-safe. What is
// passed in must outlive it.

#include "adapters/kubernetes/api_objects.h"
#include "adapters/kubernetes/cached_store.h"
#include "adapters/kubernetes/cluster_client.h"
#include "adapters/kubernetes/event_recorder.h"
#include "adapters/kubernetes/leader_elector.h"
#include "adapters/process/child_runner.h"
#include "controller/app/options.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/ports/metrics.h"

#include <memory>
#include <optional>
#include <string>

namespace ripcord::app {

class Cluster {
 public:
  // Reads the credentials; the server need not answer yet.
  static Result<std::unique_ptr<Cluster>> connect(const ClusterOptions& options, Clock& clock,
                                                  MetricSink& metrics, const Logger& log);

  ObjectStore& store() { return store_; }
  EventSink& events() { return events_; }
  // For drivers of what is in the cluster; writes only while this replica leads.
  kubernetes::ClusterReach reach() { return {client_, client_.server(), &client_, &fence_}; }
  std::vector<kubernetes::CachedStore::KindState> state() const { return store_.state(); }

  // Candidate from now on; without an election it leads from the start.
  void start();
  bool leading() const { return !elector_ || elector_->leading(); }
  bool await_leading(const std::stop_token& stop);
  void await_loss(const std::stop_token& stop);
  // When nothing writes any more.
  void release();
  // For people: who leads, as last seen.
  std::string leader() const;

 private:
  Cluster(kubernetes::ClusterAccess access, const ClusterOptions& options, Clock& clock,
          MetricSink& metrics, const Logger& log);

  // Asks the elector, which needs a client of its own first.
  class Fence final : public kubernetes::WriteFence {
   public:
    void use(const kubernetes::LeaderElector& elector) { elector_ = &elector; }
    Duration left() const override { return elector_ ? elector_->left() : Duration::max(); }
    std::string leadership() const override { return elector_ ? elector_->leadership() : ""; }

   private:
    const kubernetes::LeaderElector* elector_ = nullptr;
  };

  ChildRunner commands_;
  const std::string identity_;
  Fence fence_;
  kubernetes::ClusterClient client_;
  std::unique_ptr<kubernetes::ClusterClient> unfenced_;
  std::optional<kubernetes::LeaderElector> elector_;
  kubernetes::EventRecorder events_;
  kubernetes::CachedStore store_;
};

}  // namespace ripcord::app
