// SPDX-License-Identifier: Apache-2.0
#pragma once
// SqlInspector for SQLite, by SQLite itself: each statement is prepared in a schema in memory and
// the authorizer tells what it would do. What it refuses to prepare is Unknown. Refused with the
// line: for inspect() transaction control; scripts over 8 MiB and NUL bytes too. Thread-safe, keeps
// no state.

#include "controller/ports/sql_inspector.h"

namespace ripcord::sqlite {

class SqliteInspector final : public SqlInspector {
 public:
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
  Result<SqlReport> review(Engine engine, const SqlScript& script) const override;
};

}  // namespace ripcord::sqlite
