// SPDX-License-Identifier: Apache-2.0
#include "adapters/memory/object_store.h"

#include <span>
#include <utility>

namespace ripcord {

MemoryObjectStore::MemoryObjectStore(const Clock& clock, std::size_t history_limit)
    : clock_(clock),
      table_(ObjectTable::create(std::vector<StoredObject>(), kEmptyStoreVersion, history_limit)) {}

MemoryObjectStore::~MemoryObjectStore() {
  table_->close();
}

Result<ResourcePtr> MemoryObjectStore::get(const ObjectKey& key) const {
  return table_->get(key);
}

Result<ObjectList> MemoryObjectStore::list(Kind kind, std::optional<std::string> ns) const {
  return table_->list(kind, std::move(ns));
}

Result<std::unique_ptr<ObjectWatch>> MemoryObjectStore::watch(Kind kind,
                                                              std::int64_t from_version) const {
  return table_->watch(kind, from_version);
}

Result<ResourcePtr> MemoryObjectStore::create(const Resource& object) {
  return write(create_of(object));
}

Result<ResourcePtr> MemoryObjectStore::update(const Resource& object) {
  return write(update_of(object));
}

Result<ResourcePtr> MemoryObjectStore::update_status(const Resource& object) {
  return write(status_update_of(object));
}

Status MemoryObjectStore::remove(const ObjectKey& key, const Preconditions& preconditions) {
  const Result<ResourcePtr> removed = write(removal_of(key, preconditions));
  return removed ? ok_status() : removed.error();
}

Result<ResourcePtr> MemoryObjectStore::write(const ObjectWrite& request) {
  MutexLock lock(write_mutex_);
  const bool creating = request.verb == ObjectWrite::Verb::kCreate;
  const WriteStamp stamp{version_ + 1, clock_.wall_now(), creating ? new_uid() : "", clock_.now()};
  ASSIGN_OR_RETURN(WriteDecision decision, decide_write(request, table_->find(request.key), stamp));
  if (decision.change) {
    version_ = stamp.version;
    table_->publish(std::span(&*decision.change, 1));
  }
  return std::move(decision.result);
}

}  // namespace ripcord
