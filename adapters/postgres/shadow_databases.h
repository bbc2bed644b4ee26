// SPDX-License-Identifier: Apache-2.0
#pragma once
// ShadowDatabases on PostgreSQL: databases `ripcord_shadow_<of>_<random>...` in the target's
// server, or in that of another URL, filled by pg_dump --schema-only of the target. The maker's
// session holds an advisory lock as long as they are wanted; one that nobody holds is a left-over,
// and dropped by the next maker. Needs CREATEDB.
//
// A script that reaches beyond its database (roles, databases, tablespaces, server settings,
// programs) is refused: on the same server it would be no trial.

#include "controller/base/log.h"
#include "controller/base/trace.h"
#include "controller/ports/command.h"
#include "controller/ports/secrets.h"
#include "controller/ports/shadow_database.h"

namespace ripcord::postgres {

class PostgresShadows final : public ShadowDatabases {
 public:
  // `commands` and `secrets` (where there are any) outlive this and everything it makes.
  explicit PostgresShadows(CommandRunner& commands, Trace trace = {},
                           SecretReader* secrets = nullptr, Logger log = {})
      : commands_(commands), trace_(std::move(trace)), secrets_(secrets), log_(std::move(log)) {}
  Result<std::unique_ptr<ShadowSchema>> make(const DatabaseRef& target,
                                             const std::optional<DatabaseRef>& elsewhere,
                                             Duration lock_timeout, std::stop_token stop) override;

 private:
  CommandRunner& commands_;
  Trace trace_;
  SecretReader* secrets_;
  Logger log_;  // of shadows that could not be dropped
};

}  // namespace ripcord::postgres
