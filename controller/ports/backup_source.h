// SPDX-License-Identifier: Apache-2.0
#pragma once
// A database that a backup is taken of.

#include "controller/base/trace.h"
#include "controller/ports/restore_database.h"

#include <stop_token>
#include <string>

namespace ripcord {

struct BackupOrder {
  DatabaseRef database;
  BackupFormat format = BackupFormat::kPgCustom;
  std::string path;  // where the file or directory is made; nothing is there yet
};

class BackupSource {
 public:
  virtual ~BackupSource() = default;
  // Writes the backup and says what it holds: counts and sums are of the very rows that it has.
  // What the writer of the catalog knows (name, files, end) is left out of the manifest.
  virtual Result<BackupManifest> write(const BackupOrder& order, std::stop_token stop) = 0;
};

}  // namespace ripcord
