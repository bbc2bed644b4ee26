// SPDX-License-Identifier: Apache-2.0
#pragma once
// Backups of SQLite database files by the online backup API: writers go on where the journal mode
// lets them. The copy is checked and counted itself. Safe for concurrent use.

#include "controller/ports/backup_source.h"

namespace ripcord::sqlite {

class SqliteBackups final : public BackupSource {
 public:
  // `clock` outlives this.
  explicit SqliteBackups(Clock& clock, Trace trace = {})
      : clock_(clock), trace_(std::move(trace)) {}
  // NotFound: no such database. FailedPrecondition (CorruptDatabase): what is backed up is damaged.
  Result<BackupManifest> write(const BackupOrder& order, std::stop_token stop) override;

 private:
  Clock& clock_;
  Trace trace_;
};

}  // namespace ripcord::sqlite
