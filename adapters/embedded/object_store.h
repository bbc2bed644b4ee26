// SPDX-License-Identifier: Apache-2.0
#pragma once
// The ObjectStore of a standalone Ripcord: a SQLite file in a data directory that this process has
// to itself. Every object is in memory once, so reads never touch the disk and go on when it is
// full or read-only. Writes are made by one thread in groups: callers that come while a commit is
// under way share the next one, and each returns only when its change is durable.
//
// Fails beyond what the port says: ResourceExhausted (no space), FailedPrecondition (read-only),
// Unavailable (disk error). Such a write had no effect and can be repeated once the cause is gone.
// History for watches starts anew with each start. Safe from any thread; no call may be under way
// when it is destroyed. See docs/store.md.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/base/trace.h"
#include "controller/ports/object_rules.h"
#include "controller/ports/object_store.h"
#include "controller/ports/object_table.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace ripcord {

class DirectoryLock;
namespace embedded {
class ObjectFile;
}

struct EmbeddedStoreOptions {
  std::filesystem::path directory;                   // made when absent
  std::size_t history_limit = kDefaultHistoryLimit;  // changes a kind that watches may lag behind
  int checkpoint_pages = 1000;  // length of the write-ahead log, in 4 KiB, that is aimed at
  Trace trace;                  // sees every durable step, in the writer's thread
  Logger logger;
};

class EmbeddedObjectStore final : public ObjectStore {
 public:
  // FailedPrecondition when the directory is used by another process, cannot be written, or holds
  // the store of a newer Ripcord; Internal when it is damaged. `clock` must outlive the store.
  static Result<std::unique_ptr<EmbeddedObjectStore>> open(EmbeddedStoreOptions options,
                                                           const Clock& clock);
  ~EmbeddedObjectStore() override;

  Result<ResourcePtr> get(const ObjectKey& key) const override;
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns = std::nullopt) const override;
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from_version) const override;
  Result<ResourcePtr> create(const Resource& object) override;
  Result<ResourcePtr> update(const Resource& object) override;
  Result<ResourcePtr> update_status(const Resource& object) override;
  Status remove(const ObjectKey& key, const Preconditions& preconditions = {}) override;

 private:
  // A caller's write, on the caller's stack until it is done.
  struct PendingWrite {
    const ObjectWrite* request = nullptr;
    Result<ResourcePtr> result;
    bool done = false;
    CondVar finished;
  };
  using Batch = std::vector<PendingWrite*>;
  // What a batch has decided and not committed yet; null = removed.
  using Staged = std::unordered_map<ObjectKey, ResourcePtr>;

  EmbeddedObjectStore(EmbeddedStoreOptions options, const Clock& clock,
                      std::unique_ptr<DirectoryLock> lock,
                      std::unique_ptr<embedded::ObjectFile> file,
                      std::shared_ptr<ObjectTable> table, std::int64_t version);

  Result<ResourcePtr> write(const ObjectWrite& request) EXCLUDES(queue_mutex_);
  void run_writer();
  Batch take_batch() EXCLUDES(queue_mutex_);  // empty when the store is closing
  void write_batch(const Batch& batch);
  std::optional<WatchEvent> decide(PendingWrite& write, Staged& staged);
  void finish(const Batch& batch) EXCLUDES(queue_mutex_);

  const EmbeddedStoreOptions options_;
  const Clock& clock_;
  const std::unique_ptr<DirectoryLock> lock_;
  const std::unique_ptr<embedded::ObjectFile> file_;  // the writer's alone
  const std::shared_ptr<ObjectTable> table_;
  std::int64_t version_;  // the writer's alone; given out, committed or not
  Mutex queue_mutex_;
  CondVar queue_changed_;
  std::deque<PendingWrite*> queue_ GUARDED_BY(queue_mutex_);
  bool closing_ GUARDED_BY(queue_mutex_) = false;
  std::jthread writer_;
};

}  // namespace ripcord
