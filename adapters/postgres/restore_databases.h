// SPDX-License-Identifier: Apache-2.0
#pragma once
// Restores of PostgreSQL databases: into a side database of the same server, then swapped in by
// renaming. Works through the maintenance database `postgres`; needs PostgreSQL 13 or later, a role
// that owns the database (or a superuser) with CREATEDB and pg_signal_backend, and
// pg_restore and psql where Ripcord runs. Safe for concurrent use; what it opens is used by one
// thread at a time.

#include "controller/base/trace.h"
#include "controller/ports/command.h"
#include "controller/ports/restore_database.h"
#include "controller/ports/secrets.h"

namespace ripcord::postgres {

struct RestoreOptions {
  Duration query_timeout = std::chrono::minutes(5);  // of one verification query
  Trace trace;
  SecretReader* secrets = nullptr;  // none: URLs in Secrets are refused
};

class PostgresRestores final : public RestoreDatabases {
 public:
  // What is passed in outlives this and all it opens.
  PostgresRestores(CommandRunner& commands, Clock& clock, RestoreOptions options = {})
      : commands_(commands), clock_(clock), options_(std::move(options)) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override;

 private:
  CommandRunner& commands_;
  Clock& clock_;
  RestoreOptions options_;
};

}  // namespace ripcord::postgres
