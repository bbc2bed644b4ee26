// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table `users` whose email is on its way from one column to another, on either engine:
//   1 makes it   2 expands: adds address   3 contracts: drops email
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord {

inline std::vector<Migration> shop_migrations() {
  return {
      migration(1, "CREATE TABLE users (id integer PRIMARY KEY, email text)", "DROP TABLE users"),
      migration(2, "-- ripcord:phase Expand\nALTER TABLE users ADD COLUMN {} address text",
                "ALTER TABLE users DROP COLUMN address"),
      migration(3, "-- ripcord:phase Contract\nALTER TABLE users DROP COLUMN email",
                "ALTER TABLE users ADD COLUMN email text")};
}

// One engine: a fresh database, and SQL by its own client.
struct Shop {
  DatabaseRef ref;
  std::function<std::string(const std::string& sql)> sql;
  std::shared_ptr<TempDir> directory;

  std::vector<Migration> migrations() const {
    std::vector<Migration> all = shop_migrations();
    for (Migration& each : all) {
      const std::size_t at = each.up->find("{} ");
      if (at != std::string::npos) {
        each.up->replace(at, 3, ref.engine == Engine::kPostgreSql ? "IF NOT EXISTS " : "");
      }
    }
    return all;
  }
};

inline Shop postgres_shop(PostgresCluster& cluster) {
  const std::string name = fresh_database(cluster, "shop");
  return {postgres_ref(cluster.url(name)),
          [&cluster, name](const std::string& sql) { return cluster.psql(name, sql); }, nullptr};
}

inline Shop sqlite_shop() {
  auto directory = std::make_shared<TempDir>();
  const std::string path = *directory / "shop.db";
  return {sqlite_ref(path),
          [path](const std::string& sql) {
            const RunResult ran = run({.argv = {"sqlite3", path, sql}});
            EXPECT_EQ(ran.exit_code, 0) << ran.err;
            return ran.out.empty() ? "" : ran.out.substr(0, ran.out.size() - 1);
          },
          directory};
}

// Approves `version` without declaring it.
inline void approve(Harness& harness, std::int64_t version, const std::string& reason = "") {
  harness.spec().approval = MigrationApproval{version, "alice", false, reason};
}

}  // namespace ripcord
