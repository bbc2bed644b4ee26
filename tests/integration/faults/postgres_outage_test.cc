// SPDX-License-Identifier: Apache-2.0
// PostgreSQL is stopped, or killed, while a migration or a restore of the running controller is at
// work in it, and started again: the work is ended by itself, and meanwhile the status says why
// not.
#include "tests/integration/faults/real_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class PostgresOutage : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    name_ = fresh_database(pg(), "shop");
    nap(pg(), 600);
  }
  static PostgresCluster& pg() { return shared_cluster(); }
  // Down while somebody naps in the database; up again once the status tells of it.
  void outage(const RunningRipcord& ripcord, const std::string& path) {
    ASSERT_TRUE(eventually([&] { return nappers(pg(), name_) == 1; })) << ready(ripcord, path);
    nap(pg(), 0);  // whoever comes later
    if (GetParam() == "Killed") {
      pg().psql("postgres", "checkpoint");
      pg().kill9();
    } else {
      pg().stop();
    }
    const std::string message = await_reason(
        ripcord, path, {"ConnectionLost", "ConnectFailed", "ServerStopping", "ServerUnavailable"});
    EXPECT_NE(message, "");
    await_reason(ripcord, path, {"ConnectFailed"});
    EXPECT_THAT(ready_message(ripcord, path), HasSubstr("onnection"));
    pg().start();
  }

  std::string name_;
};

TEST_P(PostgresOutage, InMidMigrationIsOvercomeAndEachBodyTakesEffectOnce) {
  for (const bool in_transaction : {true, false}) {
    SCOPED_TRACE(in_transaction ? "in a transaction" : "in a journaled migration");
    name_ = fresh_database(pg(), "shop");
    nap(pg(), 600);
    RunningRipcord ripcord;
    const std::string index =
        in_transaction ? "" : "CREATE INDEX CONCURRENTLY log_what ON log (what); ";
    ripcord.save(
        "shop.yaml",
        migration_yaml(postgres_yaml(pg(), name_),
                       {"CREATE TABLE log (id serial, what text); INSERT INTO log (what) VALUES "
                        "('up1')",
                        "INSERT INTO log (what) VALUES ('up2a'); " + index + kNap +
                            "; INSERT INTO log (what) VALUES ('up2b')",
                        "INSERT INTO log (what) VALUES ('up3')"}));
    outage(ripcord, kShopMigration);
    ripcord.await_ready(kShopMigration);
    EXPECT_EQ(pg().psql(name_, "select string_agg(what, ' ' order by id) from log"),
              "up1 up2a up2b up3");
    EXPECT_EQ(pg().psql(name_, "select count(*) from pg_index where not indisvalid"), "0");
    EXPECT_EQ(pg().psql(name_, "select version, dirty from schema_migrations"), "3|f");
    EXPECT_EQ(history(ripcord, kShopMigration), "none>3 Succeeded");
  }
}

TEST_P(PostgresOutage, InMidRestoreIsOvercomeAndLeavesOneWholeDatabase) {
  const std::string restore = "restorerequests/undo";
  pg().psql(name_, "create table users (name text); insert into users values ('old1')");
  RunningRipcord ripcord;
  const std::string catalog = ripcord.directory() / "backups";
  std::filesystem::create_directory(catalog);
  write_file(catalog + "/monday.sql",
             "create table users (name text);\ninsert into users values "
             "('ann');\n" +
                 kNap + ";\ninsert into users values ('bob');\n");
  ripcord.save("undo.yaml", restore_yaml("undo", postgres_yaml(pg(), name_), catalog, "monday"));
  outage(ripcord, restore);
  ripcord.await_ready(restore);
  EXPECT_EQ(pg().psql(name_, "select string_agg(name, ',' order by name) from users"), "ann,bob");
  EXPECT_EQ(ask(ripcord, restore, ".status | \"\\(.phase) \\(.restoredRows)\""), "Completed 2");
  const std::string previous = ask(ripcord, restore, ".status.previousDatabase");
  EXPECT_EQ(pg().psql(previous, "select name from users"), "old1");
  EXPECT_EQ(
      pg().psql("postgres", "select count(*) from pg_database where datname like '" + name_ + "%'"),
      "2")
      << "no side database is left";
}

INSTANTIATE_TEST_SUITE_P(, PostgresOutage, testing::Values("Stopped", "Killed"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace ripcord
