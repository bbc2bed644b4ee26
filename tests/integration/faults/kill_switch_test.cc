// SPDX-License-Identifier: Apache-2.0
// What people reach for first works while everything else is slow, stopped or away.
#include "tests/integration/faults/real_run.h"
#include "tests/integration/haproxy/shop.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

const std::string kFlag =
    "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: new-checkout}\nspec: "
    "{key: new_checkout, enabled: ";
const std::string kTraffic = "traffictargets/shop";
const std::string kRestore = "restorerequests/undo";

std::string traffic_yaml(const Shop& shop) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: TrafficTarget\nmetadata: {{name: shop}}\nspec:\n"
      "  environments:\n  - {{name: blue, address: \"{}\", health: {{path: /healthz}}}}\n"
      "  - {{name: green, address: \"{}\", health: {{path: /healthz}}}}\n  active: green\n"
      "  router: {{haproxy: {{socket: {}, backend: shop, stateFile: {}}}}}\n"
      "  verification: {{url: \"{}\", window: 300ms, interval: 20ms}}\n",
      shop.blue.address(), shop.green.address(), shop.haproxy.socket(), shop.haproxy.state_file(),
      shop.haproxy.url());
}

void override_traffic(const RunningRipcord& ripcord, const std::string& environment) {
  const HttpResponse patched = ripcord.api(
      "PATCH", kTraffic,
      fmt::format(R"({{"spec":{{"override":{{"active":"{}","reason":"5xx","by":"bob"}}}}}})",
                  environment),
      "application/merge-patch+json");
  ASSERT_EQ(patched.status, 200) << patched.body;
}

bool serves(const RunningRipcord& ripcord, const std::string& value) {
  return ripcord.flag("new_checkout").body.find("\"value\":" + value) != std::string::npos;
}

class SlowJobs : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    // The server may not have noticed yet that the controller of an earlier test is gone.
    pg().psql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'");
    nap(pg(), 600);
    catalog_ = ripcord_.directory() / "backups";
    std::filesystem::create_directory(catalog_);
    write_file(catalog_ + "/monday.sql", "create table users (name text);\n" + kNap +
                                             ";\ninsert into users values ('ann');\n");
    pg().psql(restored_, "create table users (name text); insert into users values ('old1')");
  }
  static PostgresCluster& pg() { return shared_cluster(); }
  // More of them than there are workers of their kinds.
  void start_slow_jobs(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      std::string yaml = migration_yaml(postgres_yaml(pg(), i == 0 ? migrated_ : fresh()),
                                        {"CREATE TABLE log (what text); INSERT INTO log VALUES "
                                         "('up1a'); " +
                                         kNap + "; INSERT INTO log VALUES ('up1b')"});
      if (i > 0) {
        yaml.replace(yaml.find("name: shop"), 10, fmt::format("name: shop{}", i));
      }
      ripcord_.save(fmt::format("migration{}.yaml", i), yaml);
      ripcord_.save(
          fmt::format("restore{}.yaml", i),
          restore_yaml(i == 0 ? "undo" : fmt::format("undo{}", i),
                       postgres_yaml(pg(), i == 0 ? restored_ : fresh()), catalog_, "monday"));
    }
  }
  // All of them are in the midst of it.
  void expect_napping(int jobs) {
    ASSERT_TRUE(eventually([&] { return nappers(pg(), "slow") == 2 * jobs; }))
        << nappers(pg(), "slow") << " nap\n"
        << ripcord_.log();
  }
  std::string fresh() { return fresh_database(pg(), "slow"); }

  const std::string migrated_ = PostgresCluster::available() ? fresh() : "";
  const std::string restored_ = PostgresCluster::available() ? fresh() : "";
  std::string catalog_;
  RunningRipcord ripcord_;
};

TEST_F(SlowJobs, DelayNeitherAFlagNorASwitch) {
  Shop shop;
  ripcord_.save("flag.yaml", kFlag + "true}\n");
  ripcord_.save("traffic.yaml", traffic_yaml(shop));
  ripcord_.await_ready(kTraffic);
  ASSERT_TRUE(eventually([&] { return serves(ripcord_, "true"); }));
  start_slow_jobs(5);
  expect_napping(4);  // the fifth of each waits for a worker
  ripcord_.save("flag.yaml", kFlag + "false}\n");
  ASSERT_TRUE(eventually([&] { return serves(ripcord_, "false"); }));
  override_traffic(ripcord_, "blue");
  ASSERT_TRUE(eventually([&] { return get_once(shop.haproxy.port()) == "blue"; }));
  ripcord_.await_ready(kTraffic);
  EXPECT_EQ(ready(ripcord_, kTraffic), "Ready=True Overridden");
  EXPECT_EQ(nappers(pg(), "slow"), 8) << "all of that came while the slow jobs were at work";
  EXPECT_EQ(ready(ripcord_, kShopMigration), "Ready=False Migrating");
  EXPECT_EQ(ready(ripcord_, kRestore), "Ready=False Loading");
}

TEST_F(SlowJobs, AreAbandonedSafelyOnSigtermAndEndedByTheNextProcess) {
  start_slow_jobs(1);
  expect_napping(1);
  EXPECT_EQ(ripcord_.terminate(), 0) << ripcord_.log();  // waits for 30 s
  EXPECT_TRUE(eventually([&] { return nappers(pg(), "slow") == 0; }))
      << "nothing goes on without its controller";
  EXPECT_EQ(pg().psql(migrated_, "select to_regclass('log') is null"), "t");
  EXPECT_EQ(pg().psql(restored_, "select name from users"), "old1");
  nap(pg(), 0);
  ripcord_.start();
  ripcord_.await_ready(kShopMigration);
  ripcord_.await_ready(kRestore);
  EXPECT_EQ(pg().psql(migrated_, "select string_agg(what, ' ' order by what) from log"),
            "up1a up1b");
  EXPECT_EQ(pg().psql(restored_, "select name from users"), "ann");
  EXPECT_EQ(history(ripcord_, kShopMigration), "none>1 Succeeded");
  EXPECT_EQ(ask(ripcord_, kRestore, ".status.history | length"), "1");
}

TEST_F(SlowJobs, AreTakenUpAgainAfterAKill) {
  start_slow_jobs(1);
  expect_napping(1);
  ripcord_.kill9();
  nap(pg(), 0);
  ripcord_.start();
  ripcord_.await_ready(kShopMigration);
  ripcord_.await_ready(kRestore);
  EXPECT_EQ(pg().psql(migrated_, "select string_agg(what, ' ' order by what) from log"),
            "up1a up1b");
  EXPECT_EQ(pg().psql(restored_, "select name from users"), "ann");
}

TEST(KillSwitch, AnOverrideThatFindsHaproxyDownSaysSoAndIsDoneWhenItIsBack) {
  Shop shop;
  RunningRipcord ripcord({"--resync", "2s"});
  ripcord.save("traffic.yaml", traffic_yaml(shop));
  ripcord.await_ready(kTraffic);
  shop.haproxy.stop();
  override_traffic(ripcord, "blue");
  const std::string message = await_reason(ripcord, kTraffic, {"RouterUnavailable"});
  EXPECT_THAT(message, HasSubstr(shop.haproxy.socket()));
  shop.haproxy.start();
  ripcord.await_ready(kTraffic);
  EXPECT_EQ(ready(ripcord, kTraffic), "Ready=True Overridden");
  EXPECT_EQ(get_once(shop.haproxy.port()), "blue");
  EXPECT_THAT(history(ripcord, kTraffic), testing::StartsWith("green>blue Succeeded"));
}

}  // namespace
}  // namespace ripcord
