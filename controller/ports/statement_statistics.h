// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database counts about the statements that it runs, and our notes about it there. For
// several threads.

#include "controller/base/status.h"
#include "controller/model/database.h"
#include "controller/model/statement_calls.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

class StatementStatistics {
 public:
  virtual ~StatementStatistics() = default;
  // Of the statements of this database whose text holds one of `words`, whatever its case; ours
  // left out. A database that does not count, or does not show it, is no failure.
  virtual Result<CallCounts> count(const DatabaseRef& ref,
                                   const std::vector<std::string>& words) = 0;
  // What was kept about `version`.
  virtual Result<std::optional<WatchedCalls>> kept(const DatabaseRef& ref,
                                                   std::int64_t version) = 0;
  virtual Status keep(const DatabaseRef& ref, std::int64_t version,
                      const WatchedCalls& watched) = 0;
};

}  // namespace ripcord
