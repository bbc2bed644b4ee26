// SPDX-License-Identifier: Apache-2.0
#pragma once
// An ObjectStore that lives as long as the process: for rehearsals, tests and the in-process
// controller. The same semantics as the others, and nothing to go wrong with a disk. Safe from any
// thread.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/ports/object_rules.h"
#include "controller/ports/object_store.h"
#include "controller/ports/object_table.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace ripcord {

class MemoryObjectStore final : public ObjectStore {
 public:
  // `clock` stamps creation and deletion times and must outlive the store. `history_limit` is the
  // number of changes of a kind that watches may lag behind.
  explicit MemoryObjectStore(const Clock& clock, std::size_t history_limit = kDefaultHistoryLimit);
  ~MemoryObjectStore() override;

  Result<ResourcePtr> get(const ObjectKey& key) const override;
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns = std::nullopt) const override;
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override;
  Result<ResourcePtr> create(const Resource& object) override;
  Result<ResourcePtr> update(const Resource& object) override;
  Result<ResourcePtr> update_status(const Resource& object) override;
  Status remove(const ObjectKey& key, const Preconditions& preconditions = {}) override;

 private:
  Result<ResourcePtr> write(const ObjectWrite& request);

  const Clock& clock_;
  const std::shared_ptr<ObjectTable> table_;
  Mutex write_mutex_;  // one write at a time, so that versions are published in order
  std::int64_t version_ GUARDED_BY(write_mutex_) = kEmptyStoreVersion;
};

}  // namespace ripcord
