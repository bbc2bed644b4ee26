// SPDX-License-Identifier: Apache-2.0
#pragma once
// Backups, and the database that one is restored beside and swapped into.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/backup_manifest.h"
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
  std::optional<WallTime> taken_at{};                // when it was finished; empty when unknown
  std::shared_ptr<const BackupManifest> manifest{};  // null: it has none
};

// As a backup's name in a drill: the newest of the catalog.
inline constexpr std::string_view kLatestBackup = "Latest";

class BackupCatalog {
 public:
  virtual ~BackupCatalog() = default;
  // NotFound names what is there; InvalidArgument when the name would leave the catalog;
  // FailedPrecondition (BadManifest).
  virtual Result<Backup> find(const std::string& catalog_directory, const std::string& name) = 0;
  // Reads all of a backup and compares it with its manifest. FailedPrecondition (CorruptBackup)
  // names the file that was changed, cut short, added or removed. Nothing to do without a manifest.
  virtual Status check(const Backup& backup, std::stop_token stop) = 0;
};

// Where the restore of one request stands, as the database server says.
struct RestoreState {
  bool side_exists = false;
  bool side_complete = false;  // loaded to the end, marked by the load itself
  bool swapped = false;        // the live database is the restored one
  bool swap_interrupted =
      false;              // connections still refused, or names half changed: swap() finishes it
  bool reverted = false;  // swapped back; the side holds what was restored
  bool revert_interrupted = false;  // as swap_interrupted: revert() finishes it
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

struct SurveyedDatabase {
  DatabaseContents contents;
  std::int64_t server_version = 0;  // as in BackupManifest
};

// Rows of a database that may be damaged: what can be counted, and why the rest cannot.
struct LiveRows {
  std::vector<TableRows> counted;
  std::vector<UncountedTable> uncounted;
};

// What tells one content from another, and whether the server can take a backup at all.
class RestoreChecks {
 public:
  virtual ~RestoreChecks() = default;
  // FailedPrecondition or ResourceExhausted: what this server lacks for that backup (version,
  // extensions, roles, room), as far as it can be known. Touches nothing.
  virtual Status preflight(const Backup& backup, std::stop_token stop) = 0;
  // Of the side; of the live one once swapped. All tables, in one snapshot.
  virtual Result<SurveyedDatabase> survey(std::stop_token stop) = 0;
  // As RestoreTarget::count(), always of the live one; nothing when there is none. A table that
  // cannot be counted is no error, nor are those that are left when `stop` is requested; a database
  // that cannot be opened is one.
  virtual Result<LiveRows> count_live(std::stop_token stop) = 0;
  // As survey(), always of the live one: reads every row of it.
  virtual Result<SurveyedDatabase> survey_live(std::stop_token stop) = 0;
};

// Only where restored contents cannot be swapped in from where they were verified.
class RestoreStaging {
 public:
  virtual ~RestoreStaging() = default;
  // Copies what was verified to the place that it is swapped in from, and compares both. Clients do
  // not notice. Idempotent; swap() does it too when it was not done. FailedPrecondition
  // (SchemaSwapImpossible, LoadFailed, ContentsDiffer): the live contents are as they were.
  virtual Status stage(std::stop_token stop) = 0;
};

class RestoreReverse {
 public:
  virtual ~RestoreReverse() = default;
  // Puts the previous database back; the restored one becomes the side and is kept. Idempotent.
  // FailedPrecondition: PreviousGone, or SwappedSince when another restore was swapped in since.
  virtual Result<SwapReport> revert(std::stop_token stop) = 0;
};

struct LoadMeasure {
  std::int64_t bytes = 0;
  std::int64_t rows = 0;  // 0: not known
};

// May be asked by another thread while RestoreTarget::load() runs.
class RestoreMeter {
 public:
  virtual ~RestoreMeter() = default;
  virtual Result<LoadMeasure> measure() = 0;
};

struct OpenedRestore {
  std::unique_ptr<RestoreTarget> target;
  std::unique_ptr<RestoreLeftovers> leftovers;
  std::unique_ptr<RestoreChecks> checks;
  std::unique_ptr<RestoreReverse> reverse;
  std::unique_ptr<RestoreMeter> meter;
  std::unique_ptr<RestoreStaging> staging{};  // null: nothing to be done in between
};

// What one request asks of its database.
struct RestoreOrder {
  DatabaseRef database;
  std::string request_uid;
  RestoreUnit swap_by = RestoreUnit::kDatabase;
  std::optional<PgBouncerRef> pgbouncer{};
};

class RestoreDatabases {
 public:
  virtual ~RestoreDatabases() = default;
  virtual Result<OpenedRestore> open(const RestoreOrder& order) = 0;
  // By the whole database, with no pooler.
  Result<OpenedRestore> open(const DatabaseRef& ref, const std::string& request_uid) {
    return open(RestoreOrder{ref, request_uid});
  }
};

}  // namespace ripcord
