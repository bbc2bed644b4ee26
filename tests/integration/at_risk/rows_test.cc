// SPDX-License-Identifier: Apache-2.0
// Rows that a way down deletes or writes over, on both engines: counted by the statement's own
// WHERE, copied, and brought back.
#include "adapters/postgres/at_risk.h"
#include "adapters/sqlite/at_risk.h"
#include "tests/integration/at_risk/brought_back.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <optional>

namespace ripcord {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class RowSets : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (postgres() && !PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = postgres() ? fresh_database(shared_cluster(), "rows") : directory_ / "app.db";
  }
  static bool postgres() { return GetParam() == Engine::kPostgreSql; }
  std::string sql(const std::string& text) {
    if (postgres()) {
      return shared_cluster().psql(name_, text);
    }
    std::string out = run({"sqlite3", "-bail", name_, text}, directory_.path());
    return out.empty() ? out : out.substr(0, out.size() - 1);
  }
  // At version 2, whose down is `down`, over a table t that version 1 made.
  void begin(const std::string& table, const std::string& down, const std::string& rows,
             const std::string& up = "SELECT 1") {
    const DatabaseRef ref =
        postgres() ? postgres_ref(shared_cluster().url(name_)) : sqlite_ref(name_);
    harness_.emplace(
        ref, std::vector<Migration>{migration(1, table, "DROP TABLE t"), migration(2, up, down)});
    harness_->spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
    go(2);
    sql(rows);
  }
  void go(std::int64_t version) {
    harness_->go(version);
    ASSERT_EQ(harness_->verdict(), "Ready");
  }
  void there_and_back() {
    go(1);
    go(2);
  }
  void bring_back() {
    const std::filesystem::path folder = only_folder(archive_.path().string());
    if (postgres()) {
      run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
           "bring-back.sql"},
          folder);
    } else {
      run({"sqlite3", "-bail", name_, ".read bring-back.sql"}, folder);
    }
  }
  std::string archived(const std::string& file) const {
    return read_file((only_folder(archive_.path().string()) / file).string());
  }
  // What the way down to version 1 would destroy.
  DataAtRisk at_risk() {
    harness_->spec().version = 1;
    const auto plan = harness_->plan();
    EXPECT_OK(plan);
    EXPECT_THAT(plan->at_risk, SizeIs(1));
    return plan->at_risk.empty() ? DataAtRisk{} : plan->at_risk.front();
  }

  std::string name_;
  TempDir directory_;
  TempDir archive_;
  std::optional<Harness> harness_;
};

constexpr const char* kKeyed = "CREATE TABLE t (a int PRIMARY KEY, b text, c text)";
constexpr const char* kKeyless = "CREATE TABLE t (a int, b text)";

TEST_P(RowSets, ThatWereDeletedComeBackAndOthersAreLeftAlone) {
  begin(
      kKeyed, "DELETE FROM t WHERE a < 3 OR b = 'odd'",
      "INSERT INTO t VALUES (2, 'two', NULL), (5, 'five', ''), (7, 'odd', 'x,\"y'), (9, NULL, '')",
      "INSERT INTO t VALUES (1, 'one', '')");
  sql("UPDATE t SET b = 'written' WHERE a = 1");
  there_and_back();
  sql("DELETE FROM t WHERE a = 5");
  bring_back();
  EXPECT_EQ(sql("SELECT a, b, c FROM t ORDER BY a"), "1|one|\n2|two|\n7|odd|x,\"y\n9||")
      << "what its up made again is kept, and what was deleted since stays away";
  EXPECT_EQ(sql("SELECT count(*) FROM t WHERE c IS NULL"), "1");
  EXPECT_THAT(archived("01-rows-t.csv"), AllOf(HasSubstr("two"), Not(HasSubstr("five"))));
}

TEST_P(RowSets, OfATableWithoutAKeyComeBackAsOftenAsTheyWereThere) {
  for (const std::string where : {"a = 1", "a IN (SELECT 1)"}) {
    SCOPED_TRACE(where);
    SetUp();
    begin(kKeyless, "DELETE FROM t WHERE " + where,
          "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1, NULL), (5, 'keep'), (5, 'keep')");
    there_and_back();
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "2");
    bring_back();
    bring_back();
    EXPECT_EQ(sql("SELECT a, b, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2 DESC NULLS LAST"),
              "1|x|2\n1||1\n5|keep|2");
    std::filesystem::remove_all(only_folder(archive_.path().string()));
    if (!postgres()) {
      std::filesystem::remove(name_);
    }
  }
}

TEST_P(RowSets, ThatWereWrittenOverGetTheirValuesBackAndNothingElse) {
  begin(kKeyed, "UPDATE t SET b = 'gone' WHERE a < 4",
        "INSERT INTO t VALUES (1, 'one', ''), (2, 'two', ''), (3, NULL, ''), (5, 'five', '')");
  there_and_back();
  ASSERT_EQ(sql("SELECT count(*) FROM t WHERE b = 'gone'"), "3");
  sql("UPDATE t SET c = 'since'; UPDATE t SET b = 'since' WHERE a = 5; DELETE FROM t WHERE a = 2");
  bring_back();
  EXPECT_EQ(sql("SELECT a, b, c FROM t ORDER BY a"), "1|one|since\n3||since\n5|since|since");
  EXPECT_EQ(sql("SELECT count(*) FROM t WHERE b IS NULL"), "1");
}

TEST_P(RowSets, ThatWereWrittenOverByWhatCannotBeToldComeBackToo) {
  begin(kKeyed, "UPDATE t SET b = c; DELETE FROM t WHERE a = 2",
        "INSERT INTO t VALUES (1, 'one', ''), (2, 'two', ''), (5, 'five', 'c')");
  const std::string before = sql("SELECT * FROM t ORDER BY a");
  there_and_back();
  ASSERT_EQ(sql("SELECT * FROM t ORDER BY a"), "1||\n5|c|c");
  bring_back();
  EXPECT_EQ(sql("SELECT * FROM t ORDER BY a"), before);
}

TEST_P(RowSets, OfATableWithoutAKeyThatWereBothDeletedAndWrittenOverAreNotDoubled) {
  begin(kKeyless, "UPDATE t SET b = 'gone'; DELETE FROM t WHERE a = 1",
        "INSERT INTO t VALUES (1, 'x'), (5, 'y'), (5, 'z')");
  there_and_back();
  bring_back();
  EXPECT_EQ(sql("SELECT a, b FROM t ORDER BY 1, 2"),
            postgres() ? "5|gone\n5|gone" : "1|x\n5|y\n5|z");
  EXPECT_THAT(archived("01-rows-t.csv"), HasSubstr("x"));
}

TEST_P(RowSets, WrittenOverInATableWithoutAKeyAreInTheArchive) {
  begin(kKeyless, "UPDATE t SET b = 'gone' WHERE a = 1",
        "INSERT INTO t VALUES (1, 'x'), (1, NULL), (5, 'keep')");
  there_and_back();
  sql("INSERT INTO t VALUES (1, 'new')");
  bring_back();
  if (postgres()) {
    EXPECT_EQ(archived("01-rows-t.csv"), "a,b\n1,x\n1,\n");
    EXPECT_THAT(archived("bring-back.sql"), HasSubstr("no primary key"));
  } else {
    EXPECT_EQ(sql("SELECT a, b FROM t ORDER BY rowid"), "1|x\n1|\n5|keep\n1|new");
  }
}

TEST_P(RowSets, WhoseKeyWasWrittenOverAreInTheArchive) {
  begin(kKeyed, "UPDATE t SET a = a + 10 WHERE a = 1", "INSERT INTO t VALUES (1, 'x', '')");
  there_and_back();
  EXPECT_THAT(archived("bring-back.sql"), HasSubstr("The primary key was written over"));
  bring_back();
  EXPECT_EQ(sql("SELECT a, b FROM t"), "11|x");
}

TEST_P(RowSets, AreCountedByTheStatementsOwnWhere) {
  begin(kKeyed, "DELETE FROM t -- all\nWHERE a = 1 OR b = 'x' -- these\n",
        "INSERT INTO t VALUES (1, '', ''), (2, 'x', ''), (3, '', '')");
  EXPECT_EQ(describe(at_risk()), "rows of t: 2 rows");
}

TEST_P(RowSets, AreCountedAtMostWhereNobodyCanTellWhichOnes) {
  for (const std::string down :
       {"DELETE FROM t WHERE a IN (SELECT 1)", "UPDATE t SET c = ''; DELETE FROM t WHERE a = 1",
        "INSERT INTO t (a) VALUES (9); UPDATE t SET b = '' WHERE a = 1",
        "DELETE FROM t WHERE b = lower('X')"}) {
    SCOPED_TRACE(down);
    SetUp();
    begin(kKeyed, down, "INSERT INTO t VALUES (1, '', ''), (2, 'x', ''), (3, '', '')");
    EXPECT_EQ(describe(at_risk()), "rows of t: at most 3 rows");
    if (!postgres()) {
      std::filesystem::remove(name_);
    }
  }
}

TEST_P(RowSets, ThatCannotBeCountedInTimeAreToldByTheirTable) {
  begin(kKeyed, "SELECT 1",
        postgres() ? "INSERT INTO t VALUES (1), (2), (3); ANALYZE t"
                   : "WITH RECURSIVE g(n) AS (SELECT 11 UNION ALL SELECT n + 1 FROM g WHERE n < "
                     "20010) INSERT INTO t SELECT n, 'x', 'y' FROM g; DELETE FROM t WHERE a = 12");
  DataLoss loss{DataLoss::What::kRows, "t"};
  if (postgres()) {
    loss.where = "pg_sleep(60) IS NULL";
    auto connection = postgres::Connection::open(shared_cluster().url(name_));
    ASSERT_OK(connection);
    const auto counted =
        postgres::count_at_risk(*connection, {{2, loss}}, {}, std::chrono::milliseconds(500));
    ASSERT_OK(counted);
    EXPECT_EQ(describe(counted->at(0)),
              "rows of t: at most 3 rows (the server's estimate of all rows: counting took too "
              "long)");
  } else {
    auto connection = sqlite::Connection::open(name_, sqlite::OpenMode::kReadOnly);
    ASSERT_OK(connection);
    const SystemClock clock;
    const auto counted =
        sqlite::count_at_risk(*connection, {{2, loss}}, clock, {}, Duration::zero());
    ASSERT_OK(counted);
    EXPECT_EQ(describe(counted->at(0)),
              "rows of t: at most 20000 rows (by the table's rowids: counting took too long)");
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, RowSets, testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& tested) {
                           return tested.param == Engine::kPostgreSql ? "PostgreSql" : "Sqlite";
                         });

}  // namespace
}  // namespace ripcord
