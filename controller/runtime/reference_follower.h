// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which objects name which references, and that the former are looked at again when one of the
// latter changes. One thread for each reference that is named at all; past the limit of them no
// further is followed, and its objects see changes at their resync. One that changes all the time
// (a second controller that undoes what we do, endpoints during a rollout) is told of at a bounded
// pace, its last change always. Thread-safe; no call waits for a reference. Everything passed in
// outlives it; the destructor waits for its threads.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/model/kind.h"
#include "controller/ports/references.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ripcord {

struct ReferenceLimits {
  std::size_t followed = 256;
  int at_once = 8;                          // changes of one reference that are told at once,
  Duration pace = std::chrono::seconds(5);  // and what each further one takes
};

class ReferenceFollower {
 public:
  // Look at the first, which names the second, after this time; called by a thread of this.
  using LookAgain = std::function<void(const ObjectKey&, const Reference&, Duration)>;

  ReferenceFollower(ReferenceSource& source, LookAgain look_again, const Clock& clock, Logger log,
                    ReferenceLimits limits = {});
  ~ReferenceFollower();
  ReferenceFollower(const ReferenceFollower&) = delete;
  ReferenceFollower& operator=(const ReferenceFollower&) = delete;

  // What `owner` names from now on; an empty set lets go of it.
  void follow(const ObjectKey& owner, std::set<Reference> references);
  // Ends all threads; follow() does nothing any more.
  void stop();

 private:
  struct Followed;
  void changed(const Reference& reference);
  void add(const ObjectKey& owner, const Reference& reference) REQUIRES(mutex_);
  void drop(const ObjectKey& owner, const Reference& reference) REQUIRES(mutex_);

  ReferenceSource& source_;
  const LookAgain look_again_;
  const Clock& clock_;
  const Logger log_;
  const ReferenceLimits limits_;
  Mutex mutex_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::unordered_map<ObjectKey, std::set<Reference>> named_ GUARDED_BY(mutex_);
  std::map<Reference, std::unique_ptr<Followed>> followed_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Followed>> ending_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
