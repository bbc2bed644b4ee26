// SPDX-License-Identifier: Apache-2.0
#pragma once
// PostgreSQL's own tools (pg_dump, pg_restore, psql), run without a shell. Passwords go through
// PGPASSWORD, never through an argument. Stateless functions; they block until the tool has ended
// or was stopped.

#include "adapters/postgres/connection.h"
#include "controller/ports/command.h"

#include <stop_token>
#include <string>

namespace ripcord::postgres {

// The newest one that is installed: it reads every dump that any of them reads, and Debian's
// /usr/bin/pg_restore is a wrapper that costs 0.1 s and may pick an old version.
std::string tool_path(const std::string& tool);

// FailedPrecondition (ToolMissing) says what to install. The exit code is the caller's to look at.
Result<CommandOutcome> run_tool(const std::string& url, CommandRunner& commands, Command command,
                                const std::stop_token& stop);

// The first error the tool printed with the line after it; tools print follow-ups that say less.
std::string first_tool_error(const std::string& text);

// A libpq connection string for `database`, without secrets. `options` (-c name=value) are added to
// those of the URL, or of PGOPTIONS where the URL has none.
Result<std::string> secretless_conninfo(const std::string& url, const std::string& database,
                                        const std::string& options = {});

}  // namespace ripcord::postgres
