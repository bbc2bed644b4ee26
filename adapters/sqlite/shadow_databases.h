// SPDX-License-Identifier: Apache-2.0
#pragma once
// ShadowDatabases on SQLite: in memory, from the schema of the file, which is only read. Nothing
// can be left over.

#include "controller/ports/shadow_database.h"

namespace ripcord::sqlite {

class SqliteShadows final : public ShadowDatabases {
 public:
  // `elsewhere` means nothing here.
  Result<std::unique_ptr<ShadowSchema>> make(const DatabaseRef& target,
                                             const std::optional<DatabaseRef>& elsewhere,
                                             Duration lock_timeout, std::stop_token stop) override;
};

}  // namespace ripcord::sqlite
