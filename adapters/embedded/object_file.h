// SPDX-License-Identifier: Apache-2.0
#pragma once
// The SQLite file of the embedded store: one row an object, its canonical JSON as the body. WAL
// with synchronous=FULL, so a transaction that committed survives a power cut. Schema version in
// user_version; a newer one is refused with FailedPrecondition, an older one would be migrated
// here. Used by one thread at a time. Errors as sqlite_status (sqlite_connection.h).

#include "adapters/embedded/sqlite_connection.h"
#include "controller/base/status.h"
#include "controller/base/trace.h"
#include "controller/ports/object_store.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace ripcord::embedded {

inline constexpr int kSchemaVersion = 1;

struct StoredObjects {
  std::vector<ResourcePtr> objects;
  std::int64_t version = 0;  // the greatest ever committed, deletions included
};

class ObjectFile {
 public:
  // Opens `path`, which exists (an empty file is a new store), and recovers what a crash left.
  // The log is moved into the file when it has `checkpoint_pages` pages of 4 KiB. `trace` sees
  // every durable step.
  static Result<std::unique_ptr<ObjectFile>> open(const std::filesystem::path& path,
                                                  int checkpoint_pages, Trace trace);
  ~ObjectFile();
  ObjectFile(const ObjectFile&) = delete;
  ObjectFile& operator=(const ObjectFile&) = delete;

  Result<StoredObjects> load();
  // All changes in one transaction: durable when it returns ok, without any effect when not.
  Status commit(std::span<const WatchEvent> changes);
  // Moves the log into the file when it has grown long; nothing depends on its success.
  Status checkpoint_if_due();

 private:
  struct Statements;
  ObjectFile(std::unique_ptr<Connection> connection, int checkpoint_pages, Trace trace);
  Status prepare();
  Status write_all(std::span<const WatchEvent> changes);
  Status write_one(const WatchEvent& change);

  const std::unique_ptr<Connection> connection_;
  std::unique_ptr<Statements> statements_;  // before the connection goes
  const int checkpoint_pages_;
  const Trace trace_;
  int log_pages_ = 0;  // in the write-ahead log, as SQLite said after the last commit
  int checkpoint_at_ = 0;
};

}  // namespace ripcord::embedded
