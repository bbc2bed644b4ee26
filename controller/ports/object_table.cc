// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_table.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

Status expired(Kind kind, std::int64_t asked, std::int64_t floor) {
  return {StatusCode::kExpired,
          fmt::format("the history of {} objects starts after resource version {}, {} is too old; "
                      "list again and watch from there",
                      to_string(kind), floor, asked)};
}

}  // namespace

class TableWatch final : public ObjectWatch {
 public:
  TableWatch(std::shared_ptr<const ObjectTable> table, Kind kind, std::uint64_t position)
      : table_(std::move(table)), kind_(kind), position_(position) {}

  Result<WatchEvent> next(Duration timeout, std::stop_token stop) override {
    ASSIGN_OR_RETURN(WatchEvent event, table_->next(kind_, position_, timeout, stop));
    ++position_;
    return event;
  }

 private:
  const std::shared_ptr<const ObjectTable> table_;
  const Kind kind_;
  std::uint64_t position_;  // of the next change to hand out
};

std::shared_ptr<ObjectTable> ObjectTable::create(std::vector<StoredObject> objects,
                                                 std::int64_t version, std::size_t history_limit,
                                                 Form form) {
  std::array<std::vector<StoredObject>, kAllKinds.size()> by_kind;
  for (StoredObject& object : objects) {
    by_kind.at(index_of(object.identity().kind)).push_back(std::move(object));
  }
  std::shared_ptr<ObjectTable> table(new ObjectTable(history_limit, std::move(form)));
  MutexLock lock(table->mutex_);
  table->version_ = version;
  for (const Kind kind : kAllKinds) {
    KindState& state = table->kinds_.at(index_of(kind));
    state.index = ObjectIndex(std::move(by_kind.at(index_of(kind))));
    state.floor = version;
  }
  return table;
}

StoredObject ObjectTable::stored(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  return kinds_.at(index_of(key.kind)).index.stored(key.ns, key.name);
}

std::vector<StoredObject> ObjectTable::all_stored(Kind kind) const {
  ObjectIndex snapshot;
  {
    MutexLock lock(mutex_);
    snapshot = kinds_.at(index_of(kind)).index;
  }
  return snapshot.all_stored();
}

Result<ResourcePtr> ObjectTable::get(const ObjectKey& key) const {
  ResourcePtr object = find(key);
  if (!object) {
    return error(StatusCode::kNotFound, fmt::format("{} does not exist", to_string(key)));
  }
  return object;
}

Result<ObjectList> ObjectTable::list(Kind kind, std::optional<std::string> ns) const {
  ObjectIndex snapshot;
  ObjectList result;
  {
    MutexLock lock(mutex_);
    snapshot = kinds_.at(index_of(kind)).index;
    result.resource_version = version_;
  }
  result.items = snapshot.items(ns);
  return result;
}

Result<std::int64_t> ObjectTable::each(Kind kind,
                                       const std::function<void(const ResourcePtr&)>& take) const {
  ObjectIndex snapshot;
  std::int64_t version = 0;
  {
    MutexLock lock(mutex_);
    snapshot = kinds_.at(index_of(kind)).index;
    version = version_;
  }
  for (const StoredObject& object : snapshot.all_stored()) {
    take(object.object());
  }
  return version;
}

Result<std::unique_ptr<ObjectWatch>> ObjectTable::watch(Kind kind,
                                                        std::int64_t from_version) const {
  MutexLock lock(mutex_);
  const std::int64_t floor = kinds_.at(index_of(kind)).floor;
  if (from_version < floor) {
    return as_return(expired(kind, from_version, floor));
  }
  if (from_version > version_) {
    return error(StatusCode::kExpired,
                 fmt::format("resource version {} is newer than the store, which is at {}: it was "
                             "given out by another store; list again and watch from there",
                             from_version, version_));
  }
  const KindState& state = kinds_.at(index_of(kind));
  const auto found =
      std::partition_point(state.history.begin(), state.history.end(),
                           [&](const Change& change) { return change.version() <= from_version; });
  return std::make_unique<TableWatch>(
      shared_from_this(), kind,
      state.first + static_cast<std::uint64_t>(found - state.history.begin()));
}

void ObjectTable::publish(std::span<const WatchEvent> changes) {
  std::vector<Change> kept;
  kept.reserve(changes.size());
  for (const WatchEvent& change : changes) {
    kept.push_back({change.type, form_(change.object), change.written});
  }
  {
    MutexLock lock(mutex_);
    for (Change& change : kept) {
      add_locked(std::move(change));
    }
  }
  // Without the lock, which those who wake up need at once.
  std::array<bool, kAllKinds.size()> touched{};
  for (const WatchEvent& change : changes) {
    touched.at(index_of(change.object->kind())) = true;
  }
  for (const Kind kind : kAllKinds) {
    if (touched.at(index_of(kind))) {
      changed_.at(index_of(kind)).notify_all();
    }
  }
}

void ObjectTable::add_locked(Change change) {
  const ObjectIdentity identity = change.object.identity();
  KindState& state = kinds_.at(index_of(identity.kind));
  if (change.type == WatchEvent::Type::kDeleted) {
    state.index.erase(identity.ns, identity.name);
  } else {
    state.index.put(change.object);
  }
  version_ = identity.resource_version;
  state.history.push_back(std::move(change));
  if (state.history.size() > history_limit_) {
    state.floor = state.history.front().version();
    state.history.pop_front();
    ++state.first;
  }
}

void ObjectTable::close() {
  MutexLock lock(mutex_);
  closed_ = true;
  for (CondVar& changed : changed_) {
    changed.notify_all();
  }
}

void ObjectTable::wake(Kind kind) const {
  MutexLock lock(mutex_);
  changed_.at(index_of(kind)).notify_all();
}

Result<WatchEvent> ObjectTable::next(Kind kind, std::uint64_t position, Duration timeout,
                                     const std::stop_token& stop) const {
  // A thread waits here, so this deadline is of real time whatever clock the objects are
  // stamped with.
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  // Made before and destroyed after the lock: its callback takes the lock itself.
  const std::stop_callback on_stop(stop, [this, kind] { wake(kind); });
  MutexLock lock(mutex_);
  KindState& state = kinds_.at(index_of(kind));
  for (bool in_time = true;;) {
    if (stop.stop_requested()) {
      return error(StatusCode::kCancelled, "the watch was asked to stop");
    }
    if (position < state.first) {
      return error(StatusCode::kExpired,
                   fmt::format("the reader of this watch is {} changes behind the history of {} "
                               "objects; list again and watch from there",
                               state.first - position, to_string(kind)));
    }
    if (position < state.first + state.history.size()) {
      const Change& change = state.history[static_cast<std::size_t>(position - state.first)];
      return WatchEvent{change.type, change.object.object(), change.written};
    }
    if (closed_) {
      return error(StatusCode::kUnavailable, "the store was closed");
    }
    if (!in_time) {
      return error(StatusCode::kDeadlineExceeded,
                   fmt::format("no change of a {} came in time", to_string(kind)));
    }
    in_time = changed_.at(index_of(kind)).wait_until(mutex_, deadline);
  }
}

}  // namespace ripcord
