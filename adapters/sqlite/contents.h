// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database file holds, as counts, sums and digests that come out the same in any file with
// the same contents. Functions over a connection; one thread.

#include "adapters/sqlite/connection.h"
#include "controller/model/backup_manifest.h"

#include <stop_token>

namespace ripcord::sqlite {

// In one read transaction of its own.
Result<DatabaseContents> survey(Connection& connection, const std::stop_token& stop);

std::string quoted_name(const std::string& name);

}  // namespace ripcord::sqlite
