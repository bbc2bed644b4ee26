// SPDX-License-Identifier: Apache-2.0
#pragma once
// Backups of PostgreSQL databases by pg_dump, from one exported snapshot: the counts and sums are
// of the rows in the dump, whatever is written meanwhile. Needs pg_dump where Ripcord runs, not
// older than the server, and a role that may read everything. Safe for concurrent use.

#include "controller/ports/backup_source.h"
#include "controller/ports/command.h"

namespace ripcord::postgres {

class PostgresBackups final : public BackupSource {
 public:
  // `commands` and `clock` outlive this.
  PostgresBackups(CommandRunner& commands, const Clock& clock, Trace trace = {})
      : commands_(commands), clock_(clock), trace_(std::move(trace)) {}
  // FailedPrecondition: ToolMissing, DumpFailed (the tool's first error).
  Result<BackupManifest> write(const BackupOrder& order, std::stop_token stop) override;

 private:
  CommandRunner& commands_;
  const Clock& clock_;
  Trace trace_;
};

// The database that `ref` names. InvalidArgument when its URL names none.
Result<std::string> database_name(const DatabaseRef& ref);

}  // namespace ripcord::postgres
