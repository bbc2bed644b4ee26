// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes the status of one object during one reconcile: under the version that was read, with the
// observed generation, and with an Event when Ready or Stalled took another reason. For one thread;
// what is passed in must outlive it.

#include "controller/model/resource.h"
#include "controller/ports/events.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"

namespace ripcord {

class StatusWriter {
 public:
  // `read` is the object as the reconcile found it.
  StatusWriter(ObjectStore& store, EventSink& events, MetricSink& metrics, ResourcePtr read)
      : store_(store), events_(events), metrics_(metrics), stored_(std::move(read)) {}

  // In mid-work. Conflict when the object was changed since it was read: nothing may follow that
  // relies on it. Asked of the store also when there is nothing to change, since the copy that was
  // read may be an old one, in which the intent is on record for work that was done long ago.
  Status publish(Resource& object);
  // At the end, only when it differs from what is stored. When somebody changed the rest of the
  // object meanwhile, what was done is still written, with the generation that it was done for, and
  // Conflict says to look again.
  Status finish(Resource& object);

 private:
  Status write_difference(Resource& object);
  Status write(Resource& object);
  void tell(const Resource& before, const Resource& after);

  ObjectStore& store_;
  EventSink& events_;
  MetricSink& metrics_;
  ResourcePtr stored_;  // as last read or written
};

}  // namespace ripcord
