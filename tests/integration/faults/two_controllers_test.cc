// SPDX-License-Identifier: Apache-2.0
// Two controllers, each with a store of its own, that are told to do the same to one database.
#include "tests/integration/faults/real_run.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

std::string sqlite3(const std::string& path, const std::string& sql) {
  const RunResult result = run({.argv = {"sqlite3", "-cmd", ".timeout 10000", path, sql}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out.empty() ? "" : result.out.substr(0, result.out.size() - 1);
}

class TwoControllers : public testing::Test {
 protected:
  static PostgresCluster& pg() { return shared_cluster(); }
  void save_in_both(const std::string& file, const std::string& yaml) {
    one_.save(file, yaml);
    two_.save(file, yaml);
  }
  // Each restores a backup of its own, both at once. What each says in the end.
  void restore_different_backups(const std::string& database, const std::string& catalog) {
    one_.save("undo.yaml", restore_yaml("undo", database, catalog, "monday"));
    two_.save("undo.yaml", restore_yaml("undo", database, catalog, "tuesday"));
    for (const RunningRipcord* each : {&one_, &two_}) {
      each->await_ready("restorerequests/undo");
      EXPECT_EQ(ready(*each, "restorerequests/undo"), "Ready=True Restored");
      EXPECT_EQ(ask(*each, "restorerequests/undo", ".status.restoredRows"), "2");
      previous_.push_back(ask(*each, "restorerequests/undo", ".status.previousDatabase"));
    }
    ASSERT_NE(previous_[0], previous_[1]);
  }

  RunningRipcord one_;
  RunningRipcord two_;
  std::vector<std::string> previous_;
};

TEST_F(TwoControllers, RunEachMigrationOfAPostgresDatabaseOnce) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server is installed";
  }
  const std::string name = fresh_database(pg(), "shop");
  save_in_both("shop.yaml",
               migration_yaml(postgres_yaml(pg(), name),
                              {"CREATE TABLE log (id serial, what text); INSERT INTO log (what) "
                               "VALUES ('up1'); SELECT pg_sleep(0.3)",
                               "INSERT INTO log (what) VALUES ('up2'); SELECT pg_sleep(0.3)",
                               "INSERT INTO log (what) VALUES ('up3a'); CREATE INDEX CONCURRENTLY "
                               "log_what ON log (what); INSERT INTO log (what) VALUES ('up3b')",
                               "INSERT INTO log (what) VALUES ('up4')"}));
  for (const RunningRipcord* each : {&one_, &two_}) {
    each->await_ready(kShopMigration);
    EXPECT_EQ(ready(*each, kShopMigration), "Ready=True Migrated");
    EXPECT_EQ(ask(*each, kShopMigration, ".status.version"), "4");
  }
  EXPECT_EQ(pg().psql(name, "select string_agg(what, ' ' order by id) from log"),
            "up1 up2 up3a up3b up4");
}

TEST_F(TwoControllers, RunEachMigrationOfASqliteFileOnce) {
  TempDir shop;
  // The other one gets at it through a link.
  std::filesystem::create_directory(shop / "real");
  sqlite3(shop / "real/shop.db", "create table log (id integer primary key, what text)");
  std::filesystem::create_symlink("real/shop.db", shop / "shop.db");
  // Long enough for the other to come in between.
  const std::string busy =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) INSERT "
      "INTO "
      "log (what) SELECT 'up' FROM n WHERE i = 300000";
  std::vector<std::string> scripts;
  for (int version = 1; version <= 8; ++version) {
    scripts.push_back(busy);
  }
  scripts.push_back(
      "INSERT INTO log (what) VALUES ('a'); VACUUM; INSERT INTO log (what) VALUES ('b')");
  one_.save("shop.yaml", migration_yaml(sqlite_yaml(shop / "real/shop.db"), scripts));
  two_.save("shop.yaml", migration_yaml(sqlite_yaml(shop / "shop.db"), scripts));
  for (const RunningRipcord* each : {&one_, &two_}) {
    each->await_ready(kShopMigration);
    EXPECT_EQ(ask(*each, kShopMigration, ".status.version"), "9");
  }
  EXPECT_EQ(sqlite3(shop / "shop.db", "select what, count(*) from log group by what"),
            "a|1\nb|1\nup|8");
}

TEST_F(TwoControllers, RestoreAPostgresDatabaseOneAfterTheOther) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server is installed";
  }
  const std::string name = fresh_database(pg(), "shop");
  pg().psql(name, "create table users (name text); insert into users values ('old1')");
  TempDir catalog;
  for (const std::string day : {"monday", "tuesday"}) {
    write_file(catalog / (day + ".sql"),
               "create table users (name text);\ninsert into users values "
               "('" +
                   day +
                   "1');\nselect pg_sleep(0.5);\ninsert into "
                   "users values ('" +
                   day + "2');\n");
  }
  restore_different_backups(postgres_yaml(pg(), name), catalog.path());
  const std::string users = "select string_agg(name, ',' order by name) from users";
  std::multiset<std::string> contents = {pg().psql(name, users)};
  for (const std::string& previous : previous_) {
    contents.insert(pg().psql(previous, users));
  }
  EXPECT_THAT(contents, testing::ElementsAre("monday1,monday2", "old1", "tuesday1,tuesday2"))
      << "nothing was mixed and nothing was lost";
  EXPECT_EQ(pg().psql("postgres",
                      "select count(*), bool_and(datallowconn) from pg_database where "
                      "datname like '" +
                          name + "%'"),
            "3|t");
}

TEST_F(TwoControllers, RestoreASqliteFileOneAfterTheOther) {
  TempDir shop;
  std::filesystem::create_directory(shop / "backups");
  sqlite3(shop / "shop.db", "create table users (name text); insert into users values ('old1')");
  for (const std::string day : {"monday", "tuesday"}) {
    sqlite3(shop / ("backups/" + day + ".db"),
            "create table users (name text); insert into users values ('" + day + "1'), ('" + day +
                "2')");
  }
  restore_different_backups(sqlite_yaml(shop / "shop.db"), shop / "backups");
  const std::string users = "select group_concat(name) from (select name from users order by name)";
  std::multiset<std::string> contents = {sqlite3(shop / "shop.db", users)};
  for (const std::string& previous : previous_) {
    contents.insert(sqlite3(previous, users));
  }
  EXPECT_THAT(contents, testing::ElementsAre("monday1,monday2", "old1", "tuesday1,tuesday2"));
  EXPECT_EQ(sqlite3(shop / "shop.db", "pragma integrity_check"), "ok");
}

// The one that finds the database taken says by whom, and goes on by itself.
TEST_F(TwoControllers, TheOneThatWaitsSaysForWhom) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server is installed";
  }
  const std::string name = fresh_database(pg(), "shop");
  nap(pg(), 600);
  save_in_both("shop.yaml",
               migration_yaml(postgres_yaml(pg(), name), {"CREATE TABLE log (what text); " + kNap +
                                                          "; INSERT INTO log VALUES ('up1')"}));
  ASSERT_TRUE(eventually([&] { return nappers(pg(), name) == 1; }));
  const auto waiting = [](const RunningRipcord& ripcord) {
    return ready(ripcord, kShopMigration) == "Ready=False Locked";
  };
  ASSERT_TRUE(eventually([&] { return waiting(one_) || waiting(two_); }));
  EXPECT_NE(waiting(one_), waiting(two_));
  EXPECT_THAT(ready_message(waiting(one_) ? one_ : two_, kShopMigration),
              HasSubstr("ripcord migrations"));
  nap(pg(), 0);
  pg().psql("postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = "
            "'PgSleep'");
  for (const RunningRipcord* each : {&one_, &two_}) {
    each->await_ready(kShopMigration);
  }
  EXPECT_EQ(pg().psql(name, "select what from log"), "up1");
}

}  // namespace
}  // namespace ripcord
