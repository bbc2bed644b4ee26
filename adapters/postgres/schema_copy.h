// SPDX-License-Identifier: Apache-2.0
#pragma once
// One schema (or some tables) from one database of a server to another of it: pg_dump into a pipe,
// pg_restore out of it, both without a shell and without a file in between. Nothing is stored where
// Ripcord runs. Blocks until both have ended or were stopped.

#include "adapters/postgres/restore_site.h"

#include <string>
#include <vector>

namespace ripcord::postgres {

struct SchemaCopy {
  std::string from;  // databases
  std::string to;
  std::vector<std::string> options;  // of pg_dump: what to copy
  bool notices_death = false;        // the server knows client_connection_check_interval
};

// FailedPrecondition (LoadFailed) carries the first error of the tool that failed; Unavailable
// (ConnectionLost), ResourceExhausted (DiskFull) when trying again may help.
Status copy_schema(const RestoreSite& site, const SchemaCopy& copy, const std::stop_token& stop);

}  // namespace ripcord::postgres
