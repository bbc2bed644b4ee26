// SPDX-License-Identifier: Apache-2.0
#pragma once
// Manifests for a running `ripcord` over real databases, and what its API says of them. Scripts
// that nap do so as long as the PostgreSQL role says, so that a test decides when work is slow.

#include "tests/integration/app/running_ripcord.h"
#include "tests/support/postgres_cluster.h"

#include <string>

namespace ripcord {

inline const std::string kShopMigration = "migrationversions/shop";
inline const std::string kNap = "SELECT pg_sleep(current_setting('nap.seconds')::float)";

// What jq makes of the object; lines.
std::string ask(const RunningRipcord& ripcord, const std::string& path, const std::string& filter);
// "Ready=False ConnectFailed", or "" when there is no such condition.
std::string ready(const RunningRipcord& ripcord, const std::string& path);
std::string ready_message(const RunningRipcord& ripcord, const std::string& path);
// "1>2 Succeeded" a line, newest first.
std::string history(const RunningRipcord& ripcord, const std::string& path);
// Waits until `path` is Ready=False for one of `reasons`; the message of then. Fails the test when
// it does not come.
std::string await_reason(const RunningRipcord& ripcord, const std::string& path,
                         const std::vector<std::string>& reasons);

// `database` is the YAML of spec.database; each script is one up migration, without `"`.
std::string migration_yaml(const std::string& database, const std::vector<std::string>& scripts);
std::string restore_yaml(const std::string& name, const std::string& database,
                         const std::string& catalog, const std::string& backup);
std::string postgres_yaml(const PostgresCluster& cluster, const std::string& database);
std::string sqlite_yaml(const std::string& path);

// How long kNap takes in every session from now on.
void nap(const PostgresCluster& cluster, int seconds);
// Statements of others that sleep in databases whose name begins so.
int nappers(const PostgresCluster& cluster, const std::string& database);

}  // namespace ripcord
