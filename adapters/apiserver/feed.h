// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small collection that can be listed and watched, with a bounded history of its changes. `T` has
// a `version`, which a change sets. Versions start at the time of birth, so that one from an
// earlier life of the process is older than the history. Thread-safe.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/ports/object_store.h"

#include <cstddef>
#include <deque>
#include <stop_token>
#include <utility>
#include <vector>

namespace ripcord::apiserver {

template <class T>
class Feed {
 public:
  using Type = WatchEvent::Type;
  struct Change {
    Type type = Type::kAdded;
    T item;
  };
  struct Snapshot {
    std::vector<T> items;
    std::int64_t version = 0;
  };

  Feed(const Clock& clock, std::size_t history)
      : history_(history),
        before_(clock.wall_now().time_since_epoch().count()),
        version_(before_) {}

  Snapshot snapshot() const {
    const MutexLock lock(mutex_);
    return {{items_.begin(), items_.end()}, version_};
  }

  // Calls `change(items, note)`, which changes them and says so with note(type, item) for each; the
  // item gets its version there.
  template <class F>
  void edit(F change) {
    const MutexLock lock(mutex_);
    change(items_, [this](Type type, T& item) { note(type, item); });
    changed_.notify_all();
  }

  // What came after a version, oldest first; none when nothing did in `timeout`. Expired when that
  // is not known any more, or never was.
  Result<std::vector<Change>> after(std::int64_t version, Duration timeout) const {
    const MutexLock lock(mutex_);
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (version == version_ && changed_.wait_until(mutex_, end)) {
    }
    if (version < before_ || version > version_) {
      return error(StatusCode::kExpired, "too old resource version", "Expired");
    }
    // Each change has the version after the one before it.
    const auto known = static_cast<std::ptrdiff_t>(version - before_);
    return std::vector<Change>(changes_.begin() + known, changes_.end());
  }

 private:
  void note(Type type, T& item) NO_THREAD_SAFETY_ANALYSIS {
    item.version = ++version_;
    changes_.push_back({type, item});
    if (changes_.size() > history_) {
      changes_.pop_front();
      ++before_;
    }
  }

  const std::size_t history_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::int64_t before_ GUARDED_BY(mutex_);  // the version before the first of the changes
  std::int64_t version_ GUARDED_BY(mutex_);
  std::deque<T> items_ GUARDED_BY(mutex_);
  std::deque<Change> changes_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::apiserver
