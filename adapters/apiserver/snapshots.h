// SPDX-License-Identifier: Apache-2.0
#pragma once
// The snapshots that lists were paged from, so that a continue token goes on in the same state. A
// few are kept, for a few minutes; what is gone is Expired. Thread-safe.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/ports/object_store.h"

#include <deque>
#include <optional>
#include <string>

namespace ripcord::apiserver {

class Snapshots {
 public:
  // The store and the clock must outlive it.
  Snapshots(const ObjectReader& store, const Clock& clock) : store_(store), clock_(clock) {}

  // The state of a kind at a version: one that is kept, or the present one when nothing of the kind
  // was changed since. Expired.
  Result<ObjectList> at(Kind kind, const std::optional<std::string>& ns, std::int64_t version);
  void keep(Kind kind, const std::optional<std::string>& ns, const ObjectList& list);

 private:
  struct Kept {
    Kind kind;
    std::optional<std::string> ns;
    ObjectList list;
    MonoTime since;
  };

  const ObjectReader& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::deque<Kept> kept_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::apiserver
