// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private PostgreSQL 15 cluster in a temporary directory: loopback and unix socket on a free
// port, trust authentication, superuser `postgres`. Ended with the object. Started as user postgres
// when we are root (initdb refuses root). Throws std::runtime_error with the server's log when it
// does not start.

#include "tests/support/process.h"

#include <cstdint>
#include <memory>
#include <string>

namespace ripcord {

class PostgresCluster {
 public:
  PostgresCluster();  // initdb and start
  ~PostgresCluster();

  // False where no server is installed; then tests skip and say so.
  static bool available();
  std::uint16_t port() const { return port_; }
  std::string url(
      const std::string& database = "postgres") const;  // postgresql://postgres@127.0.0.1:PORT/db
  std::string socket_dir() const { return directory_.path().string(); }
  void start();
  void stop();   // fast shutdown
  void kill9();  // as if the machine lost power; start() recovers
  // Runs SQL through psql -X -A -t; the output without its last newline. Throws on an SQL error.
  std::string psql(const std::string& database, const std::string& sql) const;

 private:
  bool ready() const;
  // Not a pipe: the server would wait for a test that does not read it.
  std::string log_file() const { return directory_ / "server.log"; }

  TempDir directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> server_;
};

// One cluster shared by all tests of a binary, started at first use and ended with the process.
// Make databases of your own in it: fresh_database() gives the name of an empty one.
PostgresCluster& shared_cluster();
std::string fresh_database(PostgresCluster& cluster, const std::string& hint = "t");

}  // namespace ripcord
