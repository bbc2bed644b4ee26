// SPDX-License-Identifier: Apache-2.0
#pragma once
// Changes desired state in an ObjectStore and waits for what the controller makes of it. Knows no
// message. Thread-safe; store and clock must outlive it.

#include "controller/base/clock.h"
#include "controller/ports/object_store.h"

#include <functional>
#include <stop_token>

namespace ripcord::stdio {

// True when the controller has seen this generation and is done with it: ready, or waiting for
// somebody to change something.
bool is_settled(const Resource& object, std::int64_t generation);
// ok when ready; otherwise what its conditions say: NotFound when what it names does not exist,
// FailedPrecondition for everything else a person has to put right.
Status verdict(const Resource& object);

// FailedPrecondition when somebody suspended the object.
Status not_suspended(const Resource& object);

class DesiredState {
 public:
  DesiredState(ObjectStore& store, const Clock& clock, Duration patience)
      : store_(store), clock_(clock), patience_(patience) {}

  ObjectStore& store() const { return store_; }
  // Reads the object, lets `change` edit the copy and writes it, again when somebody wrote in
  // between. The error of `change` ends it, and nothing was written.
  Result<ResourcePtr> change(const ObjectKey& key, const std::function<Status(Resource&)>& change);
  // The object as soon as the change that gave it `generation`, or a later one, is settled.
  // DeadlineExceeded says how far it got; Cancelled that it was deleted, or that we are to stop.
  Result<ResourcePtr> settled(const ObjectKey& key, std::int64_t generation, std::stop_token stop);
  // The object as the controller last saw the real system, before anything is changed. Unavailable
  // when the controller does not get to see it.
  Result<ResourcePtr> observed(const ResourcePtr& object, std::stop_token stop);

 private:
  Result<ResourcePtr> wait(const ObjectKey& key, std::int64_t generation, Duration patience,
                           std::stop_token stop);

  ObjectStore& store_;
  const Clock& clock_;
  const Duration patience_;
};

}  // namespace ripcord::stdio
