// SPDX-License-Identifier: Apache-2.0
#pragma once
// StatementStatistics over pg_stat_statements, wherever that extension was put. Statements that
// begin with a comment of ours (/* ripcord ... */) are left out. What is kept is in
// ripcord.watched_shapes and ripcord.watched_statements, which keep() makes. Each call connects by
// itself; thread-safe.

#include "controller/ports/secrets.h"
#include "controller/ports/statement_statistics.h"

namespace ripcord::postgres {

class PostgresStatementStatistics final : public StatementStatistics {
 public:
  // `secrets` outlives this; none: URLs in Secrets are refused.
  explicit PostgresStatementStatistics(SecretReader* secrets = nullptr) : secrets_(secrets) {}
  Result<CallCounts> count(const DatabaseRef& ref, const std::vector<std::string>& words) override;
  Result<std::optional<WatchedCalls>> kept(const DatabaseRef& ref, std::int64_t version) override;
  Status keep(const DatabaseRef& ref, std::int64_t version, const WatchedCalls& watched) override;

 private:
  SecretReader* secrets_;
};

}  // namespace ripcord::postgres
