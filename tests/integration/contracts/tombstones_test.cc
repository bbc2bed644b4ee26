// SPDX-License-Identifier: Apache-2.0
// What is put aside and what is not, and what comes back how.
#include "tests/integration/contracts/shop.h"
#include "tests/support/status_matchers.h"

#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Version 1 is what the test says, 2 is the contract.
class Tombstones {
 public:
  Tombstones(Shop shop, const std::string& before, const std::string& contract,
             const std::string& down = "SELECT 1")
      : shop_(std::move(shop)),
        harness_(shop_.ref, {migration(1, before, "SELECT 1"), migration(2, contract, down)}) {
    harness_.spec().policy.contract_soak = hours(48);
    harness_.spec().version = 1;
    harness_.converge();
    EXPECT_EQ(harness_.verdict(), "Ready");
    harness_.clock().put_forward(hours(49));
  }
  // What the approval says.
  std::string asked() {
    harness_.spec().version = 2;
    harness_.converge();
    return harness_.verdict();
  }
  void up() {
    harness_.spec().version = 2;
    approve(harness_, 2);
    harness_.converge();
    ASSERT_EQ(harness_.verdict(), "Ready");
  }
  void down() {
    harness_.spec().override.emplace().version = 1;
    harness_.converge();
    ASSERT_EQ(harness_.verdict(), "Ready");
  }
  std::size_t count() const { return harness_.status().tombstones.size(); }
  std::string sql(const std::string& text) { return shop_.sql(text); }
  Harness& harness() { return harness_; }

 private:
  Shop shop_;
  Harness harness_;
};

class PostgresTombstones : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  static Shop shop() { return postgres_shop(shared_cluster()); }
};

TEST_F(PostgresTombstones, LiftNotNullAndSetItAgainWhenNobodyWroteNull) {
  Tombstones t(shop(), "CREATE TABLE u (id int, a text NOT NULL); INSERT INTO u VALUES (1, 'x')",
               "ALTER TABLE u DROP COLUMN a");
  t.up();
  EXPECT_EQ(t.sql("SELECT attnotnull FROM pg_attribute WHERE attname = 'zz_ripcord_2_a'"), "f");
  t.down();
  EXPECT_EQ(t.sql("SELECT attnotnull FROM pg_attribute WHERE attname = 'a' AND attrelid = "
                  "'u'::regclass"),
            "t");
  EXPECT_EQ(t.sql("SELECT count(*) FROM ripcord.tombstones"), "0");
}

TEST_F(PostgresTombstones, SayThatNotNullCouldNotBeSetAgainUntilItIs) {
  Tombstones t(shop(), "CREATE TABLE u (id int, a text NOT NULL); INSERT INTO u VALUES (1, 'x')",
               "ALTER TABLE u DROP COLUMN a");
  t.up();
  t.sql("INSERT INTO u (id) VALUES (2)");
  t.down();
  EXPECT_EQ(t.sql("SELECT id, a FROM u ORDER BY 1"), "1|x\n2|");
  t.harness().converge();
  const Condition* drift = t.harness().status().conditions.find("SourceDrift");
  ASSERT_NE(drift, nullptr);
  EXPECT_THAT(drift->message,
              HasSubstr("column u.a is back, but rows that were written without it"));
  t.sql("UPDATE u SET a = '' WHERE a IS NULL; ALTER TABLE u ALTER COLUMN a SET NOT NULL");
  t.harness().converge();
  EXPECT_EQ(t.harness().status().conditions.find("SourceDrift"), nullptr);
}

TEST_F(PostgresTombstones, OfATableHoldNoRowsOfOthersAndComeBackWithTheirKeys) {
  Tombstones t(shop(),
               "CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE o (id serial PRIMARY KEY, of int "
               "REFERENCES u); INSERT INTO u VALUES (1), (2); INSERT INTO o (of) VALUES (1)",
               "DROP TABLE IF EXISTS o, never_there");
  t.up();
  ASSERT_EQ(t.count(), 1U);
  EXPECT_EQ(t.sql("SELECT count(*) FROM zz_ripcord_2_o"), "1");
  t.sql("DELETE FROM u WHERE id = 2");
  t.down();
  EXPECT_EQ(t.sql("SELECT of FROM o"), "1");
  EXPECT_EQ(t.sql("SELECT convalidated FROM pg_constraint WHERE conname = 'o_of_fkey'"), "f");
  t.sql("INSERT INTO o (of) VALUES (1)");
  EXPECT_THROW(t.sql("INSERT INTO o (of) VALUES (2)"), std::runtime_error);
  t.harness().converge();
  ASSERT_NE(t.harness().status().conditions.find("SourceDrift"), nullptr);
  t.sql("ALTER TABLE o VALIDATE CONSTRAINT o_of_fkey");
  t.harness().converge();
  EXPECT_EQ(t.harness().status().conditions.find("SourceDrift"), nullptr);
}

struct AtOnce {
  const char* before;
  const char* contract;
  const char* why;
};

TEST_F(PostgresTombstones, AreNotMadeOfWhatARenameWouldNotTakeAway) {
  for (const AtOnce& each : std::vector<AtOnce>{
           {"CREATE TABLE u (id int, a int PRIMARY KEY)", "ALTER TABLE u DROP COLUMN a",
            "primary key"},
           {"CREATE TABLE u (id int, a int UNIQUE)", "ALTER TABLE u DROP COLUMN a", "unique index"},
           {"CREATE TABLE u (id int, a text); CREATE UNIQUE INDEX ON u (lower(a))",
            "ALTER TABLE u DROP COLUMN a", "unique index"},
           {"CREATE TABLE u (id int, a text CHECK (a IS NOT NULL))", "ALTER TABLE u DROP COLUMN a",
            "CHECK constraint"},
           {"CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE u (id int, a int REFERENCES p)",
            "ALTER TABLE u DROP COLUMN a", "foreign key"},
           {"CREATE TABLE u (id int, a int GENERATED ALWAYS AS (id) STORED)",
            "ALTER TABLE u DROP COLUMN a", "generated"},
           {"CREATE DOMAIN d AS text NOT NULL; CREATE TABLE u (id int, a d)",
            "ALTER TABLE u DROP COLUMN a", "domain"},
           {"CREATE TABLE u (id int, a int) PARTITION BY RANGE (id)", "DROP TABLE u",
            "partitioned"},
           {"CREATE TABLE u (id int, a int); CREATE PUBLICATION p FOR TABLE u",
            "ALTER TABLE u DROP COLUMN a", "published"},
           {"CREATE TABLE u (id int, a int); CREATE INDEX i ON u (id)",
            "DROP INDEX i; ALTER TABLE u DROP COLUMN a", "line 1 does more"}}) {
    SCOPED_TRACE(each.why);
    Tombstones t(shop(), each.before, each.contract);
    EXPECT_THAT(t.asked(), HasSubstr("It is gone at once: "));
    EXPECT_THAT(t.asked(), HasSubstr(each.why));
    t.up();
    EXPECT_EQ(t.count(), 0U);
    EXPECT_EQ(t.sql("SELECT count(*) FROM pg_attribute WHERE attname LIKE 'zz_ripcord%'"), "0");
    EXPECT_EQ(t.sql("SELECT down FROM ripcord.applied WHERE version = 2"), "SELECT 1");
  }
}

TEST_F(PostgresTombstones, AreRefusedForWhatTheDropItselfWouldBe) {
  Tombstones t(shop(), "CREATE TABLE u (id int, a text); CREATE VIEW v AS SELECT a FROM u",
               "ALTER TABLE u DROP COLUMN a");
  t.harness().spec().version = 2;
  approve(t.harness(), 2);
  t.harness().converge();
  EXPECT_THAT(t.harness().verdict(), HasSubstr("view v depends on column a"));
  EXPECT_EQ(t.sql("SELECT count(*) FROM pg_attribute WHERE attname LIKE 'zz_ripcord%'"), "0");
}

TEST_F(PostgresTombstones, MayBeDroppedByHandAndTheUndoIsTheAuthorsThen) {
  Tombstones t(shop(), "CREATE TABLE u (id int, a text); INSERT INTO u VALUES (1, 'x')",
               "ALTER TABLE u DROP COLUMN a", "ALTER TABLE u ADD COLUMN a text");
  t.up();
  t.harness().spec().policy.contract_soak = hours(500);
  t.sql("ALTER TABLE u DROP COLUMN zz_ripcord_2_a");
  t.harness().converge();
  ASSERT_EQ(t.harness().verdict(), "Ready");
  EXPECT_EQ(t.sql("SELECT down FROM ripcord.applied WHERE version = 2"),
            "ALTER TABLE u ADD COLUMN a text");
  t.down();
  EXPECT_EQ(t.sql("SELECT id, a FROM u"), "1|");
}

TEST_F(PostgresTombstones, StayWithTheTableWhenThatIsPutAsideLater) {
  Shop place = shop();
  Harness harness(place.ref, {migration(1, "CREATE TABLE u (id int, a text)", "SELECT 1"),
                              migration(2, "ALTER TABLE u DROP COLUMN a", "SELECT 1"),
                              migration(3, "DROP TABLE u", "SELECT 1")});
  harness.spec().policy.contract_soak = hours(48);
  harness.spec().version = 1;
  harness.converge();
  place.sql("INSERT INTO u VALUES (1, 'x')");
  for (const std::int64_t version : {2, 3}) {
    place.sql("UPDATE ripcord.applied SET applied_at = now() - interval '49 hours'");
    harness.spec().version = version;
    approve(harness, version);
    harness.converge();
    ASSERT_EQ(harness.verdict(), "Ready");
  }
  EXPECT_EQ(harness.status().tombstones.size(), 2U);
  harness.spec().override.emplace().version = 1;
  harness.converge();
  ASSERT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(place.sql("SELECT id, a FROM u"), "1|x");
}

TEST(SqliteTombstones, OfATableComeBackWithIndexesAndRows) {
  Tombstones t(sqlite_shop(),
               "CREATE TABLE o (id integer PRIMARY KEY, a text); CREATE INDEX o_a ON o (a); INSERT "
               "INTO o VALUES (1, 'x')",
               "DROP TABLE o");
  t.up();
  ASSERT_EQ(t.count(), 1U);
  EXPECT_EQ(t.sql("SELECT a FROM zz_ripcord_2_o"), "x");
  t.down();
  EXPECT_EQ(t.sql("SELECT a FROM o INDEXED BY o_a WHERE a = 'x'"), "x");
  EXPECT_EQ(t.sql("SELECT count(*) FROM ripcord_tombstones"), "0");
}

TEST(SqliteTombstones, AreNotMadeOfWhatARenameWouldNotTakeAway) {
  for (const AtOnce& each : std::vector<AtOnce>{
           {"CREATE TABLE u (id int, a text NOT NULL)", "ALTER TABLE u DROP COLUMN a",
            "NOT NULL without a default"},
           {"CREATE TABLE u (id int, a text CHECK (a <> ''))", "ALTER TABLE u DROP COLUMN a",
            "CHECK constraint"},
           {"CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE o (of int REFERENCES p)",
            "DROP TABLE o", "a foreign key of o"},
           {"CREATE TABLE o (id int); CREATE TRIGGER t AFTER INSERT ON o BEGIN SELECT 1; END; "
            "CREATE "
            "TABLE q (id int); CREATE TRIGGER s AFTER INSERT ON q BEGIN DELETE FROM o; END",
            "DROP TABLE o", "s names o"}}) {
    SCOPED_TRACE(each.why);
    Tombstones t(sqlite_shop(), each.before, each.contract);
    EXPECT_THAT(t.asked(), HasSubstr("It is gone at once: "));
    EXPECT_THAT(t.asked(), HasSubstr(each.why));
    t.up();
    EXPECT_EQ(t.count(), 0U);
  }
}

TEST(SqliteTombstones, AreRefusedForWhatTheDropItselfWouldBe) {
  Tombstones t(sqlite_shop(), "CREATE TABLE u (id int, a text); CREATE INDEX i ON u (a)",
               "ALTER TABLE u DROP COLUMN a");
  t.harness().spec().version = 2;
  approve(t.harness(), 2);
  t.harness().converge();
  EXPECT_THAT(t.harness().verdict(), HasSubstr("StatementFailed"));
  EXPECT_EQ(t.sql("SELECT count(*) FROM pragma_table_info('u') WHERE name = 'a'"), "1");
}

}  // namespace
}  // namespace ripcord
