// SPDX-License-Identifier: Apache-2.0
#pragma once
// SchemaDatabases for SQLite. A step is one BEGIN IMMEDIATE transaction: body, row in the
// history of the tool whose layout the migrations have, record with the undo (ripcord_applied).
// Foreign keys are not enforced while a body runs, so that tables can be rebuilt; a step that
// leaves more violations than it found is refused. VACUUM runs outside, with a row in
// ripcord_journal. Runners exclude each other by a lock on the file PATH.ripcord-lock, which names
// the owner; the kernel lets go of it when the owner dies. A database file that is not there counts
// as empty and is created by the first step. `clock` and the trace must outlive everything opened;
// thread-safe, what it opens is for one thread.

#include "controller/base/clock.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_database.h"

namespace ripcord::sqlite {

class SqliteSchemas final : public SchemaDatabases {
 public:
  explicit SqliteSchemas(Clock& clock, Trace trace = {})
      : clock_(clock), trace_(std::move(trace)) {}
  // InvalidArgument without a path.
  Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) override;

 private:
  Clock& clock_;
  Trace trace_;
};

}  // namespace ripcord::sqlite
