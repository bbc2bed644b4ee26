// SPDX-License-Identifier: Apache-2.0
#pragma once
// The reading half of a store: every object once, as an immutable shared value or packed, and a
// bounded history of changes per kind for watches. A store decides and keeps a change
// (object_rules.h), then publishes it here. Safe from any thread; a slow list does not hold up
// others. A watch keeps the table alive, so it may outlive the store; it then ends with
// Unavailable.

#include "controller/base/mutex.h"
#include "controller/ports/object_index.h"
#include "controller/ports/object_store.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ripcord {

// Changes of one kind that are kept for watches that start in the past or read slowly.
inline constexpr std::size_t kDefaultHistoryLimit = 4096;

class ObjectTable final : public ObjectReader, public std::enable_shared_from_this<ObjectTable> {
 public:
  // How changed objects are kept.
  using Form = std::function<StoredObject(ResourcePtr)>;
  static StoredObject whole(ResourcePtr object) { return object; }
  // `version` is the greatest version given out so far; history starts there.
  static std::shared_ptr<ObjectTable> create(std::vector<StoredObject> objects,
                                             std::int64_t version, std::size_t history_limit,
                                             Form form = whole);
  static std::shared_ptr<ObjectTable> create(const std::vector<ResourcePtr>& objects,
                                             std::int64_t version, std::size_t history_limit) {
    return create(std::vector<StoredObject>(objects.begin(), objects.end()), version,
                  history_limit);
  }

  Result<ResourcePtr> get(const ObjectKey& key) const override;
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override;
  Result<std::int64_t> each(Kind kind,
                            const std::function<void(const ResourcePtr&)>& take) const override;
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override;

  StoredObject stored(const ObjectKey& key) const;  // null when absent
  ResourcePtr find(const ObjectKey& key) const { return stored(key).object(); }
  std::vector<StoredObject> all_stored(Kind kind) const;
  // Makes changes visible, all at once, and wakes the watches of their kinds. Versions never go
  // back; several changes may share one (a mirror that finds objects gone knows no version of their
  // end).
  void publish(std::span<const WatchEvent> changes);
  // Ends all watches with Unavailable. Reading goes on.
  void close();

 private:
  friend class TableWatch;
  struct Change {
    WatchEvent::Type type;
    StoredObject object;
    std::optional<MonoTime> written;
    std::int64_t version() const { return object.identity().resource_version; }
  };
  struct KindState {
    ObjectIndex index;
    std::deque<Change> history;
    std::uint64_t first = 0;  // position of the history's front; positions never go back
    std::int64_t floor = 0;   // changes up to this version are not in the history
  };

  ObjectTable(std::size_t history_limit, Form form)
      : history_limit_(history_limit), form_(std::move(form)) {}
  static std::size_t index_of(Kind kind) { return static_cast<std::size_t>(kind); }
  // The change at `position`.
  Result<WatchEvent> next(Kind kind, std::uint64_t position, Duration timeout,
                          const std::stop_token& stop) const;
  void add_locked(Change change) REQUIRES(mutex_);
  void wake(Kind kind) const;

  const std::size_t history_limit_;
  const Form form_;
  mutable Mutex mutex_;
  mutable std::array<KindState, kAllKinds.size()> kinds_ GUARDED_BY(mutex_);
  std::int64_t version_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  mutable std::array<CondVar, kAllKinds.size()> changed_;
};

}  // namespace ripcord
