// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a write of an object means, with the semantics of the Kubernetes API: written once, used by
// every store of ours. Pure functions over values: the stored object, the wanted one and a stamp
// give the change or the refusal. No threads, no clock, no I/O.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/ports/object_store.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ripcord {

// One call of ObjectWriter as a value.
struct ObjectWrite {
  enum class Verb { kCreate, kUpdate, kUpdateStatus, kRemove };
  Verb verb = Verb::kCreate;
  ObjectKey key;
  const Resource* object = nullptr;  // not owned; null for kRemove
  Preconditions preconditions;       // kRemove only
};

ObjectWrite create_of(const Resource& object);
ObjectWrite update_of(const Resource& object);
ObjectWrite status_update_of(const Resource& object);
ObjectWrite removal_of(const ObjectKey& key, const Preconditions& preconditions);

// What the store puts on a change, should there be one.
struct WriteStamp {
  std::int64_t version = 0;                   // greater than every version given out before
  WallTime now{};                             // kept in whole seconds, as metav1.Time is
  std::string uid;                            // for a new object
  std::optional<MonoTime> at = std::nullopt;  // the same moment, for measuring
};

struct WriteDecision {
  // What the caller gets: the object as it is after the write, or its last state when it is gone.
  ResourcePtr result;
  // What to store and to tell watchers; absent when nothing changes. kDeleted removes the object.
  std::optional<WatchEvent> change;
};

// Decides `write` against `stored` (null: no such object). Fails as ObjectWriter documents, and
// with InvalidArgument for an object that breaks a rule of validation.h. A spec that is stored
// already is not checked again: rules that got stricter later never block the removal of a
// finalizer.
Result<WriteDecision> decide_write(const ObjectWrite& write, const ResourcePtr& stored,
                                   const WriteStamp& stamp);

// A random (version 4) UUID in its usual text form.
std::string new_uid();

}  // namespace ripcord
