// SPDX-License-Identifier: Apache-2.0
#pragma once
// PostgreSQL's parse tree (as libpg_query writes it in JSON) -> what each statement does to data.
// Nothing that is not known to be harmless is called lossless. Pure function, thread-safe.

#include "controller/base/status.h"
#include "controller/model/migration_version.h"

#include <string_view>
#include <vector>

namespace ripcord::codec {

struct PgStatementFacts {
  std::size_t location = 0;  // bytes; white space and comments before the statement included
  std::size_t length = 0;    // 0 = to the end of the script
  DataEffect effect = DataEffect::kUnknown;
  bool needs_no_transaction = false;
  bool transaction_control = false;  // BEGIN, COMMIT ...
};

// Internal when the text is not such a tree.
Result<std::vector<PgStatementFacts>> read_pg_tree(std::string_view json);

}  // namespace ripcord::codec
