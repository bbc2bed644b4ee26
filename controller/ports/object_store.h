// SPDX-License-Identifier: Apache-2.0
#pragma once
// The home of desired state, with the semantics of the Kubernetes API. Every implementation passes
// tests/contract/object_store. All calls are safe from any thread; objects handed out are immutable
// and shared.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/resource.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

// The version of a store nothing was ever written to. Never 0: in the API, 0 stands for "any".
inline constexpr std::int64_t kEmptyStoreVersion = 1;

struct ObjectList {
  std::vector<ResourcePtr> items;     // by namespace, then name
  std::int64_t resource_version = 0;  // of the snapshot: watch from here
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted };
  Type type = Type::kAdded;
  ResourcePtr object;  // kDeleted: the last state, with the deletion's resource_version
  // When the store took the write, on its clock; unset when the store is in another process.
  std::optional<MonoTime> written = std::nullopt;
};

// A stream of the changes of one kind, in the order of their resource versions, none missed, none
// twice. Used by one thread at a time; destroying it ends the watch.
class ObjectWatch {
 public:
  virtual ~ObjectWatch() = default;
  // The next change; DeadlineExceeded when none came in `timeout`; Cancelled on `stop`; Expired
  // when the reader is too far behind the bounded history: list again.
  virtual Result<WatchEvent> next(Duration timeout, std::stop_token stop) = 0;
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual Result<ResourcePtr> get(const ObjectKey& key) const = 0;  // NotFound
  // All objects of a kind, in one consistent snapshot; in one namespace when `ns` is given.
  virtual Result<ObjectList> list(Kind kind,
                                  std::optional<std::string> ns = std::nullopt) const = 0;
  // As list, one object after the other: a store that keeps them packed has no two unpacked at
  // once. Returns the version of the snapshot. `take` must not call the store.
  virtual Result<std::int64_t> each(Kind kind,
                                    const std::function<void(const ResourcePtr&)>& take) const;
  // Changes after `from_version`. Expired, from this call or from the first next(), when that is
  // older than the history or newer than the store.
  virtual Result<std::unique_ptr<ObjectWatch>> watch(Kind kind,
                                                     std::int64_t from_version) const = 0;
};

struct Preconditions {
  std::string uid;                    // empty = any
  std::int64_t resource_version = 0;  // 0 = any
};

class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  // Stores name, namespace, labels, annotations, finalizers and spec; uid, times, versions and
  // generation (1) are the store's, status starts at its default. meta.resource_version must be 0
  // (InvalidArgument). AlreadyExists; InvalidArgument names the field.
  virtual Result<ResourcePtr> create(const Resource& object) = 0;
  // Replaces labels, annotations, finalizers and spec; ignores status. meta.resource_version must
  // be the stored one: Conflict if not, InvalidArgument if 0. meta.uid, when set, must match
  // (Conflict). Bumps generation when spec changed. Writes and wakes nothing when nothing changed.
  // Removing the last finalizer of a deleting object removes it; a deleting object takes no new
  // finalizer (InvalidArgument).
  virtual Result<ResourcePtr> update(const Resource& object) = 0;
  // Replaces status only, under the same version rule; generation stays; spec and metadata are
  // ignored.
  virtual Result<ResourcePtr> update_status(const Resource& object) = 0;
  // Removes the object, or with finalizers marks it deleting (deletion_timestamp, generation + 1).
  // NotFound; Conflict when a precondition does not hold.
  virtual Status remove(const ObjectKey& key, const Preconditions& preconditions = {}) = 0;
};

class ObjectStore : public ObjectReader, public ObjectWriter {};

}  // namespace ripcord
