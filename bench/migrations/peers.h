// SPDX-License-Identifier: Apache-2.0
#pragma once
// golang-migrate, goose, dbmate and sql-migrate beside `ripcord run`, as whole processes on the
// same files: 1,000 up, then 1,000 down, each in a database of its own.

#include "controller/model/migration.h"
#include "tests/support/postgres_cluster.h"

#include <vector>

namespace ripcord {

// At most `pairs` of each peer and engine, and none more when half a minute is spent on it. Prints
// a row for each; peers that are not installed are named. `cluster` may be null. Throws
// std::runtime_error when one of them fails.
void compare_with_peers(const std::vector<Migration>& all, PostgresCluster* cluster, int pairs);

}  // namespace ripcord
