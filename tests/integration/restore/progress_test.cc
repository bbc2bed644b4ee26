// SPDX-License-Identifier: Apache-2.0
// How far a load is, while it goes on: in status and as a gauge, for both engines.
#include "adapters/postgres/backup_source.h"
#include "tests/integration/restore/held_loads.h"
#include "tests/integration/restore/postgres_restores.h"
#include "tests/integration/restore/sqlite_requests.h"

#include <thread>

namespace ripcord {
namespace {

constexpr const char* kGauge = "ripcord_restore_progress_ratio default undo";

TEST_F(RestoreRequests, ShowsHowFarTheLoadIs) {
  std::optional<RestoreProgress> shown;
  RequestFixture* asked = nullptr;
  HeldLoads slow(restores_, [&] {
    const bool seen = eventually([&] {
      shown = asked->status().progress;
      return shown.has_value();
    });
    return seen ? ok_status() : Status(StatusCode::kInternal, "no progress shown");
  });
  RequestFixture requests(slow, clock_);
  asked = &requests;
  requests.spec.database = live_;
  requests.spec.catalog_directory = catalog_;
  std::vector<double> ratios;
  requests.metrics.on_set = [&](const std::string& name, double value) {
    if (name == kGauge) {
      ratios.push_back(value);
    }
  };
  requests.create();
  requests.reconcile();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->phase, "Load");
  EXPECT_EQ(shown->bytes, shown->bytes_total);
  EXPECT_GT(shown->bytes, 0);
  EXPECT_EQ(shown->rows, 0) << "a file is copied, and nobody knows its rows";
  EXPECT_EQ(shown->rows_total, 7);
  EXPECT_TRUE(shown->eta_seconds);
  ASSERT_FALSE(ratios.empty());
  EXPECT_EQ(ratios.back(), 1);
  EXPECT_EQ(requests.ready_reason(), "Restored");
  EXPECT_FALSE(requests.status().progress);
  EXPECT_FALSE(requests.metrics.values.contains(kGauge));
}

// A load that a lock holds: one table is in, the other one is not.
TEST_F(PostgresRestore, ShowsHowFarTheLoadIsWhileItGoesOn) {
  const std::string source = fresh_database(pg(), "source");
  pg().psql(source,
            "create function let_in() returns boolean language sql as $$select "
            "pg_advisory_xact_lock_shared(4711) is not null$$; create table quick as select n, "
            "repeat('x', 500) from generate_series(1, 5000) n; create table slow (n int check "
            "(let_in())); insert into slow values (1), (2)");
  postgres::PostgresBackups backups(runner_, clock_);
  ASSERT_OK(take_backup(backups, ref(source), directory_.path().string(), "monday",
                        BackupFormat::kPgCustom, clock_));
  std::string side;
  std::optional<postgres::Connection> gate;
  postgres::PostgresRestores gated(runner_, clock_,
                                   {std::chrono::minutes(1), [&](std::string_view point) {
                                      if (point == "before load") {
                                        gate = *postgres::Connection::open(pg().url(side));
                                        EXPECT_OK(gate->execute("select pg_advisory_lock(4711)"));
                                      }
                                    }});
  RequestFixture requests(gated, clock_);
  requests.spec.database = ref(live_);
  requests.spec.catalog_directory = directory_.path().string();
  std::vector<double> ratios;
  requests.metrics.on_set = [&](const std::string& name, double value) {
    if (name == kGauge) {
      ratios.push_back(value);
    }
  };
  requests.create();
  side = postgres::restore_names(live_, requests.uid()).side;
  std::jthread controller([&] { requests.reconcile(); });
  std::optional<RestoreProgress> shown;
  EXPECT_TRUE(eventually([&] {
    shown = requests.status().progress;
    return shown && shown->rows >= 5000;
  }));
  EXPECT_EQ(requests.status().phase, RestorePhase::kLoading);
  gate.reset();
  controller.join();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->phase, "Load");
  EXPECT_GT(shown->bytes, 0);
  EXPECT_GT(shown->bytes_total, 5000 * 500);
  EXPECT_LT(shown->rows, shown->rows_total);
  EXPECT_EQ(shown->rows_total, 5002);
  EXPECT_TRUE(shown->eta_seconds);
  ASSERT_FALSE(ratios.empty());
  EXPECT_GT(ratios.front(), 0);
  EXPECT_LE(ratios.back(), 1);
  EXPECT_EQ(requests.ready_reason(), "Restored") << requests.ready_message();
  EXPECT_FALSE(requests.status().progress);
  EXPECT_FALSE(requests.metrics.values.contains(kGauge));
}

}  // namespace
}  // namespace ripcord
