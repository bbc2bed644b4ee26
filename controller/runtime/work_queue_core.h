// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules of the work queue, without threads or a clock: every call is told the time, so that a
// seeded test can drive it through any history. Times must not go back from call to call.
//
//   add ----> ready --get--> processing --succeeded--> gone (or ready again, if added meanwhile)
//   add_after -> delayed ->/      \------failed------> backing off -> ready
//
// What holds:
// - a key is with at most one worker; adds before a get merge into one; an add while a worker has
//   the key brings it back afterwards;
// - add_after never fires early; the earliest deadline of a key wins, and it takes the higher
//   priority;
// - only a failure after the full back-off lengthens the next one: an event meanwhile runs the key
//   once before its time, further ones wait for the end of the back-off, and none makes it longer;
//   a new generation ends the back-off and starts from the base;
// - a low key is served before every high key that became ready `ageing` or more after it.
// Not thread-safe; WorkQueue is. Owns copies of the keys.

#include "controller/base/clock.h"
#include "controller/model/kind.h"

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ripcord {

// controller-runtime's numbers: a change seen live, and what an initial list or a resync brings.
enum class Priority : std::int8_t { kHigh = 0, kLow = -100 };
inline constexpr std::array kAllPriorities = {Priority::kHigh, Priority::kLow};

struct QueuePolicy {
  Duration backoff_base = std::chrono::milliseconds(10);
  Duration backoff_max = std::chrono::minutes(5);
  double backoff_jitter = 0.1;  // a delay is between 1 and 1 + jitter times its nominal length
  Duration ageing = std::chrono::seconds(1);
  std::uint64_t seed = 1;
};

struct QueueItem {
  ObjectKey key;
  Priority priority = Priority::kHigh;
  std::int64_t generation = 0;  // newest that an add named; 0 = none did
  Duration waited{};            // since it became ready
};

class WorkQueueCore {
 public:
  enum class Shutdown { kDrain, kDrop };

  explicit WorkQueueCore(const QueuePolicy& policy) : policy_(policy), random_(policy.seed) {}

  // `generation` of the object when known, else 0. False after shut_down.
  bool add(const ObjectKey& key, Priority priority, std::int64_t generation, MonoTime now);
  bool add_after(const ObjectKey& key, Duration delay, Priority priority, MonoTime now);
  // The next key, now being processed; nothing when none is ready.
  std::optional<QueueItem> get(MonoTime now);
  // Each get is answered by exactly one of these. A success forgets the failures of the key.
  void succeeded(const ObjectKey& key, MonoTime now);
  // Returns the time until the next try; zero when a new generation came meanwhile.
  Duration failed(const ObjectKey& key, MonoTime now);

  // Refuses adds from now on and drops deadlines. kDrain still hands out what is ready, and what
  // was added while processing; kDrop hands out nothing more.
  void shut_down(Shutdown how, MonoTime now);
  bool shutting_down() const { return shutdown_.has_value(); }

  // The earliest time at which get() may have more than now.
  std::optional<MonoTime> next_deadline() const;
  std::size_t depth(Priority priority) const { return ready(priority).size(); }
  std::size_t delayed() const { return deadlines_.size(); }
  std::size_t processing() const { return running_.size(); }
  // Sum and maximum of the time that the keys in processing have taken so far.
  std::pair<Duration, Duration> unfinished_work(MonoTime now) const;
  // Keys that the queue still knows something about.
  std::size_t known() const { return entries_.size(); }

 private:
  static constexpr MonoTime kNever = MonoTime::max();
  // In the order in which ready keys are served: when they became ready, then arrival.
  using Rank = std::pair<MonoTime, std::uint64_t>;
  static constexpr Rank kNowhere{kNever, 0};
  enum class Again : std::uint8_t {
    kNo,
    kEvent,
    kDeadline
  };  // added while processing, and by what
  // One for each object while it waits for its resync: small, in the order that leaves no gaps.
  struct Entry {
    Rank queued = kNowhere;    // its place in high_ or low_
    Rank deadline = kNowhere;  // its place in deadlines_: the earlier of the next two
    MonoTime after = kNever;
    MonoTime backoff = kNever;  // the end of the back-off, while it lasts
    std::int64_t generation = 0;
    int failures = 0;
    Priority priority = Priority::kLow;  // of the next run
    Priority after_priority = Priority::kLow;
    Again again = Again::kNo;
    bool processing = false;
    bool early_used = false;

    bool is_queued() const { return queued != kNowhere; }
    bool backs_off() const { return backoff != kNever; }
  };
  using Node = std::pair<const ObjectKey, Entry>;
  // Nodes in the order of their place, which does not change while they are in.
  template <Rank Entry::*place>
  struct By {
    bool operator()(const Node* a, const Node* b) const {
      return a->second.*place < b->second.*place;
    }
  };
  using Ready = std::set<Node*, By<&Entry::queued>>;
  // What is known of a key while a worker has it.
  struct Run {
    Node* node;
    MonoTime started;
    std::int64_t generation;
    Priority priority;
    bool early;  // before the end of its back-off
  };

  Ready& ready(Priority p) { return p == Priority::kHigh ? high_ : low_; }
  const Ready& ready(Priority p) const { return p == Priority::kHigh ? high_ : low_; }
  void release_due(MonoTime now);
  void fire(Node& node, MonoTime at);
  void make_ready(Node& node, Priority priority, MonoTime since);
  void place_deadline(Node& node);
  void adopt_generation(Node& node, std::int64_t generation);
  void finish(Node& node, MonoTime now);
  void drop_if_idle(Node& node);
  Duration backoff_delay(int failures);
  Run end_run(const ObjectKey& key);

  const QueuePolicy policy_;
  std::mt19937_64 random_;
  std::unordered_map<ObjectKey, Entry> entries_;  // nodes stay where they are
  Ready high_;
  Ready low_;
  std::set<Node*, By<&Entry::deadline>> deadlines_;
  std::vector<Run> running_;  // as many as there are workers, at most
  std::uint64_t arrivals_ = 0;
  std::optional<Shutdown> shutdown_;
};

}  // namespace ripcord
