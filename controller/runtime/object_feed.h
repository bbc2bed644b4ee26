// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps a queue informed about the objects of one kind: lists, then watches, for as long as the
// thread that runs it is not stopped.
//
// - The first list comes in at low priority; what is seen live, or found changed, new or gone by a
//   later list, at high priority. Gone objects are queued too, so that they are forgotten.
// - A change of the status alone is not queued: it is ours, and drift is found by the resync.
// - It lists again only when the watch expired; other errors watch again from where it was, with
//   back-off. Meanwhile the queue goes on with the keys that are known.
// run() is for one thread; the rest is safe from any. Everything passed in must outlive it.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/object_store.h"
#include "controller/runtime/work_queue.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ripcord {

class ObjectFeed {
 public:
  ObjectFeed(Kind kind, const ObjectReader& store, WorkQueue& queue, Clock& clock, Logger log)
      : kind_(kind), store_(store), queue_(queue), clock_(clock), log_(std::move(log)) {}

  // Until `stop`; never throws.
  void run(std::stop_token stop);

  struct State {
    bool synced = false;
    std::size_t objects = 0;
    std::string error;
    MonoTime seen{};  // when the thread was last seen at work
  };
  State state() const;
  // Whether the object was there when last seen.
  bool knows(const ObjectKey& key) const;
  // Every known object's key and generation.
  std::vector<std::pair<ObjectKey, std::int64_t>> known() const;
  // When the store took the oldest change of the object that was queued since the last call; from
  // the event's arrival when the store does not say.
  std::optional<MonoTime> take_changed(const ObjectKey& key);

 private:
  // What is kept of an object: enough to tell whether a reconcile could act on a change.
  struct Seen {
    std::int64_t generation = 0;
    std::uint64_t intent = 0;
    bool operator==(const Seen&) const = default;
  };
  static Seen seen(const Resource& object);
  Status list_once();
  Status watch_once(std::stop_token stop);
  void take(const WatchEvent& event);
  void note(const Status& status);
  void alive();

  const Kind kind_;
  const ObjectReader& store_;
  WorkQueue& queue_;
  Clock& clock_;
  const Logger log_;
  std::int64_t version_ = 0;  // watched up to here; the thread's own
  bool listed_ = false;       // likewise
  int failures_ = 0;          // likewise
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
  std::unordered_map<ObjectKey, Seen> known_ GUARDED_BY(mutex_);
  std::unordered_map<ObjectKey, MonoTime> changed_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
