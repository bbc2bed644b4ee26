// SPDX-License-Identifier: Apache-2.0
#pragma once
// A throw-away database with the schema of a real one and none of its rows, to try migrations on.
// The real one is read and never written. Dropped when the object ends; what a killed process left
// is dropped when the next one is made.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/database.h"
#include "controller/model/schema_state.h"
#include "controller/model/schema_trial.h"

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord {

// One thread at a time.
class ShadowDatabase {
 public:
  virtual ~ShadowDatabase() = default;
  virtual Result<SchemaCatalog> catalog() = 0;
  // Adds a few rows with a value in every column to every table. Returns the tables that took none,
  // with why: "public.orders" -> "violates check ...".
  virtual Result<std::map<std::string, std::string>> seed(SeedRows wanted) = 0;
  // Takes every row out again.
  virtual Status empty() = 0;
  virtual Result<ShadowContent> content() = 0;
  // FailedPrecondition with line and the database's words; what ran before it stays, unless all of
  // the script can be one transaction.
  virtual Status run(const std::vector<SqlStatement>& script, std::stop_token stop) = 0;
};

// The schema that migrations are tried from, one after another. One thread at a time.
class ShadowSchema {
 public:
  virtual ~ShadowSchema() = default;
  virtual Result<std::unique_ptr<ShadowDatabase>> copy(std::stop_token stop) = 0;
  // Not a copy but itself, for the last trial: nothing is asked of this object afterwards.
  virtual Result<std::unique_ptr<ShadowDatabase>> take(std::stop_token stop) = 0;
  // The next migration is tried from where this one ends. As ShadowDatabase::run.
  virtual Status advance(const std::vector<SqlStatement>& up, std::stop_token stop) = 0;
};

class ShadowDatabases {
 public:
  virtual ~ShadowDatabases() = default;
  // In the server of `target`, or in that of `elsewhere`. Fails with what would have to be granted
  // or installed; Unavailable (LockTimeout) when its tables could not be read within
  // `lock_timeout` (0: it waits) because others hold locks on them.
  virtual Result<std::unique_ptr<ShadowSchema>> make(const DatabaseRef& target,
                                                     const std::optional<DatabaseRef>& elsewhere,
                                                     Duration lock_timeout,
                                                     std::stop_token stop) = 0;
};

}  // namespace ripcord
