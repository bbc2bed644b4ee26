// SPDX-License-Identifier: Apache-2.0
// One suite for every RestoreDatabases. A world makes databases and backups of its engine; what a
// database holds is the list of names in its table `users`. The simulation holds no rows: it is
// asked for every state and refusal, not for contents.
#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/postgres/schema_tables.h"
#include "adapters/process/child_runner.h"
#include "adapters/simulation/restore.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_databases.h"
#include "adapters/sqlite/schema_tables.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <memory>

namespace ripcord {
namespace {

class World {
 public:
  virtual ~World() = default;
  virtual bool has_rows() const { return true; }
  virtual RestoreUnit swap_by() const { return RestoreUnit::kDatabase; }
  virtual RestoreDatabases& databases() = 0;
  virtual RestoreDatabases& impatient() = 0;  // gives a verification query half a second
  virtual DatabaseRef make_database(const std::vector<std::string>& users) = 0;
  Backup make_backup(const std::string& name, const std::vector<std::string>& users) {
    return make_backup(name, users, "select 1");
  }
  // After `sql` and, if so wanted, after migrations by Ripcord.
  virtual Backup make_backup(const std::string& name, const std::vector<std::string>& users,
                             const std::string& sql, bool migrated = false) = 0;
  virtual void damage(const Backup& backup) = 0;
  virtual std::string users(const DatabaseRef& ref) = 0;  // "ann,bob"
  virtual std::string users_of_previous(const DatabaseRef& ref, const std::string& previous) = 0;
  virtual std::string table(const std::string& name = "users") const = 0;  // as count() names it
};

std::string insert_all(const std::vector<std::string>& users) {
  std::string sql = "create table users (name text primary key);";
  for (const auto& user : users) {
    sql += "insert into users values ('" + user + "');";
  }
  return sql;
}

class PostgresWorld : public World {
 public:
  // DROP DATABASE waits for a checkpoint; no test here cuts the power.
  PostgresWorld() {
    shared_cluster().psql("postgres", "alter system set fsync = off");
    shared_cluster().psql("postgres", "select pg_reload_conf()");
  }
  RestoreDatabases& databases() override { return restores_; }
  RestoreDatabases& impatient() override { return impatient_; }
  DatabaseRef make_database(const std::vector<std::string>& users) override {
    DatabaseRef ref;
    const std::string name = fresh_database(shared_cluster(), "contract");
    shared_cluster().psql(name, insert_all(users));
    ref.url = shared_cluster().url(name);
    return ref;
  }
  using World::make_backup;
  Backup make_backup(const std::string& name, const std::vector<std::string>& users,
                     const std::string& sql, bool migrated) override {
    const std::string database = fresh_database(shared_cluster(), "source");
    shared_cluster().psql(database, insert_all(users) + sql);
    if (migrated) {
      auto connection = postgres::Connection::open(shared_cluster().url(database));
      EXPECT_OK(connection);
      auto tables = postgres::find_tables(*connection);
      EXPECT_OK(tables);
      EXPECT_OK(postgres::create_tables(*connection, *tables, MigrationLayout::kGolangMigrate));
      shared_cluster().psql(database,
                            "insert into schema_migrations values (7, false); insert into "
                            "ripcord.applied values ('public', 7, 'seven', 6, 'd', '', 'd', null, "
                            "1)");
    }
    Backup backup{name, BackupFormat::kPgCustom, directory_ / name, 0};
    const RunResult dumped =
        run({.argv = {"pg_dump", "-Fc", "-f", backup.path, shared_cluster().url(database)}});
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
    backup.bytes = static_cast<std::int64_t>(std::filesystem::file_size(backup.path));
    return backup;
  }
  void damage(const Backup& backup) override {
    std::filesystem::resize_file(backup.path, static_cast<std::uintmax_t>(backup.bytes) / 2);
  }
  std::string users(const DatabaseRef& ref) override {
    return users_of_previous(ref, ref.url.substr(ref.url.rfind('/') + 1));
  }
  std::string users_of_previous(const DatabaseRef&, const std::string& previous) override {
    return shared_cluster().psql(
        previous, "select coalesce(string_agg(name, ',' order by name), '') from users");
  }
  std::string table(const std::string& name) const override { return "public." + name; }

 private:
  TempDir directory_;
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresRestores restores_{runner_, clock_};
  postgres::PostgresRestores impatient_{runner_, clock_, {std::chrono::milliseconds(500), {}}};
};

// The previous contents are a schema of the same database.
class PostgresSchemaWorld final : public PostgresWorld {
 public:
  RestoreUnit swap_by() const override { return RestoreUnit::kSchema; }
  std::string users_of_previous(const DatabaseRef& ref, const std::string& previous) override {
    const bool schema = previous.find("ripcord") != std::string::npos ||
                        previous.find("before") != std::string::npos;
    const std::string database = ref.url.substr(ref.url.rfind('/') + 1);
    return shared_cluster().psql(
        database, "select coalesce(string_agg(name, ',' order by name), '') from " +
                      (schema ? "\"" + previous + "\"" : std::string("public")) + ".users");
  }
};

class SqliteWorld final : public World {
 public:
  explicit SqliteWorld(std::string journal_mode) : journal_mode_(std::move(journal_mode)) {}
  RestoreDatabases& databases() override { return restores_; }
  RestoreDatabases& impatient() override { return impatient_; }
  DatabaseRef make_database(const std::vector<std::string>& users) override {
    DatabaseRef ref;
    ref.engine = Engine::kSqlite;
    ref.path = make_file("live" + std::to_string(++made_) + ".db", users, journal_mode_);
    return ref;
  }
  using World::make_backup;
  Backup make_backup(const std::string& name, const std::vector<std::string>& users,
                     const std::string& sql, bool migrated) override {
    Backup backup{name, BackupFormat::kSqliteFile, make_file(name + ".db", users, "delete"), 0};
    auto connection = sqlite::Connection::open(backup.path, sqlite::OpenMode::kReadWrite);
    EXPECT_OK(connection->execute(sql));
    if (migrated) {
      auto tables = sqlite::find_tables(*connection);
      EXPECT_OK(tables);
      EXPECT_OK(sqlite::create_tables(*connection, *tables, MigrationLayout::kGolangMigrate));
      EXPECT_OK(connection->execute(
          "insert into schema_migrations values (7, false); insert into ripcord_applied (version, "
          "name, up_digest, down_digest, statements) values (7, 'seven', 'd', 'd', 1)"));
    }
    backup.bytes = static_cast<std::int64_t>(std::filesystem::file_size(backup.path));
    return backup;
  }
  void damage(const Backup& backup) override {
    std::filesystem::resize_file(backup.path, static_cast<std::uintmax_t>(backup.bytes) / 2);
  }
  std::string users(const DatabaseRef& ref) override { return users_of_previous(ref, ref.path); }
  std::string users_of_previous(const DatabaseRef&, const std::string& previous) override {
    auto connection = sqlite::Connection::open(previous, sqlite::OpenMode::kReadOnly);
    EXPECT_OK(connection);
    const auto rows = connection->query(
        "select coalesce(group_concat(name, ','), '') from (select name from users order by name)");
    EXPECT_OK(rows);
    return rows ? rows->rows.at(0).at(0).value_or("") : "?";
  }
  std::string table(const std::string& name) const override { return name; }

 private:
  std::string make_file(const std::string& name, const std::vector<std::string>& users,
                        const std::string& journal_mode) {
    auto connection = sqlite::Connection::open(directory_ / name, sqlite::OpenMode::kCreate);
    EXPECT_OK(connection);
    EXPECT_OK(connection->query("pragma journal_mode = " + journal_mode));
    EXPECT_OK(connection->execute(insert_all(users)));
    return directory_ / name;
  }

  TempDir directory_;
  SystemClock clock_;
  std::string journal_mode_;
  int made_ = 0;
  sqlite::SqliteRestores restores_{clock_};
  sqlite::SqliteRestores impatient_{clock_,
                                    {std::chrono::seconds(30), {}, std::chrono::milliseconds(500)}};
};

class SimulationWorld final : public World {
 public:
  bool has_rows() const override { return false; }
  RestoreDatabases& databases() override { return restores_; }
  RestoreDatabases& impatient() override { return restores_; }
  DatabaseRef make_database(const std::vector<std::string>&) override {
    DatabaseRef ref;
    ref.engine = Engine::kSimulation;
    ref.path = "shop";
    return ref;
  }
  using World::make_backup;
  Backup make_backup(const std::string& name, const std::vector<std::string>&, const std::string&,
                     bool) override {
    return {name, BackupFormat::kSimulated, name, 1000};
  }
  void damage(const Backup&) override {}
  std::string users(const DatabaseRef&) override { return {}; }
  std::string users_of_previous(const DatabaseRef&, const std::string&) override { return {}; }
  std::string table(const std::string&) const override { return "public.simulated"; }

 private:
  static SimulatedWorldSpec declared() {
    SimulatedWorldSpec spec;
    SimulatedDatabase database;
    database.name = "shop";
    spec.databases.push_back(database);
    SimulatedBackup backup;
    backup.pattern = "*day";
    backup.rows = 3;
    backup.bytes = 1000;
    backup.cost = std::chrono::minutes(1);
    spec.backups.push_back(backup);
    return spec;
  }

  SimulatedClock clock_;
  simulation::SimulatedWorld world_{declared()};
  simulation::SimulatedRestoreDatabases restores_{world_, clock_};
};

struct WorldFactory {
  std::string name;
  std::function<std::unique_ptr<World>()> make;  // null when it cannot be had here
};

std::vector<WorldFactory> factories() {
  return {{"PostgreSql",
           []() -> std::unique_ptr<World> {
             return PostgresCluster::available() ? std::make_unique<PostgresWorld>() : nullptr;
           }},
          {"PostgreSqlSchema",
           []() -> std::unique_ptr<World> {
             return PostgresCluster::available() ? std::make_unique<PostgresSchemaWorld>()
                                                 : nullptr;
           }},
          {"SqliteWal", [] { return std::make_unique<SqliteWorld>("wal"); }},
          {"SqliteRollbackJournal", [] { return std::make_unique<SqliteWorld>("delete"); }},
          {"Simulation", [] { return std::make_unique<SimulationWorld>(); }}};
}

class RestoreDatabase : public testing::TestWithParam<WorldFactory> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    if (!world_) {
      GTEST_SKIP() << "no server of this engine is installed";
    }
    live_ = world_->make_database({"old1", "old2"});
    backup_ = world_->make_backup("monday", {"ann", "bob", "cid"});
  }
  OpenedRestore open(const std::string& uid = "0a1b2c3d-4e5f-6789") {
    auto opened = world_->databases().open({live_, uid, world_->swap_by()});
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  void expect_users(const std::string& users) {
    if (world_->has_rows()) {
      EXPECT_EQ(world_->users(live_), users);
    }
  }
  void expect_users_of_previous(const std::string& previous, const std::string& users) {
    ASSERT_NE(previous, "");
    if (world_->has_rows()) {
      EXPECT_EQ(world_->users_of_previous(live_, previous), users);
    }
  }
  RestoreState state(OpenedRestore& opened) {
    auto read = opened.target->read();
    EXPECT_OK(read);
    return read ? *read : RestoreState{};
  }

  std::unique_ptr<World> world_;
  DatabaseRef live_;
  Backup backup_;
};

// What an engine does with the rows themselves.
class RestoredRows : public RestoreDatabase {};

TEST_P(RestoreDatabase, BeginsWithNothing) {
  OpenedRestore restore = open();
  const RestoreState found = state(restore);
  EXPECT_FALSE(found.side_exists);
  EXPECT_FALSE(found.side_complete);
  EXPECT_FALSE(found.swapped);
  EXPECT_FALSE(found.swap_interrupted);
  EXPECT_EQ(found.previous_name, "");
}

TEST_P(RestoreDatabase, LoadsBesideTheLiveDatabase) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  const RestoreState found = state(restore);
  EXPECT_TRUE(found.side_exists);
  EXPECT_TRUE(found.side_complete);
  EXPECT_FALSE(found.swapped);
  EXPECT_EQ(found.backup, "monday");
  EXPECT_GT(found.side_bytes, 0);
  expect_users("old1,old2");
}

TEST_P(RestoredRows, CountsTableByTableAndAnswersQueriesOnTheSide) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  const auto counted = restore.target->count({});
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, (std::vector<TableRows>{{world_->table(), 3}}));
  const auto answer = restore.target->query("select count(*) from users where name > 'b'", {});
  ASSERT_OK(answer);
  EXPECT_EQ(*answer, 2);
}

TEST_P(RestoredRows, CountsNoTableOfMigrationsButRestoresThem) {
  const Backup migrated = world_->make_backup("migrated", {"ann", "bob"}, "select 1", true);
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(migrated, {}));
  const auto counted = restore.target->count({});
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, (std::vector<TableRows>{{world_->table(), 2}}));
  const auto version = restore.target->query("select version from schema_migrations", {});
  ASSERT_OK(version);
  EXPECT_EQ(*version, 7);
}

TEST_P(RestoredRows, CountsATableThatOnlyHasTheNameOfTheVersionTable) {
  const Backup other = world_->make_backup(
      "other", {"ann"},
      "create table schema_migrations (version text); insert into schema_migrations values ('1')");
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(other, {}));
  const auto counted = restore.target->count({});
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, (std::vector<TableRows>{{world_->table("schema_migrations"), 1},
                                              {world_->table(), 1}}));
}

TEST_P(RestoredRows, RefusesAVerificationQueryThatWrites) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  EXPECT_FALSE(restore.target->query("delete from users", {}).has_value());
  EXPECT_FALSE(restore.target->query("select 1; delete from users", {}).has_value() &&
               *restore.target->query("select count(*) from users", {}) != 3);
  const auto left = restore.target->query("select count(*) from users", {});
  ASSERT_OK(left);
  EXPECT_EQ(*left, 3);
}

TEST_P(RestoredRows, RefusesAVerificationQueryWithoutOneNumber) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  EXPECT_CODE(restore.target->query("select name from users", {}), StatusCode::kFailedPrecondition);
  EXPECT_CODE(restore.target->query("select 'many'", {}), StatusCode::kFailedPrecondition);
}

TEST_P(RestoredRows, EndsAVerificationQueryThatTakesTooLong) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  auto opened = world_->impatient().open({live_, "0a1b2c3d-4e5f-6789", world_->swap_by()});
  ASSERT_OK(opened);
  const auto late = opened->target->query(
      "with recursive t (n) as (select 1 union all select n + 1 - 1 from t) select count(*) from t",
      {});
  EXPECT_CODE(late, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.error().reason(), "StatementTimeout");
  EXPECT_OK(opened->target->query("select count(*) from users", {}));
}

TEST_P(RestoreDatabase, SwapsAndKeepsThePreviousContent) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  const auto report = restore.target->swap({});
  ASSERT_OK(report);
  expect_users("ann,bob,cid");
  expect_users_of_previous(report->previous_name, "old1,old2");
  const RestoreState found = state(restore);
  EXPECT_TRUE(found.swapped);
  EXPECT_FALSE(found.swap_interrupted);
  EXPECT_FALSE(found.side_exists);
  EXPECT_EQ(found.backup, "monday");
  EXPECT_EQ(found.previous_name, report->previous_name);
}

TEST_P(RestoreDatabase, SwapsOnceHoweverOftenItIsAsked) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.target->swap({}));
  const auto again = open().target->swap({});
  ASSERT_OK(again);
  expect_users("ann,bob,cid");
  expect_users_of_previous(again->previous_name, "old1,old2");
}

TEST_P(RestoreDatabase, CountsTheLiveDatabaseOnceSwapped) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.target->swap({}));
  const auto counted = open().target->count({});
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, (std::vector<TableRows>{{world_->table(), 3}}));
}

TEST_P(RestoreDatabase, RefusesToSwapWhatIsNotLoaded) {
  OpenedRestore restore = open();
  EXPECT_CODE(restore.target->swap({}), StatusCode::kFailedPrecondition);
  expect_users("old1,old2");
}

TEST_P(RestoreDatabase, RefusesToLoadOverAFinishedSwap) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.target->swap({}));
  EXPECT_CODE(restore.target->load(backup_, {}), StatusCode::kFailedPrecondition);
}

TEST_P(RestoredRows, ADamagedBackupFailsAndLeavesTheLiveDatabaseAlone) {
  world_->damage(backup_);
  OpenedRestore restore = open();
  EXPECT_CODE(restore.target->load(backup_, {}), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(state(restore).side_complete);
  expect_users("old1,old2");
}

TEST_P(RestoreDatabase, LoadingAgainReplacesWhatAnEarlierTryLeft) {
  const Backup other = world_->make_backup("sunday", {"zoe"});
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(other, {}));
  ASSERT_OK(restore.target->load(backup_, {}));
  EXPECT_EQ(state(restore).backup, "monday");
  const auto rows = restore.target->query("select count(*) from users", {});
  ASSERT_OK(rows);
  EXPECT_EQ(*rows, 3);
}

TEST_P(RestoreDatabase, RefusesABackupOfAnotherEngine) {
  Backup foreign = backup_;
  foreign.format =
      live_.engine == Engine::kSqlite ? BackupFormat::kPgCustom : BackupFormat::kSqliteFile;
  EXPECT_CODE(open().target->load(foreign, {}), StatusCode::kInvalidArgument);
}

TEST_P(RestoreDatabase, DropsTheSideAndThePreviousAndNothingElse) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.leftovers->drop_side());
  ASSERT_OK(restore.leftovers->drop_side());
  EXPECT_FALSE(state(restore).side_exists);
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.target->swap({}));
  ASSERT_OK(restore.leftovers->drop_previous());
  ASSERT_OK(restore.leftovers->drop_previous());
  EXPECT_EQ(state(restore).previous_name, "");
  expect_users("ann,bob,cid");
}

TEST_P(RestoreDatabase, AStoppedLoadIsCancelledAndCanBeDoneAgain) {
  std::stop_source stop;
  stop.request_stop();
  OpenedRestore restore = open();
  EXPECT_CODE(restore.target->load(backup_, stop.get_token()), StatusCode::kCancelled);
  expect_users("old1,old2");
  ASSERT_OK(restore.target->load(backup_, {}));
  EXPECT_TRUE(state(restore).side_complete);
}

TEST_P(RestoreDatabase, TwoRequestsOnOneDatabaseKeepApart) {
  const Backup other = world_->make_backup("sunday", {"zoe"});
  OpenedRestore first = open("11111111-aaaa");
  OpenedRestore second = open("22222222-bbbb");
  ASSERT_OK(first.target->load(backup_, {}));
  ASSERT_OK(second.target->load(other, {}));
  ASSERT_OK(first.target->swap({}));
  ASSERT_OK(second.target->swap({}));
  expect_users("zoe");
  expect_users_of_previous(state(second).previous_name, "ann,bob,cid");
  expect_users_of_previous(state(first).previous_name, "old1,old2");
}

TEST_P(RestoreDatabase, GoesBackToThePreviousContentAndKeepsWhatWasRestored) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  ASSERT_OK(restore.target->swap({}));
  const auto back = restore.reverse->revert({});
  ASSERT_OK(back);
  expect_users("old1,old2");
  expect_users_of_previous(back->previous_name, "ann,bob,cid");
  const RestoreState found = state(restore);
  EXPECT_TRUE(found.reverted);
  EXPECT_FALSE(found.revert_interrupted);
  EXPECT_FALSE(found.swapped);
  EXPECT_FALSE(found.swap_interrupted);
  EXPECT_TRUE(found.side_exists);
  EXPECT_FALSE(found.side_complete);
  EXPECT_EQ(found.previous_name, "");
  // Again is nothing, and it is not loaded or swapped a second time.
  const auto again = restore.reverse->revert({});
  ASSERT_OK(again);
  EXPECT_EQ(again->previous_name, back->previous_name);
  EXPECT_CODE(restore.target->load(backup_, {}), StatusCode::kFailedPrecondition);
  EXPECT_CODE(restore.target->swap({}), StatusCode::kFailedPrecondition);
  expect_users("old1,old2");
  ASSERT_OK(restore.leftovers->drop_side());
  EXPECT_FALSE(state(restore).side_exists);
  expect_users("old1,old2");
}

TEST_P(RestoreDatabase, HasNoWayBackBeforeTheSwapOrWithoutThePreviousDatabase) {
  OpenedRestore restore = open();
  EXPECT_CODE(restore.reverse->revert({}), StatusCode::kFailedPrecondition);
  ASSERT_OK(restore.target->load(backup_, {}));
  EXPECT_CODE(restore.reverse->revert({}), StatusCode::kFailedPrecondition);
  ASSERT_OK(restore.target->swap({}));
  ASSERT_OK(restore.leftovers->drop_previous());
  const auto gone = restore.reverse->revert({});
  EXPECT_CODE(gone, StatusCode::kFailedPrecondition);
  EXPECT_EQ(gone.error().reason(), "PreviousGone");
  expect_users("ann,bob,cid");
}

TEST_P(RestoredRows, TheWayBackDoesNotSkipALaterRestore) {
  const Backup other = world_->make_backup("sunday", {"zoe"});
  OpenedRestore first = open("11111111-aaaa");
  OpenedRestore second = open("22222222-bbbb");
  for (OpenedRestore* restore : {&first, &second}) {
    ASSERT_OK(restore->target->load(restore == &first ? backup_ : other, {}));
    ASSERT_OK(restore->target->swap({}));
  }
  const auto skipping = first.reverse->revert({});
  EXPECT_CODE(skipping, StatusCode::kFailedPrecondition);
  EXPECT_EQ(skipping.error().reason(), "SwappedSince");
  expect_users("zoe");
  ASSERT_OK(second.reverse->revert({}));
  expect_users("ann,bob,cid");
  ASSERT_OK(first.reverse->revert({}));
  expect_users("old1,old2");
}

TEST_P(RestoredRows, TheWayBackDoesNotSkipALaterRestoreWhosePreviousIsDropped) {
  const Backup other = world_->make_backup("sunday", {"zoe"});
  OpenedRestore first = open("11111111-aaaa");
  OpenedRestore second = open("22222222-bbbb");
  ASSERT_OK(first.target->load(backup_, {}));
  ASSERT_OK(first.target->swap({}));
  ASSERT_OK(second.target->load(other, {}));
  ASSERT_OK(second.target->swap({}));
  ASSERT_OK(second.leftovers->drop_previous());
  EXPECT_CODE(first.reverse->revert({}), StatusCode::kFailedPrecondition);
  expect_users("zoe");
}

TEST_P(RestoredRows, CountsTheLiveDatabaseBesideTheRestoredOne) {
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(backup_, {}));
  const auto live = restore.checks->count_live({});
  ASSERT_OK(live);
  EXPECT_EQ(live->counted, (std::vector<TableRows>{{world_->table(), 2}}));
  EXPECT_THAT(live->uncounted, testing::IsEmpty());
  const auto live_contents = restore.checks->survey_live({});
  ASSERT_OK(live_contents);
  ASSERT_EQ(live_contents->contents.tables.size(), 1U);
  EXPECT_EQ(live_contents->contents.tables[0].rows, 2);
  const auto surveyed = restore.checks->survey({});
  ASSERT_OK(surveyed);
  ASSERT_EQ(surveyed->contents.tables.size(), 1U);
  EXPECT_EQ(surveyed->contents.tables[0].rows, 3);
  const auto measured = restore.meter->measure();
  ASSERT_OK(measured);
  EXPECT_GT(measured->bytes, 0);
}

TEST_P(RestoredRows, SumsTellOneRowFromAnotherAndNotTheirOrder) {
  std::vector<std::string> sums;
  for (const std::vector<std::string>& users :
       {std::vector<std::string>{"ann", "bob"}, std::vector<std::string>{"bob", "ann"},
        std::vector<std::string>{"ann", "bo"}}) {
    const std::string name = "b" + std::to_string(sums.size());
    const Backup backup = world_->make_backup(name, users);
    OpenedRestore restore = open();
    ASSERT_OK(restore.target->load(backup, {}));
    const auto surveyed = restore.checks->survey({});
    ASSERT_OK(surveyed);
    sums.push_back(surveyed->contents.tables.at(0).sum);
  }
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_NE(sums[0], sums[2]);
}

std::vector<WorldFactory> engines() {
  std::vector<WorldFactory> all = factories();
  std::erase_if(all, [](const WorldFactory& factory) { return factory.name == "Simulation"; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Every, RestoreDatabase, testing::ValuesIn(factories()),
                         [](const auto& instance) { return instance.param.name; });
INSTANTIATE_TEST_SUITE_P(Every, RestoredRows, testing::ValuesIn(engines()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace ripcord
