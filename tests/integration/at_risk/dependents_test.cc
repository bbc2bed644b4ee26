// SPDX-License-Identifier: Apache-2.0
// Rows of other tables that a way down takes along through foreign keys: counted, copied, brought
// back. On PostgreSQL; SQLite's are switched off while migrations run.
#include "tests/integration/at_risk/brought_back.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <optional>

#include <gmock/gmock.h>

namespace ripcord {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ByForeignKey : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "keys");
  }
  std::string sql(const std::string& text) { return shared_cluster().psql(name_, text); }
  // At version 2, whose down is `down`, over tables that version 1 made.
  void begin(const std::string& tables, const std::string& down, const std::string& up = "SELECT 1",
             const std::string& tables_down = "SELECT 1") {
    harness_.emplace(
        postgres_ref(shared_cluster().url(name_)),
        std::vector<Migration>{migration(1, tables, tables_down), migration(2, up, down)});
    harness_->spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
    go(2);
  }
  void go(std::int64_t version) {
    harness_->go(version);
    ASSERT_EQ(harness_->verdict(), "Ready");
  }
  // What the way down to version 1 would destroy.
  std::vector<std::string> at_risk() {
    harness_->spec().version = 1;
    const auto plan = harness_->plan();
    EXPECT_OK(plan);
    std::vector<std::string> texts;
    for (const DataAtRisk& risk : plan->at_risk) {
      texts.push_back(describe(risk));
    }
    return texts;
  }
  void bring_back() {
    run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
         "bring-back.sql"},
        only_folder(archive_.path().string()));
  }

  std::string name_;
  TempDir archive_;
  std::optional<Harness> harness_;
};

constexpr const char* kShop =
    "CREATE TABLE users (id int PRIMARY KEY, name text);"
    "CREATE TABLE \"Orders\" (id int PRIMARY KEY, \"the user\" int CONSTRAINT of_user REFERENCES "
    "users ON DELETE CASCADE, made_at timestamptz);"
    "CREATE SCHEMA app;"
    "CREATE TABLE app.items (order_id int CONSTRAINT of_order REFERENCES \"Orders\" ON DELETE "
    "CASCADE, what text);"
    "CREATE TABLE notes (id int PRIMARY KEY, user_id int CONSTRAINT by_user REFERENCES users ON "
    "DELETE SET NULL, body text);"
    "CREATE TABLE teams (id int PRIMARY KEY, lead int DEFAULT 9 CONSTRAINT lead_by REFERENCES "
    "users ON DELETE SET DEFAULT);"
    "CREATE TABLE audits (id int PRIMARY KEY, user_id int REFERENCES users)";

constexpr const char* kShopRows =
    "INSERT INTO users SELECT g, 'u' || g FROM generate_series(1, 9) g;"
    "INSERT INTO \"Orders\" SELECT g, g % 5 + 1, '2026-01-01'::timestamptz + g * interval '1 day' "
    "FROM generate_series(1, 20) g; INSERT INTO \"Orders\" VALUES (99, NULL);"
    "INSERT INTO app.items SELECT g % 20 + 1, 'i' || g / 2 FROM generate_series(1, 60) g;"
    "INSERT INTO app.items SELECT * FROM app.items WHERE order_id = 1;"
    "INSERT INTO notes SELECT g, g % 9 + 1, 'n' || g FROM generate_series(1, 18) g;"
    "INSERT INTO teams SELECT g, g FROM generate_series(1, 4) g;"
    "INSERT INTO audits VALUES (1, 8)";

constexpr const char* kShopContent =
    "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM users t;"
    "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"Orders\" t;"
    "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM app.items t;"
    "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM notes t;"
    "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM teams t";

TEST_F(ByForeignKey, WhatADeleteTakesAlongIsCountedCopiedAndBroughtBack) {
  begin(kShop, "DELETE FROM users WHERE id < 3");
  sql(kShopRows);
  const std::string before = sql(kShopContent);
  const std::string items = sql("SELECT count(*) FROM app.items");
  EXPECT_THAT(
      at_risk(),
      UnorderedElementsAre(
          "rows of users: 2 rows",
          "rows of \"Orders\", by its foreign key of_user (ON DELETE CASCADE): 8 rows, the newest "
          "of 2026-01-21T00:00:00Z",
          "rows of app.items, by its foreign key of_order (ON DELETE CASCADE): 27 rows",
          "values of notes.user_id, by its foreign key by_user (ON DELETE SET NULL): 4 rows",
          "values of teams.lead, by its foreign key lead_by (ON DELETE SET DEFAULT): 2 rows"));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM \"Orders\""), "13");
  EXPECT_EQ(std::stoi(items) - std::stoi(sql("SELECT count(*) FROM app.items")), 27);
  EXPECT_EQ(sql("SELECT count(*) FROM notes WHERE user_id IS NULL"), "4");
  EXPECT_EQ(sql("SELECT count(*) FROM teams WHERE lead = 9"), "2");
  const auto& risks = harness_->status().at_risk;
  ASSERT_THAT(risks, SizeIs(5));
  for (const DataAtRisk& risk : risks) {
    EXPECT_TRUE(std::filesystem::exists(risk.archive)) << risk.what << ": " << risk.archive;
  }
  go(2);
  bring_back();
  EXPECT_EQ(sql(kShopContent), before);
  bring_back();
  EXPECT_EQ(sql(kShopContent), before) << "a second time adds nothing";
}

TEST_F(ByForeignKey, WhoWaitsForAnApprovalIsToldWhatADeleteTakesAlong) {
  begin(kShop, "DELETE FROM users WHERE id < 3");
  sql(kShopRows);
  harness_->spec().version = 1;
  harness_->spec().approval.reset();
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), HasSubstr("by its foreign key of_order"));
  const auto told = harness_->status().at_risk;
  EXPECT_THAT(told, SizeIs(5));
  sql("TRUNCATE app.items");
  harness_->converge();
  EXPECT_EQ(harness_->status().at_risk, told) << "what is known is not counted anew";
}

TEST_F(ByForeignKey, IsAtMostWhereTheRowsThatAreReferredToAre) {
  begin(kShop, "DELETE FROM users WHERE name = lower('U1')");
  sql(kShopRows);
  EXPECT_THAT(at_risk(),
              Contains("rows of app.items, by its foreign key of_order (ON DELETE CASCADE): at "
                       "most 63 rows"));
}

TEST_F(ByForeignKey, EachKeyThatLeadsToATableIsAnEntry) {
  begin(
      "CREATE TABLE users (id int PRIMARY KEY, boss int);"
      "CREATE TABLE sales (id int PRIMARY KEY, buyer int CONSTRAINT b REFERENCES users ON DELETE "
      "CASCADE, seller int CONSTRAINT s REFERENCES users ON DELETE CASCADE);"
      "CREATE TABLE lines (sale int CONSTRAINT l REFERENCES sales ON DELETE CASCADE)",
      "DELETE FROM users WHERE id = 1 OR id = 2");
  sql("INSERT INTO users VALUES (1), (2), (3); INSERT INTO sales VALUES (1, 1, 2), (2, 1, 3), (3, "
      "3, 2), (4, 3, 3); INSERT INTO lines SELECT g % 4 + 1 FROM generate_series(1, 40) g");
  EXPECT_THAT(at_risk(),
              ElementsAre("rows of users: 2 rows",
                          "rows of sales, by its foreign key b (ON DELETE CASCADE): 2 rows",
                          "rows of sales, by its foreign key s (ON DELETE CASCADE): 2 rows",
                          "rows of lines, by its foreign key l (ON DELETE CASCADE): 30 rows"));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM lines"), "10");
  bring_back();
  EXPECT_EQ(sql("SELECT count(*) FROM lines"), "40");
  EXPECT_EQ(sql("SELECT count(*) FROM sales"), "4");
}

TEST_F(ByForeignKey, ThatRefersToItsOwnTableIsToldAtMostAndEnds) {
  begin(
      "CREATE TABLE nodes (id int PRIMARY KEY, parent int CONSTRAINT up REFERENCES nodes ON DELETE "
      "CASCADE);"
      "CREATE TABLE leaves (node int CONSTRAINT at REFERENCES nodes ON DELETE CASCADE)",
      "DELETE FROM nodes WHERE id = 1");
  sql("INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);"
      "INSERT INTO leaves VALUES (3), (4)");
  EXPECT_THAT(
      at_risk(),
      ElementsAre("rows of nodes: 1 row",
                  "rows of nodes, by its foreign key up (ON DELETE CASCADE): at most 4 rows (its "
                  "foreign keys go in a circle)",
                  "rows of leaves, by its foreign key at (ON DELETE CASCADE): at most 2 rows"));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM nodes"), "1");
  bring_back();
  EXPECT_EQ(sql("SELECT id, parent FROM nodes ORDER BY 1"), "1|\n2|1\n3|2\n4|");
  EXPECT_EQ(sql("SELECT node FROM leaves ORDER BY 1"), "3\n4");
}

TEST_F(ByForeignKey, ThatGoInACircleAreToldAtMostAndEnd) {
  begin(
      "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int "
      "CONSTRAINT to_a REFERENCES a ON DELETE CASCADE);"
      "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE DEFERRABLE",
      "DELETE FROM a WHERE id = 1");
  sql("INSERT INTO a VALUES (1), (2), (3); INSERT INTO b VALUES (1, 1), (2, 2), (3, 3);"
      "UPDATE a SET b = id - 1 WHERE id > 1");
  EXPECT_THAT(at_risk(),
              UnorderedElementsAre(
                  "rows of a: 1 row",
                  "rows of b, by its foreign key to_a (ON DELETE CASCADE): at most 3 rows",
                  "rows of a, by its foreign key to_b (ON DELETE CASCADE): at most 3 rows (its "
                  "foreign keys go in a circle)"));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM a"), "0");
  bring_back();
  EXPECT_EQ(sql("SELECT id, b FROM a ORDER BY 1"), "1|\n2|1\n3|2");
  EXPECT_EQ(sql("SELECT id, a FROM b ORDER BY 1"), "1|1\n2|2\n3|3");
}

TEST_F(ByForeignKey, WhatTruncateCascadeEmptiesIsCountedAndBroughtBack) {
  begin(
      "CREATE TABLE users (id int PRIMARY KEY);"
      "CREATE TABLE orders (id int PRIMARY KEY, u int CONSTRAINT of_user REFERENCES users);"
      "CREATE TABLE items (o int CONSTRAINT of_order REFERENCES orders);"
      "ALTER TABLE users ADD last int CONSTRAINT last_order REFERENCES orders DEFERRABLE",
      "TRUNCATE users CASCADE");
  sql("INSERT INTO users VALUES (1), (2); INSERT INTO orders VALUES (1, 1), (2, NULL), (3, 2);"
      "INSERT INTO items VALUES (1), (NULL), (NULL); UPDATE users SET last = 1");
  EXPECT_THAT(
      at_risk(),
      ElementsAre("rows of users: 2 rows",
                  "rows of orders, by its foreign key of_user (TRUNCATE ... CASCADE): 3 rows",
                  "rows of items, by its foreign key of_order (TRUNCATE ... CASCADE): 3 rows"));
  go(1);
  ASSERT_EQ(sql("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM items)"), "0");
  bring_back();
  EXPECT_EQ(sql("SELECT id, u FROM orders ORDER BY 1"), "1|1\n2|\n3|2");
  EXPECT_EQ(sql("SELECT id, last FROM users ORDER BY 1"), "1|1\n2|1");
  EXPECT_EQ(sql("SELECT count(*) FROM items WHERE o IS NULL"), "2");
}

TEST_F(ByForeignKey, WhatAnUpdateOfAKeyWritesElsewhereIsCountedAtMost) {
  begin(
      "CREATE TABLE users (a int, b text, PRIMARY KEY (a, b), c int UNIQUE);"
      "CREATE TABLE orders (id int PRIMARY KEY, ua int, ub text, uc int CONSTRAINT other "
      "REFERENCES users (c) ON UPDATE CASCADE, CONSTRAINT of_user FOREIGN KEY (ua, ub) REFERENCES "
      "users (a, b) ON UPDATE CASCADE)",
      "UPDATE users SET b = 'x' WHERE a = 1");
  sql("INSERT INTO users VALUES (1, 'y', 1), (2, 'z', 2);"
      "INSERT INTO orders VALUES (1, 1, 'y', 1), (2, 1, 'y', 2), (3, 2, 'z', 1), (4, 1, NULL, 1)");
  EXPECT_THAT(at_risk(),
              ElementsAre("rows of users: 1 row",
                          "values of orders.ua, ub, by its foreign key of_user (ON UPDATE "
                          "CASCADE): at most 2 rows"));
}

TEST_F(ByForeignKey, OfPartitionedTablesAreOneEntry) {
  begin(
      "CREATE TABLE users (id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE users_2 PARTITION OF users FOR VALUES FROM (10) TO (20);"
      "CREATE TABLE orders (id int, u int, CONSTRAINT of_user FOREIGN KEY (u) REFERENCES users ON "
      "DELETE CASCADE) PARTITION BY RANGE (id);"
      "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (10) TO (20)",
      "DELETE FROM users WHERE id > 8 AND id < 12");
  sql("INSERT INTO users SELECT generate_series(1, 15); INSERT INTO orders SELECT g, g FROM "
      "generate_series(1, 15) g");
  EXPECT_THAT(at_risk(),
              ElementsAre("rows of users: 3 rows",
                          "rows of orders, by its foreign key of_user (ON DELETE CASCADE): 3 "
                          "rows"));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM orders"), "12");
  bring_back();
  EXPECT_EQ(sql("SELECT count(*) FROM orders"), "15");
}

TEST_F(ByForeignKey, ATriggersWorkIsSaidToBeUnknown) {
  begin(kShop, "DELETE FROM users WHERE id < 3");
  sql(kShopRows);
  sql("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';"
      "CREATE TRIGGER tells AFTER INSERT OR DELETE ON users EXECUTE FUNCTION f();"
      "CREATE TRIGGER writes AFTER UPDATE ON users EXECUTE FUNCTION f();"
      "CREATE TRIGGER too BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION f();"
      "CREATE TRIGGER off AFTER DELETE ON \"Orders\" EXECUTE FUNCTION f();"
      "ALTER TABLE \"Orders\" DISABLE TRIGGER off");
  const auto told = at_risk();
  EXPECT_THAT(told, Contains("rows of users: 2 rows (what trigger tells does is not known)"));
  EXPECT_THAT(told, Contains(testing::AllOf(HasSubstr("values of notes.user_id"),
                                            EndsWith("(what trigger too does is not known)"))));
  EXPECT_THAT(told, Contains(testing::AllOf(HasSubstr("rows of \"Orders\""),
                                            EndsWith("the newest of 2026-01-21T00:00:00Z"))));
}

TEST_F(ByForeignKey, ATableThatIsLostAsAWholeIsToldOnceAndComesBackAfterWhatItRefersTo) {
  const std::string orders =
      "CREATE TABLE orders (id int PRIMARY KEY, u int REFERENCES users ON DELETE CASCADE)";
  begin("CREATE TABLE users (id int PRIMARY KEY)", "DROP TABLE orders; DELETE FROM users", orders);
  sql("INSERT INTO users VALUES (1), (2); INSERT INTO orders VALUES (1, 1), (2, 2)");
  EXPECT_THAT(at_risk(), ElementsAre("table orders: 2 rows", "rows of users: at most 2 rows"));
  go(1);
  go(2);
  bring_back();
  EXPECT_EQ(sql("SELECT id, u FROM orders ORDER BY 1"), "1|1\n2|2");
}

TEST_F(ByForeignKey, LeadOnThroughATableThatIsLostAsAWhole) {
  begin(
      "CREATE TABLE users (id int PRIMARY KEY, boss int REFERENCES users ON DELETE CASCADE);"
      "CREATE TABLE orders (id int PRIMARY KEY, u int REFERENCES users ON DELETE CASCADE);"
      "CREATE TABLE items (o int CONSTRAINT of_order REFERENCES orders ON DELETE CASCADE)",
      "DELETE FROM users; DROP TABLE orders CASCADE");
  sql("INSERT INTO users VALUES (1, NULL), (2, 1); INSERT INTO orders VALUES (1, 1), (2, NULL);"
      "INSERT INTO items VALUES (1), (2), (NULL)");
  EXPECT_THAT(
      at_risk(),
      testing::AllOf(SizeIs(4), Contains("rows of users: 2 rows"), Contains("table orders: 2 rows"),
                     Contains("rows of items, by its foreign key of_order (ON DELETE CASCADE): 1 "
                              "row")));
  go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM items"), "2");
}

class SqliteForeignKeys : public testing::Test {
 protected:
  std::string sql(const std::string& text) {
    return run({"sqlite3", "-bail", path(), text}, directory_.path());
  }
  std::string path() const { return directory_ / "app.db"; }
  Harness at_2(const std::string& down) {
    Harness h(sqlite_ref(path()),
              {migration(1,
                         "CREATE TABLE users (id integer PRIMARY KEY); CREATE TABLE orders (id "
                         "integer PRIMARY KEY, u int REFERENCES users ON DELETE CASCADE)",
                         "DROP TABLE orders; DROP TABLE users"),
               migration(2, "SELECT 1", down)});
    h.go(2);
    EXPECT_EQ(h.verdict(), "Ready");
    sql("INSERT INTO users VALUES (1), (2); INSERT INTO orders VALUES (1, 1), (2, 2)");
    return h;
  }
  TempDir directory_;
};

// So there is nothing to count or to copy: a row that would be left without what it refers to
// refuses the down.
TEST_F(SqliteForeignKeys, TakeNothingAlongInAMigration) {
  for (const std::string first : {"", "PRAGMA foreign_keys = ON; "}) {
    Harness h = at_2(first + "DELETE FROM users WHERE id = 1");
    h.go(1);
    EXPECT_THAT(h.verdict(), HasSubstr("ForeignKeyViolated")) << first;
    EXPECT_EQ(sql("SELECT count(*) FROM users"), "2\n");
    EXPECT_EQ(sql("SELECT count(*) FROM orders"), "2\n");
    std::filesystem::remove(path());
  }
}

TEST_F(SqliteForeignKeys, TakeNothingAlongOutsideATransactionEither) {
  Harness h = at_2("VACUUM; PRAGMA foreign_keys = ON; VACUUM; DELETE FROM users WHERE id = 1");
  h.go(1);
  EXPECT_EQ(sql("SELECT count(*) FROM orders"), "2\n") << h.verdict();
  EXPECT_EQ(sql("SELECT count(*) FROM users"), "1\n") << h.verdict();
}

TEST_F(SqliteForeignKeys, ATriggersWorkIsSaidToBeUnknown) {
  Harness h = at_2("DELETE FROM users WHERE id = 1");
  sql("CREATE TRIGGER \"insert\" BEFORE DELETE ON users BEGIN DELETE FROM orders WHERE u = old.id; "
      "END; CREATE TRIGGER other AFTER UPDATE ON users BEGIN DELETE FROM orders; END");
  h.spec().version = 1;
  const auto plan = h.plan();
  ASSERT_OK(plan);
  ASSERT_THAT(plan->at_risk, SizeIs(1));
  EXPECT_EQ(describe(plan->at_risk[0]),
            "rows of users: 1 row (what trigger insert does is not known)");
}

}  // namespace
}  // namespace ripcord
