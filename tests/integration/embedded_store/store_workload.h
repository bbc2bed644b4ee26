// SPDX-License-Identifier: Apache-2.0
#pragma once
// A repeatable sequence of writes by several writers, each on objects of its own, for comparing a
// store that was killed with one that was not.

#include "controller/ports/object_store.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

// Does write number `number` of `writer`: create, change, report on and remove a few objects in
// turn. Depends on nothing but the store's content.
Status workload_write(ObjectStore& store, int writer, int number);

// What the objects of `writer` look like, without what differs from run to run (uid, versions,
// times).
std::vector<Resource> workload_state(const ObjectStore& store, int writer);
// The state after the first `count` writes, undisturbed.
std::vector<Resource> expected_state(int writer, int count);

// Counters that a killed child leaves to its parent.
class Acknowledged {
 public:
  static constexpr int kMaxWriters = 8;
  Acknowledged();
  ~Acknowledged();
  Acknowledged(const Acknowledged&) = delete;
  Acknowledged& operator=(const Acknowledged&) = delete;
  // Writes of `writer` that the store acknowledged, from the first on.
  std::atomic<int>& count(int writer) { return counters_->counts[writer]; }
  std::atomic<std::int64_t>& version() { return counters_->version; }
  // Raises version() to at least `version`.
  void saw(std::int64_t version);

 private:
  struct Counters {
    std::atomic<int> counts[kMaxWriters];
    std::atomic<std::int64_t> version;
  };
  Counters* counters_;  // shared memory
};

}  // namespace ripcord
