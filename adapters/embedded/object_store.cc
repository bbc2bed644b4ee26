// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/object_store.h"

#include "adapters/embedded/directory_lock.h"
#include "adapters/embedded/object_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ripcord {
namespace {

// Bounds how long a caller waits for the others of its group.
constexpr std::ptrdiff_t kMaxBatch = 256;

}  // namespace

Result<std::unique_ptr<EmbeddedObjectStore>> EmbeddedObjectStore::open(EmbeddedStoreOptions options,
                                                                       const Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<DirectoryLock> lock, DirectoryLock::acquire(options.directory));
  const std::filesystem::path path = options.directory / "objects.db";
  RETURN_IF_ERROR(lock->ensure_file(path));
  ASSIGN_OR_RETURN(std::unique_ptr<embedded::ObjectFile> file,
                   embedded::ObjectFile::open(path, options.checkpoint_pages, options.trace));
  ASSIGN_OR_RETURN(embedded::StoredObjects stored, file->load());
  auto table = ObjectTable::create(stored.objects, stored.version, options.history_limit);
  return std::unique_ptr<EmbeddedObjectStore>(
      new EmbeddedObjectStore(std::move(options), clock, std::move(lock), std::move(file),
                              std::move(table), stored.version));
}

EmbeddedObjectStore::EmbeddedObjectStore(EmbeddedStoreOptions options, const Clock& clock,
                                         std::unique_ptr<DirectoryLock> lock,
                                         std::unique_ptr<embedded::ObjectFile> file,
                                         std::shared_ptr<ObjectTable> table, std::int64_t version)
    : options_(std::move(options)),
      clock_(clock),
      lock_(std::move(lock)),
      file_(std::move(file)),
      table_(std::move(table)),
      version_(version),
      writer_([this] { run_writer(); }) {}

EmbeddedObjectStore::~EmbeddedObjectStore() {
  {
    MutexLock lock(queue_mutex_);
    closing_ = true;
    queue_changed_.notify_one();
  }
  writer_.join();
  table_->close();
}

Result<ResourcePtr> EmbeddedObjectStore::get(const ObjectKey& key) const {
  return table_->get(key);
}

Result<ObjectList> EmbeddedObjectStore::list(Kind kind, std::optional<std::string> ns) const {
  return table_->list(kind, std::move(ns));
}

Result<std::unique_ptr<ObjectWatch>> EmbeddedObjectStore::watch(Kind kind,
                                                                std::int64_t from_version) const {
  return table_->watch(kind, from_version);
}

Result<ResourcePtr> EmbeddedObjectStore::create(const Resource& object) {
  return write(create_of(object));
}

Result<ResourcePtr> EmbeddedObjectStore::update(const Resource& object) {
  return write(update_of(object));
}

Result<ResourcePtr> EmbeddedObjectStore::update_status(const Resource& object) {
  return write(status_update_of(object));
}

Status EmbeddedObjectStore::remove(const ObjectKey& key, const Preconditions& preconditions) {
  const Result<ResourcePtr> removed = write(removal_of(key, preconditions));
  return removed ? ok_status() : removed.error();
}

Result<ResourcePtr> EmbeddedObjectStore::write(const ObjectWrite& request) {
  PendingWrite pending;
  pending.request = &request;
  MutexLock lock(queue_mutex_);
  queue_.push_back(&pending);
  queue_changed_.notify_one();
  while (!pending.done) {
    pending.finished.wait(queue_mutex_);
  }
  return std::move(pending.result);
}

void EmbeddedObjectStore::run_writer() {
  for (;;) {
    const Batch batch = take_batch();
    if (batch.empty()) {
      return;
    }
    write_batch(batch);
    // After the callers went on, so that nobody waits for it.
    if (const Status status = file_->checkpoint_if_due(); !status.ok()) {
      options_.logger.warning(status.message(), {{"directory", options_.directory.string()}});
    }
  }
}

EmbeddedObjectStore::Batch EmbeddedObjectStore::take_batch() {
  MutexLock lock(queue_mutex_);
  while (queue_.empty() && !closing_) {
    queue_changed_.wait(queue_mutex_);
  }
  const auto end = queue_.begin() + std::min(std::ssize(queue_), kMaxBatch);
  Batch batch(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return batch;
}

void EmbeddedObjectStore::write_batch(const Batch& batch) {
  Staged staged;
  std::vector<WatchEvent> changes;
  for (PendingWrite* write : batch) {
    if (std::optional<WatchEvent> change = decide(*write, staged)) {
      changes.push_back(*std::move(change));
    }
  }
  const Status committed = changes.empty() ? ok_status() : file_->commit(changes);
  if (committed.ok()) {
    table_->publish(changes);
  } else {
    // Every answer of the batch may rest on a change that did not happen.
    for (PendingWrite* write : batch) {
      write->result = as_return(committed);
    }
  }
  finish(batch);
}

std::optional<WatchEvent> EmbeddedObjectStore::decide(PendingWrite& write, Staged& staged) {
  const ObjectWrite& request = *write.request;
  const auto known = staged.find(request.key);
  const ResourcePtr stored = known == staged.end() ? table_->find(request.key) : known->second;
  const bool creating = request.verb == ObjectWrite::Verb::kCreate;
  const WriteStamp stamp{version_ + 1, clock_.wall_now(), creating ? new_uid() : "", clock_.now()};
  Result<WriteDecision> decision = decide_write(request, stored, stamp);
  if (!decision) {
    write.result = as_return(std::move(decision).error());
    return std::nullopt;
  }
  write.result = std::move(decision->result);
  if (decision->change) {
    version_ = stamp.version;
    const bool deleted = decision->change->type == WatchEvent::Type::kDeleted;
    staged[request.key] = deleted ? nullptr : decision->change->object;
  }
  return std::move(decision->change);
}

void EmbeddedObjectStore::finish(const Batch& batch) {
  MutexLock lock(queue_mutex_);
  for (PendingWrite* write : batch) {
    write->done = true;
    // Under the lock: the write is gone as soon as its caller sees `done`.
    write->finished.notify_one();
  }
}

}  // namespace ripcord
