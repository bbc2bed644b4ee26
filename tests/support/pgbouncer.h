// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private PgBouncer on loopback in transaction mode, before one database of a PostgresCluster.
// Its administrator is `postgres`, without a password. Ended with the object. Throws
// std::runtime_error with its log when it does not start.

#include "tests/support/postgres_cluster.h"

#include <cstdint>
#include <memory>
#include <string>

namespace ripcord {

class PgBouncer {
 public:
  // The pool `app` leads to `database`.
  PgBouncer(const PostgresCluster& cluster, const std::string& database, int pool_size = 20);
  ~PgBouncer();

  // False where it is not installed; then tests skip and say so.
  static bool available();
  std::string url(
      const std::string& pool = "app") const;  // postgresql://postgres@127.0.0.1:PORT/app
  std::string admin_url() const { return url("pgbouncer"); }
  bool paused() const;  // the pool `app`

 private:
  TempDir directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace ripcord
