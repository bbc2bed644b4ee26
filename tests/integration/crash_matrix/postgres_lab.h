// SPDX-License-Identifier: Apache-2.0
#pragma once
// A PostgreSQL server whose databases tell on the migrations that run in them: event triggers and
// triggers write every change of the schema and of rows to a ledger, in the transaction of the
// change, and stop at a chosen one, in mid-statement. All of it is in schema `oracle`.

#include "adapters/postgres/connection.h"
#include "tests/integration/crash_matrix/corpus.h"
#include "tests/integration/crash_matrix/matrix.h"
#include "tests/support/postgres_cluster.h"

#include <memory>
#include <optional>
#include <string>

namespace ripcord {

enum class Disturbance { kCutConnection, kKillController, kKillServer };
std::string_view to_string(Disturbance how);

// Throws std::runtime_error when the server refuses `sql`.
postgres::Rows ask(postgres::Connection& connection, const std::string& sql);
std::string ask_value(postgres::Connection& connection, const std::string& sql);  // first of all

class PostgresLab;

// One database, and a session of the test in it.
class WatchedDatabase {
 public:
  WatchedDatabase(PostgresLab& lab, std::string name);

  const std::string& name() const { return name_; }
  DatabaseRef ref() const;
  postgres::Connection& session() { return *session_; }
  void connect();     // anew
  void disconnect();  // so that it can be a template

  // Everything that is in it, in sorted lines: catalogs, rows, history, records, journal, ledger.
  std::string dump(MigrationLayout layout);
  // Which migrations and statements are committed.
  std::string committed();
  // The n-th change from now on stops in its middle; 0: none does.
  void stop_at(int change);
  // The server process of a controller that has stopped there.
  std::optional<int> stopped();
  // The same for one that waits for the transactions of others in a CONCURRENTLY statement.
  std::optional<int> waits_for_others();
  // Until no controller is connected any more.
  void wait_for_quiet();

 private:
  std::optional<int> backend(const std::string& condition);

  PostgresLab& lab_;
  std::string name_;
  std::unique_ptr<postgres::Connection> session_;
};

// The same, for the controllers that are killed: as WatchedDatabase::committed(), of a session of
// their own.
std::string committed_in(postgres::Connection& session);

class PostgresLab {
 public:
  PostgresLab();
  PostgresCluster& cluster() { return cluster_; }

  // Empty but for the oracle; or as `source` is, to which nobody may be connected.
  WatchedDatabase fresh(const std::string& hint, const std::string& source = "oracle_template");
  // Disturbs a controller whose server process is `backend`, and waits for the end of both.
  // The server runs again afterwards.
  void disturb(WatchedDatabase& database, Disturbance how, pid_t controller, int backend);

 private:
  PostgresCluster cluster_;
  int count_ = 0;
};

PostgresLab& shared_lab();

}  // namespace ripcord
