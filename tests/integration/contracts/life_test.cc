// SPDX-License-Identifier: Apache-2.0
// The whole life of a contract on both engines: expand, soak, refused, approved, put aside, back in
// an instant, again, dropped for good; then its author's own down.
#include "tests/integration/contracts/shop.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ContractLife : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    const bool postgres = GetParam() == Engine::kPostgreSql;
    if (postgres && !PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    shop_ = postgres ? postgres_shop(shared_cluster()) : sqlite_shop();
    harness_ = std::make_unique<Harness>(shop_.ref, shop_.migrations());
    harness_->spec().policy.contract_soak = hours(48);
    harness_->spec().policy.data_loss = DataLossPolicy::kForbid;
  }
  std::string emails() {
    return shop_.sql("SELECT id, email FROM users WHERE id < 10 ORDER BY id");
  }
  std::string version() { return shop_.sql("SELECT version FROM schema_migrations"); }
  // The contract applied, what it drops put aside.
  void contract() {
    harness_->spec().version = 3;
    harness_->converge();
    shop_.sql("INSERT INTO users (id, email) VALUES (1, 'a@x'), (2, 'b@x')");
    harness_->clock().put_forward(hours(49));
    approve(*harness_, 3);
    harness_->converge();
    ASSERT_EQ(harness_->verdict(), "Ready");
  }
  void down_to(std::int64_t version, const std::string& reason) {
    harness_->spec().override.emplace().version = version;
    harness_->spec().override->reason = reason;
    harness_->converge();
  }

  Shop shop_;
  std::unique_ptr<Harness> harness_;
};

TEST_P(ContractLife, TheExpandRunsAndTheContractWaitsForTheSoakThenForItsApproval) {
  harness_->spec().version = 3;
  const Outcome first = harness_->converge();
  const auto* again = std::get_if<RequeueAfter>(&first);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->delay, Duration::zero()) << "what is held is looked at anew";
  EXPECT_EQ(version(), "2") << "what lies below the contract runs";
  const Outcome second = harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("ContractSoak: "));
  EXPECT_THAT(harness_->verdict(), HasSubstr("48h0m0s after version 2 was applied"));
  const auto* wait = std::get_if<RequeueAfter>(&second);
  ASSERT_NE(wait, nullptr);
  ASSERT_TRUE(wait->delay);
  const bool counts = GetParam() == Engine::kPostgreSql;
  EXPECT_LE(*wait->delay, counts ? hours(47) : hours(48));
  EXPECT_GT(*wait->delay, counts ? hours(47) - minutes(5) : hours(48) - minutes(5));
  harness_->clock().put_forward(hours(49));
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(harness_->converge()));
  EXPECT_THAT(harness_->verdict(), StartsWith("ApprovalRequired: "));
  EXPECT_THAT(harness_->verdict(), HasSubstr("column users.email"));
  EXPECT_THAT(harness_->verdict(), HasSubstr("put aside"));
  harness_->spec().override.emplace().version = 3;
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("ApprovalRequired: ")) << "an override opens nothing";
  EXPECT_EQ(version(), "2");
}

TEST_P(ContractLife, WhatItDropsIsPutAsideAndComesBackWithEveryRow) {
  contract();
  EXPECT_EQ(version(), "3");
  EXPECT_EQ(shop_.sql("SELECT zz_ripcord_3_email FROM users WHERE id = 2"), "b@x");
  ASSERT_EQ(harness_->status().tombstones.size(), 1U);
  EXPECT_EQ(harness_->status().tombstones[0].what, "column users.email");
  EXPECT_EQ(harness_->status().tombstones[0].name, "users.zz_ripcord_3_email");
  shop_.sql("INSERT INTO users (id, address) VALUES (10, 'new')");
  down_to(2, "orders fail");
  ASSERT_EQ(harness_->verdict(), "Ready") << "no approval, though dataLoss is Forbid";
  EXPECT_EQ(emails(), "1|a@x\n2|b@x");
  EXPECT_EQ(version(), "2");
  EXPECT_TRUE(harness_->status().tombstones.empty());
}

TEST_P(ContractLife, ATombstoneIsDroppedInTimeAndTheAuthorsDownIsTheUndoFromThenOn) {
  contract();
  down_to(2, "orders fail");
  ASSERT_EQ(harness_->verdict(), "Ready");
  harness_->spec().override.reset();
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), HasSubstr("was used at")) << "an approval opens one way";
  approve(*harness_, 3, "once more");
  const Outcome applied = harness_->converge();
  ASSERT_EQ(harness_->verdict(), "Ready");
  const auto* wait = std::get_if<RequeueAfter>(&applied);
  ASSERT_NE(wait, nullptr) << "the drop is due";
  // The database's own clock stamped it: our clock is 49 h ahead, so it is due at once.
  EXPECT_EQ(wait->delay.value_or(hours(1)), Duration::zero());
  harness_->converge();
  ASSERT_EQ(harness_->verdict(), "Ready");
  EXPECT_TRUE(harness_->status().tombstones.empty());
  const bool pg = GetParam() == Engine::kPostgreSql;
  EXPECT_EQ(
      shop_.sql(pg ? "SELECT count(*) FROM information_schema.columns WHERE column_name LIKE "
                     "'zz_%'"
                   : "SELECT count(*) FROM pragma_table_info('users') WHERE name LIKE 'zz_%'"),
      "0");
  const std::string applied_table = pg ? "ripcord.applied" : "ripcord_applied";
  EXPECT_EQ(shop_.sql("SELECT down FROM " + applied_table + " WHERE version = 3"),
            "ALTER TABLE users ADD COLUMN email text");
  down_to(1, "all of it");
  EXPECT_THAT(harness_->verdict(), StartsWith("DataLossForbidden")) << "of version 2's own down";
  down_to(2, "orders fail");
  ASSERT_EQ(harness_->verdict(), "Ready");
  EXPECT_EQ(emails(), "1|\n2|") << "the column is back, what was in it is gone";
}

TEST_P(ContractLife, ADownThatLosesDataNeedsItsApprovalOnceTheTombstoneIsGone) {
  std::vector<Migration> files = shop_.migrations();
  files[2].down = "ALTER TABLE users ADD COLUMN email text; UPDATE users SET address = id";
  harness_ = std::make_unique<Harness>(shop_.ref, files);
  harness_->spec().policy.contract_soak = hours(48);
  contract();
  harness_->converge();  // 49 h ahead: dropped for good
  ASSERT_TRUE(harness_->status().tombstones.empty());
  down_to(2, "orders fail");
  EXPECT_THAT(harness_->verdict(), StartsWith("ApprovalRequired: data would be lost"));
  EXPECT_EQ(version(), "3");
  harness_->spec().approval = MigrationApproval{2, "alice", true, ""};
  harness_->converge();
  EXPECT_EQ(harness_->verdict(), "Ready");
}

TEST_P(ContractLife, APlanShowsPhasesAndWhatWaits) {
  harness_->spec().version = 3;
  const auto plan = harness_->plan();
  ASSERT_TRUE(plan) << plan.error().message();
  ASSERT_EQ(plan->steps.size(), 2U);
  EXPECT_EQ(plan->steps[1].phase, "Expand");
  ASSERT_EQ(plan->waiting.size(), 1U);
  EXPECT_EQ(plan->waiting[0].phase, "Contract");
  ASSERT_TRUE(plan->waits);
  EXPECT_EQ(plan->waits->reason, "ContractSoak");
  contract();
  const auto after = harness_->plan();
  ASSERT_TRUE(after);
  ASSERT_EQ(after->notes.size(), 1U);
  EXPECT_THAT(after->notes[0], HasSubstr("column users.email is put aside as"));
}

TEST_P(ContractLife, AnExpandThatIsNoneIsRefusedWithItsLine) {
  std::vector<Migration> files = shop_.migrations();
  files[1].up = "-- ripcord:phase Expand\nCREATE TABLE notes (a int);\n";
  files[1].up_file = "2_notes.up.sql";
  harness_ = std::make_unique<Harness>(shop_.ref, files);
  harness_->spec().version = 2;
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("NotIdempotent: 2_notes.up.sql:2: "));
  EXPECT_THAT(harness_->verdict(), HasSubstr("IF NOT EXISTS"));
  files[1].up = "\n\n-- ripcord:phase Contrakt\nSELECT 1";
  harness_ = std::make_unique<Harness>(shop_.ref, files);
  harness_->spec().version = 2;
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("BadPhase: 2_notes.up.sql: line 3: "));
}

TEST_P(ContractLife, TheRangeOfTheReleaseHoldsAWayOutEvenForAnOverride) {
  harness_->spec().version = 2;
  harness_->converge();
  ASSERT_EQ(harness_->verdict(), "Ready");
  harness_->spec().schema_range = SchemaRange{2, 3};
  down_to(1, "everything fails");
  EXPECT_THAT(harness_->verdict(), StartsWith("OutsideSchemaRange: version 1 is outside"));
  EXPECT_EQ(version(), "2");
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractLife,
                         ::testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) {
                           return engine.param == Engine::kPostgreSql ? "PostgreSQL" : "SQLite";
                         });

}  // namespace
}  // namespace ripcord
