// SPDX-License-Identifier: Apache-2.0
#pragma once
// Filling the side database with pg_restore or psql, run without a shell. Passwords go through
// PGPASSWORD. Functions; they block until the tool has ended or was stopped.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

// Finds what would make the load fail before anything is made: a backup of another engine, no tool,
// a dump that is cut short, newer than the tool, or (plain) reaches beyond its own database.
// FailedPrecondition or InvalidArgument say what to do; Unavailable (ToolMissing).
Status check_backup(const RestoreSite& site, const Backup& backup, const std::stop_token& stop);

// Loads `backup` into the (empty) side database. FailedPrecondition (LoadFailed) carries the tool's
// own first error; Unavailable or ResourceExhausted when trying again may help.
// With `notices_death` the server ends what it is doing for the tool soon after the tool is gone.
Status run_load(const RestoreSite& site, const Backup& backup, bool notices_death,
                const std::stop_token& stop);

// What a tool that ended badly means: LoadFailed with its first error, or Unavailable
// (ConnectionLost), ResourceExhausted (DiskFull). `source` is what it read.
Status tool_failure(const std::string& tool, const std::string& source,
                    const CommandOutcome& outcome);

// Whether the server knows client_connection_check_interval (PostgreSQL 14 on most systems).
bool can_notice_death(Connection& connection);

}  // namespace ripcord::postgres
