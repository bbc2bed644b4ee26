// SPDX-License-Identifier: Apache-2.0
// golang-migrate beside us while tombstones are there: what it reads is right at every moment, and
// what it does past us is seen.
#include "tests/integration/contracts/shop.h"
#include "tests/support/migration_tools/migration_tools.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

TEST(ContractsBesideGolangMigrate, ItSeesEveryVersionAndItsWayDownIsSeen) {
  const auto tool = golang_migrate_tool();
  if (!tool || !PostgresCluster::available()) {
    GTEST_SKIP() << "golang-migrate or PostgreSQL is not there";
  }
  const Shop shop = postgres_shop(shared_cluster());
  const TempDir directory;
  const ToolPlace place{ToolEngine::kPostgres, shop.ref.url + "?sslmode=disable",
                        directory.path().string()};
  for (const Migration& each : shop.migrations()) {
    tool->write(place, static_cast<int>(each.version), *each.up, *each.down);
  }
  Harness harness(shop.ref, {});
  harness.spec().source = {directory.path().string(), {}};
  harness.spec().policy.contract_soak = hours(48);
  harness.spec().version = 3;
  harness.converge();
  EXPECT_EQ(tool->applied(place), 2);
  shop.sql("INSERT INTO users VALUES (1, 'a@x')");
  harness.clock().put_forward(hours(49));
  approve(harness, 3);
  harness.converge();
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(tool->applied(place), 3);
  // It goes down by its own file: the column comes back empty, what was put aside stays.
  const RunResult down = tool->down_one(place);
  ASSERT_EQ(down.exit_code, 0) << down.err;
  EXPECT_EQ(tool->applied(place), 2);
  harness.spec().policy.contract_soak = hours(99);
  harness.spec().version = 2;
  harness.converge();
  ASSERT_EQ(harness.verdict(), "Ready");
  const Condition* drift = harness.status().conditions.find("SourceDrift");
  ASSERT_NE(drift, nullptr);
  EXPECT_THAT(drift->message, HasSubstr("another tool went down past version 3"));
  EXPECT_THAT(drift->message, HasSubstr("users.zz_ripcord_3_email"));
  EXPECT_EQ(shop.sql("SELECT email IS NULL, zz_ripcord_3_email FROM users"), "t|a@x");
  // Its time over, it is dropped; the history is as golang-migrate left it.
  harness.spec().policy.contract_soak = hours(48);
  harness.converge();
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_TRUE(harness.status().tombstones.empty());
  EXPECT_EQ(harness.status().conditions.find("SourceDrift"), nullptr);
  EXPECT_EQ(tool->applied(place), 2);
  const RunResult up = tool->up(place);
  EXPECT_EQ(up.exit_code, 0) << up.err;
  EXPECT_EQ(tool->applied(place), 3);
}

}  // namespace
}  // namespace ripcord
