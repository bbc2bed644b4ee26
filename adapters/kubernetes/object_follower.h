// SPDX-License-Identifier: Apache-2.0
#pragma once
// ReferenceSource over the API server: one list and then one watch of a single name
// (fieldSelector metadata.name=NAME), which the verbs list and watch on that one name allow; for
// EndpointSlices of their Service's label. Only metadata is asked for, so that no value of a Secret
// travels or is kept. A watch that ends or is silent is taken up where it was; an expired one lists
// again. What is in the way is logged once, with what to grant. Thread-safe.

#include "adapters/kubernetes/api_objects.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/ports/references.h"

namespace ripcord::kubernetes {

struct FollowOptions {
  Duration silence = std::chrono::seconds(90);            // then the watch is taken up again
  Duration first_retry = std::chrono::milliseconds(500);  // doubles, with jitter
  Duration last_retry = std::chrono::seconds(30);
};

class ObjectFollower final : public ReferenceSource {
 public:
  // The reach has streams. Everything passed in outlives it.
  ObjectFollower(ClusterReach reach, Clock& clock, Logger log, FollowOptions options = {})
      : reach_(std::move(reach)), clock_(clock), log_(std::move(log)), options_(options) {}

  void follow(const Reference& reference, const std::function<void()>& changed,
              const std::stop_token& stop) override;

 private:
  ClusterReach reach_;
  Clock& clock_;
  const Logger log_;
  const FollowOptions options_;
};

}  // namespace ripcord::kubernetes
