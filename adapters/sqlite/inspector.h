// SPDX-License-Identifier: Apache-2.0
#pragma once
// SqlInspector for SQLite, over our lexer. A statement is lossless only when its first words say
// that it adds or looks; everything not known is Unknown. Transaction control is refused with the
// line, scripts over 8 MiB and NUL bytes too. Thread-safe, keeps no state.

#include "controller/ports/schema_database.h"

namespace ripcord::sqlite {

class SqliteInspector final : public SqlInspector {
 public:
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
};

}  // namespace ripcord::sqlite
