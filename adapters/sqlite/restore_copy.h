// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copying one database file into another through SQLite, and asking it small things. A failure with
// reason kDatabaseDamaged is of a file that SQLite cannot read. One thread.

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_site.h"

struct sqlite3_backup;

namespace ripcord::sqlite {

Result<std::string> pragma(Connection& connection, const std::string& text);

// One run of the online backup API; taken back at destruction unless it has finished.
class Copy {
 public:
  // Both outlive it.
  Copy(Connection& target, Connection& source);
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy();

  // Takes the target's write lock and copies nothing yet. Unavailable (Busy).
  Status lock() { return step(0); }
  Status copy_all();

 private:
  Status step(int pages);

  Connection& target_;
  sqlite3_backup* backup_;
};

// The live file's content as it is now, complete on the disk before it gets its name.
Status copy_aside(const RestoreSite& site, const std::string& to);

}  // namespace ripcord::sqlite
