// SPDX-License-Identifier: Apache-2.0
// A swap of databases whose clients come through a real PgBouncer (spec.pgbouncer): they wait, and
// are let go on however the swap ends.
#include "adapters/postgres/pgbouncer.h"

#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/support/pgbouncer.h"
#include "tests/support/postgres_cluster.h"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace ripcord {
namespace {

constexpr const char* kUid = "0a1b2c3d-4e5f-6789";
constexpr const char* kUrlVariable = "RIPCORD_TEST_PGBOUNCER_URL";

class PooledRestore : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available() || !PgBouncer::available()) {
      GTEST_SKIP() << "no PostgreSQL server or no PgBouncer is installed";
    }
    make_live();
    const std::string source = fresh_database(pg(), "source");
    pg().psql(source,
              "create table users (name text); insert into users values ('ann'), ('bob'), "
              "('cid')");
    backup_ = {"b.dump", BackupFormat::kPgCustom, directory_ / "b.dump", 1};
    ASSERT_EQ(
        run({.argv = {"pg_dump", "-Fc", "-f", backup_.path, "-d", pg().url(source)}}).exit_code, 0);
  }

  static PostgresCluster& pg() { return shared_cluster(); }
  void make_live() {
    live_ = fresh_database(pg(), "live");
    pg().psql(live_, "create table users (name text); insert into users values ('old1'), ('old2')");
    pooler_ = std::make_unique<PgBouncer>(pg(), live_);
    point_to(pooler_->admin_url());
  }
  static void point_to(const std::string& url) {
    ::setenv(kUrlVariable, url.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  RestoreOrder order() const {
    RestoreOrder made;
    made.database.url = pg().url(live_);
    made.request_uid = kUid;
    made.pgbouncer = PgBouncerRef{kUrlVariable, ""};
    return made;
  }
  OpenedRestore open() { return open(restores_); }
  OpenedRestore open(RestoreDatabases& restores) {
    auto opened = restores.open(order());
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  std::string rows_through_the_pooler() {
    auto client = postgres::Connection::open(pooler_->url());
    if (!client) {
      return to_string(client.error());
    }
    const auto rows = client->execute("select count(*) from users");
    return rows ? rows->rows.at(0).at(0).value_or("") : to_string(rows.error());
  }

  TempDir directory_;
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresRestores restores_{runner_, clock_};
  std::string live_;
  std::unique_ptr<PgBouncer> pooler_;
  Backup backup_;
};

TEST_F(PooledRestore, NoQueryThroughThePoolerFailsWhileDatabasesChangePlaces) {
  ASSERT_OK(open().target->load(backup_, {}));
  std::atomic<int> failed = 0;
  std::atomic<int> before = 0;
  std::atomic<int> after = 0;
  std::string why;
  Mutex mutex;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 30; ++i) {
      clients.emplace_back([&](const std::stop_token& stop) {
        auto client = postgres::Connection::open(pooler_->url());
        while (client && !stop.stop_requested()) {
          const auto rows = client->query("select count(*) from users");
          if (!rows) {
            const MutexLock lock(mutex);
            why = to_string(rows.error());
            break;
          }
          ++(rows->rows.at(0).at(0) == "2" ? before : after);
        }
        failed += stop.stop_requested() ? 0 : 1;
      });
    }
    ASSERT_TRUE(eventually([&] { return before > 200; }));
    ASSERT_OK(open().target->swap({}));
    const auto since = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return after > 0 || failed > 0; }));
    // PgBouncer's server_login_retry is 15 s: it does not take the server for one that is down.
    EXPECT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(10));
    EXPECT_TRUE(eventually([&] { return after > 200 || failed > 0; }));
    const int so_far = after;
    ASSERT_OK(open().reverse->revert({}));
    EXPECT_FALSE(pooler_->paused());
    const int back = before;
    EXPECT_TRUE(eventually([&] { return before > back + 100 || failed > 0; }));
    EXPECT_GE(after, so_far);
  }
  EXPECT_EQ(failed, 0) << why;
}

TEST_F(PooledRestore, AStoppedSwapLetsClientsGoOn) {
  ASSERT_OK(open().target->load(backup_, {}));
  std::stop_source stop;
  postgres::PostgresRestores stopping(runner_, clock_,
                                      {std::chrono::minutes(1), [&](std::string_view point) {
                                         if (point == "after pause") {
                                           EXPECT_TRUE(pooler_->paused());
                                           stop.request_stop();
                                         }
                                       }});
  auto direct = postgres::Connection::open(pg().url(live_));  // else no session is to be ended
  const auto swapped = open(stopping).target->swap(stop.get_token());
  EXPECT_FALSE(pooler_->paused());
  if (!swapped) {
    EXPECT_CODE(swapped, StatusCode::kCancelled);
    EXPECT_EQ(rows_through_the_pooler(), "2");
    EXPECT_FALSE(open().target->read()->swap_interrupted);
  }
  ASSERT_OK(open().target->swap({}));
  EXPECT_EQ(rows_through_the_pooler(), "3");
}

TEST_F(PooledRestore, ATransactionThatDoesNotEndHoldsTheSwapUpForSecondsOnly) {
  ASSERT_OK(open().target->load(backup_, {}));
  auto client = postgres::Connection::open(pooler_->url());
  ASSERT_OK(client);
  ASSERT_OK(client->execute("begin; select 1"));
  const auto since = std::chrono::steady_clock::now();
  ASSERT_OK(open().target->swap({}));
  EXPECT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(25));
  EXPECT_FALSE(client->execute("commit").has_value()) << "it ended with its session";
  EXPECT_FALSE(pooler_->paused());
  EXPECT_EQ(rows_through_the_pooler(), "3");
}

TEST_F(PooledRestore, APoolerThatIsAwayOrWrongStopsTheSwapBeforeAnythingIsRefused) {
  ASSERT_OK(open().target->load(backup_, {}));
  point_to("postgresql://postgres@127.0.0.1:" + std::to_string(free_port()) + "/pgbouncer");
  const auto away = open().target->swap({});
  EXPECT_CODE(away, StatusCode::kUnavailable);
  EXPECT_EQ(away.error().reason(), "PgBouncerUnreachable");
  EXPECT_EQ(pg().psql(live_, "select count(*) from users"), "2");
  const std::string elsewhere = fresh_database(pg(), "elsewhere");
  const PgBouncer other(pg(), elsewhere);
  point_to(other.admin_url());
  const auto wrong = open().target->swap({});
  EXPECT_CODE(wrong, StatusCode::kFailedPrecondition);
  EXPECT_EQ(wrong.error().reason(), "PgBouncerDatabaseMissing");
  EXPECT_EQ(pg().psql(live_, "select count(*) from users"), "2");
  point_to(pooler_->admin_url());
  ASSERT_OK(open().target->swap({}));
  EXPECT_EQ(rows_through_the_pooler(), "3");
  ::unsetenv(kUrlVariable);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_CODE(restores_.open(order()), StatusCode::kInvalidArgument);
}

TEST_F(PooledRestore, ClientsGoOnWhereverItIsKilled) {
  const auto points = std::make_shared<int>(0);
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK(open().target->load(backup_, {}));
  ASSERT_OK(open(counted).target->swap({}));
  const int of_swap = *points;
  ASSERT_OK(open(counted).reverse->revert({}));
  ASSERT_GT(of_swap, 11);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    make_live();
    ASSERT_OK(open().target->load(backup_, {}));
    if (point > of_swap) {
      ASSERT_OK(open().target->swap({}));
    }
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(
          runner_, clock_,
          {std::chrono::minutes(1), dying_at(point > of_swap ? point - of_swap : point)});
      auto opened = dying.open(order());
      const auto done = point > of_swap ? opened->reverse->revert({}) : opened->target->swap({});
      return done ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto crashed = open().target->read();
    ASSERT_OK(crashed);
    const bool unfinished =
        point > of_swap ? crashed->revert_interrupted : crashed->swap_interrupted;
    EXPECT_TRUE(unfinished || !pooler_->paused()) << "else no reconcile would let them go on";
    if (point > of_swap) {
      ASSERT_OK(open().reverse->revert({}));
    } else {
      ASSERT_OK(drive(restores_, order(), backup_));
    }
    EXPECT_FALSE(pooler_->paused());
    EXPECT_EQ(rows_through_the_pooler(), point > of_swap ? "2" : "3");
    const auto state = open().target->read();
    ASSERT_OK(state);
    EXPECT_FALSE(state->swap_interrupted);
    EXPECT_FALSE(state->revert_interrupted);
    EXPECT_EQ(state->swapped, point <= of_swap);
    pg().psql("postgres", "drop database " + live_ + " with (force)");
  }
}

}  // namespace
}  // namespace ripcord
