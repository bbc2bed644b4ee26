// SPDX-License-Identifier: Apache-2.0
#pragma once
// Restores of SQLite database files: a checked copy beside the live file, then copied into it in
// one transaction. Clients keep their connections. Safe for concurrent use; what it opens is used
// by one thread at a time.

#include "controller/base/trace.h"
#include "controller/ports/restore_database.h"

namespace ripcord::sqlite {

struct RestoreOptions {
  Duration patience = std::chrono::seconds(30);  // with which the swap waits for the write lock
  Trace trace;
  Duration query_timeout = std::chrono::minutes(5);  // of one verification query
};

class SqliteRestores final : public RestoreDatabases {
 public:
  // `clock` outlives this and all it opens.
  explicit SqliteRestores(Clock& clock, RestoreOptions options = {})
      : clock_(clock), options_(std::move(options)) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override;

 private:
  Clock& clock_;
  RestoreOptions options_;
};

}  // namespace ripcord::sqlite
