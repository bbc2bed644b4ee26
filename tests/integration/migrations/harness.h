// SPDX-License-Identifier: Apache-2.0
#pragma once
// A MigrationVersion over a real database, converged as often as asked; and the corpus of
// migrations of the fault tests, whose bodies write to a log so that anything done twice shows.

#include "adapters/migrationdir/migration_directory.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "controller/strategies/migration_version.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

inline DatabaseRef postgres_ref(const std::string& url) {
  DatabaseRef ref;
  ref.engine = Engine::kPostgreSql;
  ref.url = url;
  return ref;
}
inline DatabaseRef sqlite_ref(const std::string& path) {
  DatabaseRef ref;
  ref.engine = Engine::kSqlite;
  ref.path = path;
  return ref;
}

inline Migration migration(std::int64_t version, std::string up,
                           std::optional<std::string> down = std::nullopt) {
  return {version, "m" + std::to_string(version), std::move(up), std::move(down), "", ""};
}

// The system's clock, with a wall that can be put forward: the soak of a contract is long.
class ShiftedClock final : public Clock {
 public:
  MonoTime now() const override { return halted_.value_or(real_.now()); }
  WallTime wall_now() const override { return real_.wall_now() + shift_; }
  bool sleep_for(Duration d, std::stop_token stop) override { return real_.sleep_for(d, stop); }
  void put_forward(std::chrono::microseconds by) { shift_ += by; }
  void halt() { halted_ = real_.now(); }

 private:
  SystemClock real_;
  std::optional<MonoTime> halted_;
  std::chrono::microseconds shift_{0};
};

class Harness {
 public:
  explicit Harness(DatabaseRef ref, std::vector<Migration> migrations, Trace trace = {})
      : postgres_(clock_, trace), sqlite_(clock_, trace) {
    object_ = make_resource(Kind::kMigrationVersion, "app");
    object_.meta.generation = 1;
    spec().database = std::move(ref);
    spec().source.inline_migrations = std::move(migrations);
    spec().policy.down = DownPolicy::kAllow;
    spec().policy.data_loss = DataLossPolicy::kApprove;
  }

  MigrationVersionSpec& spec() { return std::get<MigrationVersionSpec>(object_.spec); }
  const MigrationVersionStatus& status() const {
    return std::get<MigrationVersionStatus>(object_.status);
  }
  ShiftedClock& clock() { return clock_; }
  // What `ripcord plan` would print.
  Result<Plan> plan() { return make_strategy().plan(object_, {}); }
  // Declares and approves the version, then reconciles once.
  Outcome go(std::int64_t version) {
    spec().version = version;
    spec().approval = MigrationApproval{version, "test", true, std::to_string(++asked_)};
    return converge();
  }
  Outcome converge(std::stop_token stop = {}) {
    MigrationVersionStrategy strategy = make_strategy();
    const ReconcileRequest request{object_.key(), "test", std::move(stop), {}};
    Reconcile reconcile{object_, request, [] { return ok_status(); }};
    return strategy.converge(reconcile);
  }
  // "Ready", or the reason and message of why not.
  std::string verdict() const {
    const Condition* ready = status().conditions.find(kReady);
    if (ready == nullptr) {
      return "no condition";
    }
    return ready->status == ConditionState::kTrue ? "Ready" : ready->reason + ": " + ready->message;
  }
  void set_patience(Duration patience) { patience_ = patience; }
  void set_shadows(ShadowDatabases& shadows) { shadows_ = &shadows; }
  void set_statistics(StatementStatistics& statistics) { statistics_ = &statistics; }

 private:
  MigrationVersionStrategy make_strategy() {
    const bool pg = spec().database.engine == Engine::kPostgreSql;
    return MigrationVersionStrategy(
        {pg ? static_cast<SchemaDatabases&>(postgres_) : sqlite_, source_,
         pg ? static_cast<const SqlInspector&>(pg_inspector_) : sqlite_inspector_, metrics_, clock_,
         patience_, shadows_, statistics_});
  }

  ShiftedClock clock_;
  NullMetricSink metrics_;
  postgres::PostgresSchemas postgres_;
  sqlite::SqliteSchemas sqlite_;
  pgquery::PostgresInspector pg_inspector_;
  sqlite::SqliteInspector sqlite_inspector_;
  migrationdir::MigrationDirectory source_;
  Resource object_;
  Duration patience_ = std::chrono::seconds(20);
  ShadowDatabases* shadows_ = nullptr;
  StatementStatistics* statistics_ = nullptr;
  int asked_ = 0;
};

inline std::vector<Migration> postgres_corpus() {
  return {
      migration(1, "CREATE TABLE log (id serial, what text); INSERT INTO log (what) VALUES ('up1')",
                "DROP TABLE log"),
      migration(
          2,
          "CREATE TABLE users (id int, email text); INSERT INTO users SELECT g, 'u' || g FROM "
          "generate_series(1, 50) g; INSERT INTO log (what) VALUES ('up2')",
          "DROP TABLE users; INSERT INTO log (what) VALUES ('down2')"),
      migration(3,
                "INSERT INTO log (what) VALUES ('up3a'); CREATE INDEX CONCURRENTLY users_email ON "
                "users (email); INSERT INTO log (what) VALUES ('up3b'); CREATE UNIQUE INDEX "
                "CONCURRENTLY users_id ON users (id)",
                "INSERT INTO log (what) VALUES ('down3a'); DROP INDEX CONCURRENTLY users_id; DROP "
                "INDEX CONCURRENTLY users_email; INSERT INTO log (what) VALUES ('down3b')"),
      migration(
          4,
          "CREATE FUNCTION note(t text) RETURNS void LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO "
          "log (what) VALUES (t || ';'); END; $f$; SET search_path = public; SELECT "
          "note('up4')",
          "SELECT note('down4'); DROP FUNCTION note(text)"),
      migration(
          5,
          "ALTER TABLE users ADD COLUMN visits int NOT NULL DEFAULT 0; UPDATE users SET visits "
          "= visits + 1; INSERT INTO log (what) VALUES ('up5')",
          "ALTER TABLE users DROP COLUMN visits; INSERT INTO log (what) VALUES ('down5')")};
}

inline std::vector<Migration> sqlite_corpus() {
  return {
      migration(
          1,
          "CREATE TABLE log (id integer PRIMARY KEY, what text); INSERT INTO log (what) VALUES "
          "('up1')",
          "DROP TABLE log"),
      migration(2,
                "CREATE TABLE users (id int, email text); INSERT INTO users VALUES (1, 'a'), (2, "
                "'b'); INSERT INTO log (what) VALUES ('up2')",
                "DROP TABLE users; INSERT INTO log (what) VALUES ('down2')"),
      migration(3,
                "INSERT INTO log (what) VALUES ('up3a'); VACUUM; INSERT INTO log (what) VALUES "
                "('up3b')",
                "INSERT INTO log (what) VALUES ('down3a'); VACUUM; INSERT INTO log (what) VALUES "
                "('down3b')"),
      migration(
          4,
          "CREATE TRIGGER t AFTER UPDATE ON users BEGIN INSERT INTO log (what) VALUES (CASE "
          "WHEN 1 THEN 'trigger' ELSE 'never' END); END; UPDATE users SET email = 'c' WHERE id "
          "= 1; INSERT INTO log (what) VALUES ('up4')",
          "DROP TRIGGER t; INSERT INTO log (what) VALUES ('down4')"),
      migration(
          5,
          "ALTER TABLE users ADD COLUMN visits int NOT NULL DEFAULT 0; INSERT INTO log (what) "
          "VALUES ('up5')",
          "ALTER TABLE users DROP COLUMN visits; INSERT INTO log (what) VALUES ('down5')")};
}

}  // namespace ripcord
