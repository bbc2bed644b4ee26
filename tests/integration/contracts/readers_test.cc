// SPDX-License-Identifier: Apache-2.0
// A contract waits while pg_stat_statements shows that somebody reads what it drops.
#include "adapters/postgres/shape_readers.h"
#include "tests/integration/contracts/shop.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// One that counts statements; started once.
PostgresCluster& counting_cluster() {
  static PostgresCluster cluster;
  static const bool restarted = [] {
    cluster.psql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
    cluster.stop();
    cluster.start();
    return true;
  }();
  static_cast<void>(restarted);
  return cluster;
}

class OldShapeReaders : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    shop_ = postgres_shop(counting_cluster());
    harness_ = std::make_unique<Harness>(shop_.ref, shop_.migrations());
    harness_->set_statistics(statistics_);
    harness_->spec().policy.contract_soak = hours(48);
    harness_->spec().version = 3;
    harness_->converge();
    approve(*harness_, 3);
  }
  std::string look() {
    harness_->converge();
    return harness_->verdict();
  }

  Shop shop_;
  postgres::PostgresStatementStatistics statistics_;
  std::unique_ptr<Harness> harness_;
};

TEST_F(OldShapeReaders, HoldAContractUntilNobodyHasReadForAnHour) {
  shop_.sql("CREATE EXTENSION pg_stat_statements");
  shop_.sql("SELECT email FROM users");
  const Outcome held = harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("ContractSoak"));
  harness_->clock().put_forward(hours(47) + minutes(1));
  EXPECT_THAT(look(), StartsWith("ContractSoak")) << "the first look";
  EXPECT_EQ(shop_.sql("SELECT count(*) FROM ripcord.watched_shapes"), "1");
  shop_.sql("SELECT email FROM users WHERE id = 7");
  shop_.sql("SELECT email FROM users WHERE id = 8");
  harness_->clock().put_forward(hours(1));
  EXPECT_THAT(look(), StartsWith("OldShapeRead"));
  EXPECT_THAT(look(), HasSubstr("`SELECT email FROM users WHERE id = $1` (2 calls between"));
  harness_->clock().put_forward(minutes(30));
  EXPECT_THAT(look(), StartsWith("OldShapeRead")) << "quiet for half an hour only";
  harness_->clock().put_forward(minutes(31));
  EXPECT_EQ(look(), "Ready");
}

TEST_F(OldShapeReaders, AreNeitherPgDumpNorOursNorWhoeverNamesSomethingElse) {
  shop_.sql("CREATE EXTENSION pg_stat_statements");
  harness_->clock().put_forward(hours(47) + minutes(1));
  look();
  shop_.sql("SELECT id, address FROM users");
  shop_.sql("SELECT * FROM users");
  shop_.sql("COPY public.users (id, email) TO stdout");
  shop_.sql("/* ripcord backfill */ UPDATE users SET address = email WHERE id < 0");
  shop_.sql("CREATE TABLE others (email text)");
  shop_.sql("SELECT email FROM others");
  shop_.sql("COMMENT ON COLUMN users.email IS 'old'");
  harness_->clock().put_forward(hours(1));
  EXPECT_EQ(look(), "Ready");
}

TEST_F(OldShapeReaders, AreFoundInEveryShapeOfStatement) {
  shop_.sql("CREATE EXTENSION pg_stat_statements");
  harness_->clock().put_forward(hours(47) + minutes(1));
  look();
  shop_.sql("INSERT INTO users (id, email) VALUES (1, 'x')");
  shop_.sql("WITH w AS (SELECT u.email FROM public.users u) SELECT count(*) FROM w");
  shop_.sql("UPDATE users SET email = 'y' WHERE false");
  shop_.sql("DELETE FROM users WHERE email = 'z'");
  harness_->clock().put_forward(hours(1));
  const std::string verdict = look();
  EXPECT_THAT(verdict, HasSubstr("INSERT INTO users"));
  EXPECT_THAT(verdict, HasSubstr("WITH w AS"));
  EXPECT_THAT(verdict, HasSubstr("UPDATE users SET email"));
  EXPECT_THAT(verdict, HasSubstr("DELETE FROM users"));
}

TEST_F(OldShapeReaders, AreNotLookedForWithoutTheExtensionAndTheApprovalSaysSo) {
  harness_->clock().put_forward(hours(49));
  harness_->spec().approval.reset();
  EXPECT_THAT(look(),
              HasSubstr("was not looked at: the extension pg_stat_statements is not in this "
                        "database"));
}

TEST_F(OldShapeReaders, AreNotLookedForWithoutTheRightAndTheApprovalSaysSo) {
  const std::string name = shop_.ref.url.substr(shop_.ref.url.rfind('/') + 1);
  shop_.sql("CREATE EXTENSION pg_stat_statements; SELECT email FROM users");
  shop_.sql(
      fmt::format("CREATE ROLE runner_{0} LOGIN; GRANT ALL ON DATABASE {0} TO runner_{0}; GRANT "
                  "ALL ON SCHEMA ripcord, public TO runner_{0}; GRANT ALL ON ALL TABLES IN "
                  "SCHEMA ripcord, public TO runner_{0}",
                  name));
  Harness other(shop_.ref, shop_.migrations());
  std::string& url = other.spec().database.url;
  url.replace(url.find("postgres@"), 9, fmt::format("runner_{}@", name));
  other.set_statistics(statistics_);
  other.spec().policy.contract_soak = hours(48);
  other.spec().version = 3;
  other.clock().put_forward(hours(49));
  other.converge();
  EXPECT_THAT(other.verdict(), HasSubstr("was not looked at: this role may not see"));
}

}  // namespace
}  // namespace ripcord
