// SPDX-License-Identifier: Apache-2.0
// Swaps of one schema under the reconciler, from a backup with a manifest.
#include "adapters/postgres/backup_source.h"
#include "tests/integration/restore/request_fixture.h"
#include "tests/integration/restore/schema_swaps.h"

#include <algorithm>

namespace ripcord {
namespace {

// Under the reconciler, from a backup with a manifest: all checks, the swap, a failure, the way
// back.
TEST_F(SchemaSwap, ARequestGoesThereAndBack) {
  postgres::PostgresBackups backups(runner_, clock_);
  const std::string source = fresh_database(pg(), "source");
  pg().psql(source, kNewUsers);
  DatabaseRef from;
  from.url = pg().url(source);
  ASSERT_OK(take_backup(backups, from, directory_.path().string(), "monday",
                        BackupFormat::kPgCustom, clock_));
  live("create schema other; create table other.kept (n int); insert into other.kept values (1)");
  RequestFixture requests(restores_, clock_);
  requests.spec.database = order(live_).database;
  requests.spec.catalog_directory = directory_.path().string();
  requests.spec.swap_by = RestoreUnit::kSchema;
  live("create view other.seen as select name from users");
  requests.create();
  requests.reconcile();
  EXPECT_EQ(requests.status().phase, RestorePhase::kFailed);
  EXPECT_EQ(requests.ready_reason(), "SchemaSwapImpossible");
  EXPECT_EQ(databases_like(live_), live_);
  live("drop view other.seen");
  requests.edit([](RestoreRequestSpec& spec) { spec.keep_previous = std::chrono::hours(1); });
  requests.reconcile();
  RestoreRequestStatus status = requests.status();
  EXPECT_EQ(status.phase, RestorePhase::kCompleted) << requests.ready_message();
  EXPECT_EQ(status.previous_database, "public_before_" + requests.uid().substr(0, 8));
  EXPECT_EQ(status.rows_since_backup, 0);
  EXPECT_EQ(status.restored_rows, 503);
  EXPECT_GT(status.restored_bytes, 0);
  EXPECT_EQ(status.tables.size(), 2U) << "those of other schemas are none of it";
  EXPECT_TRUE(std::any_of(status.durations.begin(), status.durations.end(),
                          [](const PhaseDuration& took) { return took.phase == "Stage"; }));
  EXPECT_GT(status.swap_window_seconds, 0);
  EXPECT_EQ(users(), "ann,bob,cid");
  EXPECT_EQ(databases_like(live_), live_);
  requests.edit([](RestoreRequestSpec& spec) {
    spec.revert = true;
    spec.approval->revert = true;
  });
  requests.reconcile();
  EXPECT_EQ(requests.status().phase, RestorePhase::kReverted) << requests.ready_message();
  EXPECT_EQ(users(), "old1,old2");
}

TEST_F(SchemaSwap, ADrillCopiesTheSchemaTooAndLeavesNothing) {
  postgres::PostgresBackups backups(runner_, clock_);
  const std::string source = fresh_database(pg(), "source");
  pg().psql(source, kNewUsers);
  DatabaseRef from;
  from.url = pg().url(source);
  ASSERT_OK(take_backup(backups, from, directory_.path().string(), "monday",
                        BackupFormat::kPgCustom, clock_));
  RequestFixture requests(restores_, clock_);
  requests.spec.database = order(live_).database;
  requests.spec.catalog_directory = directory_.path().string();
  requests.spec.swap_by = RestoreUnit::kSchema;
  requests.spec.mode = RestoreMode::kDrill;
  requests.create();
  requests.reconcile();
  const RestoreRequestStatus status = requests.status();
  EXPECT_EQ(status.phase, RestorePhase::kCompleted) << requests.ready_message();
  EXPECT_TRUE(std::any_of(status.durations.begin(), status.durations.end(),
                          [](const PhaseDuration& took) { return took.phase == "Stage"; }));
  EXPECT_EQ(schemas(), "public");
  EXPECT_EQ(databases_like(live_), live_);
  EXPECT_EQ(users(), "old1,old2");
}

}  // namespace
}  // namespace ripcord
