// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps the files that flags are written to as they should be, on a thread of its own: whoever
// wants something never waits for it. Level-based: a place is written from all entries that are
// wanted there, many changes at once, again with back-off while it fails, and looked at every
// `check_every` to repair what others did to it. Holds what the flags want and nothing else: it is
// built again from the objects after a restart, before start().
// Thread-safe; everything passed in outlives it.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/model/cluster_refs.h"
#include "controller/model/kind.h"
#include "controller/ports/flag_files.h"
#include "controller/ports/metrics.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ripcord {

// What one flag wants.
struct FlagSinkWant {
  std::vector<FlagSink> sinks;   // where the entry has to be; empty: nowhere
  std::vector<FlagSink> former;  // where one may be still
  std::string key;
  FlagFileEntry entry;
  std::optional<MonoTime> written;  // when somebody wrote that; unset: an earlier process knew it
};

// How far it is.
struct FlagSinkState {
  enum class Phase { kUnchecked, kWriting, kWritten, kFailed };
  Phase phase = Phase::kWritten;
  Status problem;  // of kFailed
  bool operator==(const FlagSinkState&) const = default;
};

struct FlagSinkTools {
  FlagFileStore& files;
  MetricSink& metrics;
  Clock& clock;
  Logger log;
  // Called by its thread for each flag whose state has become another.
  std::function<void(const ObjectKey&)> look_again;
  Duration check_every = std::chrono::seconds(30);
};

class FlagSinkWriter {
 public:
  explicit FlagSinkWriter(FlagSinkTools tools);
  ~FlagSinkWriter();

  void start();
  // False when a write did not end within `bound`.
  bool stop(Duration bound);
  void want(const ObjectKey& owner, FlagSinkWant want);
  // The object is gone: so is its entry, soon.
  void forget(const ObjectKey& owner);
  // Looks at every place soon, as after becoming the leader.
  void check_all();
  FlagSinkState state(const ObjectKey& owner) const;

 private:
  struct Entry {
    std::string key;
    FlagFileEntry entry;
    std::optional<MonoTime> written;
  };
  struct Change {
    std::uint64_t revision = 0;
    bool known = false;  // an earlier process knew it: it may well be there
  };
  struct Place {
    std::map<std::string, std::map<ObjectKey, Entry>> files;  // by key of its data
    std::map<ObjectKey, Change> changes;  // the last of each flag that it matters to
    std::uint64_t revision = 0;
    std::uint64_t done = 0;  // revision that was written and read back
    std::optional<Status> result;
    MonoTime due{};
    int failures = 0;
  };

  using Files = std::map<std::string, Entry>;  // of one flag in one place

  void run();
  std::optional<FlagFilesPlace> next_due() REQUIRES(mutex_);
  void write(const FlagFilesPlace& name);
  void settle(const FlagFilesPlace& name, std::uint64_t revision, const Result<bool>& written);
  void stand_by(const FlagFilesPlace& name) REQUIRES(mutex_);
  void tell(const FlagFilesPlace& name, const Place& place, const Result<bool>& written)
      REQUIRES(mutex_);
  void succeeded(Place& place, std::uint64_t revision, bool changed) REQUIRES(mutex_);
  void put(const ObjectKey& owner, const FlagFilesPlace& name, Files files, bool known)
      REQUIRES(mutex_);
  void leave(const ObjectKey& owner, const FlagFilesPlace& name) REQUIRES(mutex_);
  static bool take_out(Place& place, const ObjectKey& owner);
  static FlagSinkState state_of(const Place& place, const ObjectKey& owner);

  const FlagSinkTools tools_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::map<FlagFilesPlace, Place> places_ GUARDED_BY(mutex_);
  std::unordered_map<ObjectKey, std::set<FlagFilesPlace>> named_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = true;
  std::jthread thread_;
};

}  // namespace ripcord
