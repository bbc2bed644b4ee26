// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gives an empty shadow database the schema of its target: pg_dump --schema-only, then pg_restore.
// Blocks until they have ended; a stop ends them.

#include "adapters/postgres/connection.h"
#include "controller/ports/command.h"

#include <stop_token>
#include <string>

namespace ripcord::postgres {

struct ShadowFill {
  const std::string& url;  // of the target's server
  Connection& target;
  const std::string& shadow_url;
  const std::string& shadow;  // the database's name
  bool with_ours = false;     // the schema `ripcord` too
  Duration lock_timeout{};    // 0: pg_dump waits for a table as long as it is locked
};

// Unavailable (LockTimeout) names who holds the lock that pg_dump waited for; FailedPrecondition
// (SchemaNotCopied) has the tool's own words.
Status fill_shadow(const ShadowFill& fill, CommandRunner& commands, const std::stop_token& stop);

}  // namespace ripcord::postgres
