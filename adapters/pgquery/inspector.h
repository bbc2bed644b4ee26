// SPDX-License-Identifier: Apache-2.0
#pragma once
// SqlInspector for PostgreSQL, over the server's own parser. What that parser does not know (a
// newer server's syntax, psql commands) is split by our lexer and its effect is Unknown: it can be
// run, but never passes for lossless. Refused with the line: scripts over 8 MiB, NUL bytes, and for
// inspect() transaction control, because it would tear the migration from its version row.
// Thread-safe, keeps no state.

#include "controller/ports/sql_inspector.h"

namespace ripcord::pgquery {

inline constexpr std::size_t kMaxScriptBytes = 8 * 1024 * 1024;

class PostgresInspector final : public SqlInspector {
 public:
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
  Result<SqlReport> review(Engine engine, const SqlScript& script) const override;
  bool mentions(Engine engine, const std::string& statement, const DataLoss& loss) const override;
};

}  // namespace ripcord::pgquery
