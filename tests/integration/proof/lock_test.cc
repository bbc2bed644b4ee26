// SPDX-License-Identifier: Apache-2.0
// A proof reads the schema of a real PostgreSQL in which somebody else holds a table's lock.
#include "adapters/postgres/connection.h"
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <optional>
#include <thread>

#include <gmock/gmock.h>

namespace ripcord {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProofBehindALock : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "proof");
    sql("CREATE TABLE users (id int PRIMARY KEY)");
    auto connection = postgres::Connection::open(shared_cluster().url(name_),
                                                 {.application_name = "a long maintenance"});
    ASSERT_OK(connection);
    holder_.emplace(std::move(*connection));
    ASSERT_OK(holder_->execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE"));
  }
  std::string sql(const std::string& text) { return shared_cluster().psql(name_, text); }
  std::string url() const { return shared_cluster().url(name_); }
  bool somebody_waits() {
    return sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "wait_event_type = 'Lock'") != "0";
  }
  std::string shadows_left() {
    return sql("SELECT count(*) FROM pg_database WHERE starts_with(datname, 'ripcord_shadow')");
  }

  std::string name_;
  std::optional<postgres::Connection> holder_;
  ChildRunner commands_;
  postgres::PostgresShadows shadows_{commands_};
};

TEST_F(ProofBehindALock, GivesUpForNowAndNamesTheHolder) {
  Harness harness(postgres_ref(url()), {migration(1, "CREATE TABLE t ()", "DROP TABLE t")});
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().policy.lock_timeout = std::chrono::milliseconds(300);
  const Outcome held = harness.go(1);
  EXPECT_THAT(
      harness.verdict(),
      AllOf(StartsWith("LockTimeout: "), HasSubstr("waited 300 ms for a lock"),
            HasSubstr("table users is locked by session "), HasSubstr("(a long maintenance)")));
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(held)) << "what passes by itself is tried again";
  EXPECT_EQ(shadows_left(), "0");
  EXPECT_TRUE(harness.status().proofs.empty());

  ASSERT_OK(holder_->execute("COMMIT"));
  harness.go(1);
  EXPECT_EQ(harness.verdict(), "Ready");
}

TEST_F(ProofBehindALock, IsEndedByAStop) {
  std::stop_source stop;
  std::optional<Result<std::unique_ptr<ShadowSchema>>> made;
  std::jthread prover([&] {
    made.emplace(
        shadows_.make(postgres_ref(url()), std::nullopt, Duration::zero(), stop.get_token()));
  });
  EXPECT_TRUE(eventually([&] { return somebody_waits(); }));
  stop.request_stop();
  prover.join();
  ASSERT_FALSE(*made);
  EXPECT_EQ(made->error().code(), StatusCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return !somebody_waits(); })) << "nor does pg_dump wait on";
  EXPECT_EQ(shadows_left(), "0");
}

}  // namespace
}  // namespace ripcord
