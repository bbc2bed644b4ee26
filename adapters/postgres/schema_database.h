// SPDX-License-Identifier: Apache-2.0
#pragma once
// SchemaDatabases for PostgreSQL. A transactional step is one transaction: lock_timeout, body,
// version row, record. A step with a statement that needs no transaction has a journal row per
// statement; after a crash the catalogs are asked what came of the one in hand. Locks and work
// share one session, so losing the session ends both. Needs a direct connection or session pooling
// (no transaction pooling). `clock` and the trace must outlive everything opened; thread-safe, what
// it opens is for one thread.

#include "controller/base/clock.h"
#include "controller/base/trace.h"
#include "controller/ports/schema_database.h"
#include "controller/ports/secrets.h"

namespace ripcord::postgres {

class PostgresSchemas final : public SchemaDatabases {
 public:
  // `secrets` outlives this; none: URLs in Secrets are refused.
  explicit PostgresSchemas(Clock& clock, Trace trace = {}, SecretReader* secrets = nullptr)
      : clock_(clock), trace_(std::move(trace)), secrets_(secrets) {}
  // InvalidArgument when no URL can be had; connects at first use.
  Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) override;

 private:
  Clock& clock_;
  Trace trace_;
  SecretReader* secrets_;
};

}  // namespace ripcord::postgres
