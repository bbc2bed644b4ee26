// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files of one restore of an SQLite database, and the journal that says how far it is. The
// journal is replaced in one step and is on the disk when write_journal() returns. Functions; one
// thread at a time.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/base/trace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord::sqlite {

struct RestoreFiles {
  std::string live;
  std::string side;      // <live>.ripcord-<uid8>
  std::string previous;  // <live>.before-<uid8>
  std::string journal;   // <live>.ripcord-<uid8>.state
};
RestoreFiles restore_files(const std::string& live, const std::string& uid);

// Stages:  loading -> loaded -> swapping -> swapped -> reverting -> reverted
// Where the live file cannot be read, `swapping by name` and `reverting by name`.
struct RestoreJournal {
  std::string uid;
  std::string stage;
  std::string backup;
  std::int64_t schema_version = 0;  // of the live file, when `swapping` was written
  bool has_previous = false;
  std::int64_t swap_number = 0;  // of all swaps of this database whose journals are there
  bool overtaken = false;        // by a later swap whose journal is gone

  bool swap_begun() const { return stage.starts_with("swapping"); }
  bool revert_begun() const { return stage.starts_with("reverting"); }

  bool operator==(const RestoreJournal&) const = default;
};

// Everything a restore needs to know. `clock` outlives it.
struct RestoreSite {
  std::string uid;
  RestoreFiles files;
  Clock* clock = nullptr;
  Trace trace;
  Duration patience{};  // with which the swap waits for the write lock
};

Result<std::optional<RestoreJournal>> read_journal(const RestoreSite& site);
Status write_journal(const RestoreSite& site, const RestoreJournal& journal);

// Those of all requests for the same database that have swapped, ours too.
Result<std::vector<RestoreJournal>> swapped_journals(const RestoreSite& site);
// Another request's files beside the same database.
RestoreSite site_of(const RestoreSite& site, const std::string& uid);

Status file_error(std::string_view what, const std::string& path, int error_number);
bool file_exists(const std::string& path);
std::int64_t file_bytes(const std::string& path);  // 0 when absent
// With the -wal, -shm and -journal of a database file. Absent is fine.
Status remove_database(const std::string& path);
Status sync_directory_of(const std::string& path);
Status rename_durably(const std::string& from, const std::string& to);

}  // namespace ripcord::sqlite
