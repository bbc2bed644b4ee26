// SPDX-License-Identifier: Apache-2.0
#pragma once
// Backups, and the database that one is restored beside and swapped into.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/restore_request.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

enum class BackupFormat { kPgCustom, kPgDirectory, kPgPlain, kSqliteFile, kSimulated };

struct Backup {
  std::string name;
  BackupFormat format = BackupFormat::kPgCustom;
  std::string path;  // inside the catalog
  std::int64_t bytes = 0;
  std::optional<WallTime> taken_at{};  // when it was finished; empty when unknown
};

class BackupCatalog {
 public:
  virtual ~BackupCatalog() = default;
  // NotFound names what is there; InvalidArgument when the name would leave the catalog.
  virtual Result<Backup> find(const std::string& catalog_directory, const std::string& name) = 0;
};

// Where the restore of one request stands, as the database server says.
struct RestoreState {
  bool side_exists = false;
  bool side_complete = false;  // loaded to the end, marked by the load itself
  bool swapped = false;        // the live database is the restored one
  bool swap_interrupted =
      false;  // connections still refused, or names half changed: swap() finishes it
  std::string side_name;
  std::string previous_name;    // empty when there is none
  std::int64_t side_bytes = 0;  // of the restored database, wherever it is
  std::string
      backup;  // which one the side (once swapped: the live one) holds; empty: none or unknown

  bool operator==(const RestoreState&) const = default;
};

struct SwapReport {
  std::string previous_name;
  Duration window{};  // longest time in which a client could not work, as a prober saw it
};

// One restore, named by its request's uid: every name it makes is derived from that, so that a
// restart finds it. All steps are idempotent. One thread at a time.
class RestoreTarget {
 public:
  virtual ~RestoreTarget() = default;
  virtual Result<RestoreState> read() = 0;
  // Drops what an earlier try left and loads the backup into the side database. Clients do not
  // notice.
  virtual Status load(const Backup& backup, std::stop_token stop) = 0;
  // Of the side; of the live one once swapped. Without the tables that keep the schema's version
  // and history.
  virtual Result<std::vector<TableRows>> count(std::stop_token stop) = 0;
  virtual Result<std::int64_t> query(const std::string& sql,
                                     std::stop_token stop) = 0;  // likewise; one number
  virtual Result<SwapReport> swap(std::stop_token stop) = 0;
};

// Beside RestoreTarget, since only cleaning up needs it.
class RestoreLeftovers {
 public:
  virtual ~RestoreLeftovers() = default;
  virtual Status drop_side() = 0;
  virtual Status drop_previous() = 0;
};

struct OpenedRestore {
  std::unique_ptr<RestoreTarget> target;
  std::unique_ptr<RestoreLeftovers> leftovers;
};

class RestoreDatabases {
 public:
  virtual ~RestoreDatabases() = default;
  virtual Result<OpenedRestore> open(const DatabaseRef& ref, const std::string& request_uid) = 0;
};

}  // namespace ripcord
