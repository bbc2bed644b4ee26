// SPDX-License-Identifier: Apache-2.0
// What a way down destroys, on real databases: counted before a person decides, copied before it
// runs, and brought back by the script that the copy comes with.
#include "adapters/postgres/connection.h"
#include "tests/integration/at_risk/brought_back.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// Where a person looks before approving: the condition, and `ripcord plan`.
void expect_shown_to_who_approves(Harness& h, std::size_t things, const std::string& text) {
  const Condition* waits = h.status().conditions.find("ApprovalRequired");
  ASSERT_NE(waits, nullptr);
  EXPECT_EQ(waits->status, ConditionState::kTrue);
  EXPECT_THAT(waits->message, HasSubstr(text));
  const auto plan = h.plan();
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_THAT(plan->at_risk, SizeIs(things));
  EXPECT_EQ(plan->at_risk, h.status().at_risk);
}

class PostgresAtRisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "risk");
  }
  std::string sql(const std::string& text) { return shared_cluster().psql(name_, text); }
  DatabaseRef ref() const { return postgres_ref(shared_cluster().url(name_)); }
  Harness harness() { return Harness(ref(), migrations()); }
  // At version 3, with rows that matter.
  void fill(Harness& h) {
    h.go(3);
    ASSERT_EQ(h.verdict(), "Ready");
    sql("INSERT INTO users (id, name, email, visits, seen_at) SELECT g, 'u' || g, CASE WHEN g <= "
        "40 "
        "THEN 'e' || g END, g % 3, '2026-01-15 12:00:00+00'::timestamptz - g * interval '1 day' "
        "FROM generate_series(1, 100) g;"
        "INSERT INTO \"Order items\" (what) SELECT 'a,\"b' || g || E'\\n' FROM generate_series(1, "
        "7) g; INSERT INTO \"Order items\" (what) VALUES (''), (NULL)");
  }
  // Everything that the downs destroy, as text.
  std::string content() {
    return sql(
        "SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM users u;"
        "SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM \"Order items\" o;"
        "SELECT count(*) FROM \"Order items\" WHERE what IS NULL");
  }
  static std::vector<Migration> migrations() {
    return {migration(1,
                      "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, seen_at "
                      "timestamptz DEFAULT now())",
                      "DROP TABLE users"),
            migration(2,
                      "ALTER TABLE users ADD COLUMN email text, ADD COLUMN visits int NOT NULL "
                      "DEFAULT 0",
                      "ALTER TABLE users DROP COLUMN email, DROP COLUMN visits"),
            migration(3, "CREATE TABLE \"Order items\" (id serial PRIMARY KEY, what text)",
                      "DROP TABLE \"Order items\"")};
  }
  std::string name_;
  TempDir archive_;
};

TEST_F(PostgresAtRisk, IsCountedAndShownWhereAPersonHasToDecide) {
  Harness h = harness();
  fill(h);
  h.spec().version = 1;
  h.spec().policy.data_loss = DataLossPolicy::kForbid;
  h.converge();
  EXPECT_THAT(h.verdict(),
              AllOf(HasSubstr("DataLossForbidden"), HasSubstr("table Order items: 9 rows"),
                    HasSubstr("column users.email: 40 rows, the newest of 2026-01-14T12:00:00Z"),
                    HasSubstr("column users.visits: 67 rows")));
  const auto& risks = h.status().at_risk;
  ASSERT_THAT(risks, SizeIs(3));
  EXPECT_EQ(risks[0].version, 3);
  EXPECT_EQ(risks[0].what, "table Order items");
  EXPECT_EQ(risks[0].rows, 9);
  EXPECT_FALSE(risks[0].newest) << "the table keeps no times";
  EXPECT_EQ(risks[1].version, 2);
  EXPECT_EQ(risks[1].rows, 40);
  EXPECT_EQ(risks[2].rows, 67);

  h.spec().policy.data_loss = DataLossPolicy::kApprove;
  h.spec().approval.reset();
  h.converge();
  EXPECT_THAT(h.verdict(), AllOf(HasSubstr("ApprovalRequired"), HasSubstr("At risk: table")));
  expect_shown_to_who_approves(h, 3, "At risk: table Order items: 9 rows");
}

TEST_F(PostgresAtRisk, CountsRowSetsAtMostAndSaysWhatItCannotCount) {
  Harness h(ref(),
            {migration(1, "CREATE TABLE t (a int, made_at timestamp)", "DROP TABLE t"),
             migration(2, "INSERT INTO t VALUES (1, '2026-01-01'), (2, '2999-01-01')",
                       "DELETE FROM t WHERE a = 1"),
             migration(3, "SELECT 1",
                       "DO $$ DECLARE n text := 't'; BEGIN EXECUTE 'DROP TABLE ' || n; END $$")});
  h.go(3);
  h.spec().version = 1;
  h.spec().approval.reset();
  h.converge();
  const auto& risks = h.status().at_risk;
  ASSERT_THAT(risks, SizeIs(3)) << h.verdict();
  EXPECT_THAT(risks[0].what, HasSubstr("DROP"));
  EXPECT_FALSE(risks[0].rows);
  EXPECT_EQ(risks[1].what, "unknown");
  EXPECT_FALSE(risks[1].rows);
  EXPECT_THAT(risks[1].note, HasSubstr("cannot be counted: "));
  EXPECT_EQ(risks[2].what, "rows of t");
  EXPECT_EQ(risks[2].rows, 2);
  EXPECT_TRUE(risks[2].at_most);
  ASSERT_TRUE(risks[2].newest) << "a time of the future is no time of a write";
  EXPECT_THAT(h.verdict(), HasSubstr("the newest of 2026-01-01T"));
}

TEST_F(PostgresAtRisk, ATableIsReadOnceForAllThatItLoses) {
  Harness h = harness();
  fill(h);
  const auto scans = [&] {
    return std::stoi(sql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'users'"));
  };
  const int before = scans();
  h.spec().version = 0;
  const auto plan = h.plan();
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_THAT(plan->at_risk, SizeIs(4));  // two columns and the table; the other table
  EXPECT_TRUE(eventually([&] { return scans() > before; }));
  EXPECT_EQ(scans(), before + 1);
}

TEST_F(PostgresAtRisk, WhatTheServerRefusesToCountHidesNothingElse) {
  Harness h(ref(), {migration(1, "CREATE TABLE t (a int, b int)", "DROP TABLE t"),
                    migration(2, "INSERT INTO t VALUES (0, 1), (1, 2)",
                              "DELETE FROM t WHERE 1 / a > 0; ALTER TABLE t DROP COLUMN b")});
  h.go(2);
  ASSERT_EQ(h.verdict(), "Ready");
  h.spec().version = 0;
  const auto plan = h.plan();
  ASSERT_TRUE(plan) << plan.error().message();
  ASSERT_THAT(plan->at_risk, SizeIs(3));
  EXPECT_THAT(plan->at_risk[0].note, HasSubstr("division by zero"));
  EXPECT_EQ(plan->at_risk[1].rows, 2);
  EXPECT_EQ(plan->at_risk[2].rows, 2);
}

TEST_F(PostgresAtRisk, ALosslessWayDownIsNotCounted) {
  Harness h(ref(), {migration(1, "CREATE TABLE t (a int)", "DROP TABLE t"),
                    migration(2, "CREATE INDEX i ON t (a)", "DROP INDEX i")});
  h.go(2);
  h.go(1);
  EXPECT_EQ(h.verdict(), "Ready");
  EXPECT_TRUE(h.status().at_risk.empty());
}

class PostgresArchive : public PostgresAtRisk, public testing::WithParamInterface<ArchiveFormat> {};

TEST_P(PostgresArchive, IsBroughtBackByTheScriptItComesWith) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), GetParam()};
  fill(h);
  const std::string before = content();
  h.go(2);
  ASSERT_EQ(h.verdict(), "Ready");
  const fs::path items = only_folder(archive_.path().string());
  EXPECT_THAT(items.filename().string(), AllOf(HasSubstr("default.app-"), HasSubstr("-down-3")));
  ASSERT_THAT(h.status().at_risk, SizeIs(1));
  EXPECT_TRUE(fs::exists(h.status().at_risk[0].archive)) << h.status().at_risk[0].archive;
  fs::rename(items, archive_ / "items");
  h.go(1);
  ASSERT_EQ(h.verdict(), "Ready");
  fs::path columns;
  for (const auto& entry : fs::directory_iterator(archive_.path())) {
    columns = entry.path().filename() == "items" ? columns : entry.path();
  }

  h.go(3);
  ASSERT_EQ(h.verdict(), "Ready");
  ASSERT_NE(content(), before);
  for (const fs::path& folder : {columns, fs::path(archive_ / "items")}) {
    run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
         "bring-back.sql"},
        folder);
  }
  EXPECT_EQ(content(), before);
  sql("INSERT INTO \"Order items\" (what) VALUES ('next')");
  EXPECT_EQ(sql("SELECT max(id) FROM \"Order items\""), "10") << "its sequence goes on";
}

INSTANTIATE_TEST_SUITE_P(Formats, PostgresArchive,
                         testing::Values(ArchiveFormat::kCsv, ArchiveFormat::kCopyBinary),
                         [](const auto& tested) {
                           return tested.param == ArchiveFormat::kCsv ? "Csv" : "CopyBinary";
                         });

TEST_F(PostgresAtRisk, WhatWasWrittenSinceIsNotOverwrittenByBringingBack) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
  fill(h);
  h.go(2);
  fs::remove_all(only_folder(archive_.path().string()));
  h.go(1);
  h.go(3);
  sql("UPDATE users SET email = 'newer' WHERE id = 1");
  run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
       "bring-back.sql"},
      only_folder(archive_.path().string()));
  EXPECT_EQ(sql("SELECT email FROM users WHERE id <= 2 ORDER BY id"), "newer\ne2");
}

TEST_F(PostgresAtRisk, NothingRunsThatCouldNotBeCopied) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_ / "missing", ArchiveFormat::kCsv};
  fill(h);
  h.go(2);
  EXPECT_THAT(h.verdict(), AllOf(HasSubstr("ArchiveFailed"), HasSubstr("missing")));
  EXPECT_EQ(sql("SELECT count(*) FROM \"Order items\""), "9");
  EXPECT_EQ(h.status().version, 3);
}

TEST_F(PostgresAtRisk, NoRowIsDestroyedThatWasWrittenWhileItWasCopied) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
  fill(h);
  sql("INSERT INTO \"Order items\" (what) SELECT 'x' FROM generate_series(1, 50000)");
  std::atomic<bool> begun = false;
  std::int64_t written = 0;
  std::thread writer([&] {
    auto connection = postgres::Connection::open(shared_cluster().url(name_));
    while (connection && connection->execute("INSERT INTO \"Order items\" (what) VALUES ('w')")) {
      ++written;
      begun = true;
    }
  });
  while (!begun) {
    std::this_thread::yield();
  }
  h.go(2);
  writer.join();
  ASSERT_EQ(h.verdict(), "Ready");
  h.go(3);
  run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
       "bring-back.sql"},
      only_folder(archive_.path().string()));
  EXPECT_EQ(sql("SELECT count(*) FROM \"Order items\" WHERE what = 'w'"), std::to_string(written));
}

TEST_F(PostgresAtRisk, AKillAtAnyPointLosesNothingThatIsInNoArchive) {
  int point = 0;
  for (bool ended = false; !ended;) {
    ++point;
    SCOPED_TRACE(fmt::format("killed at point {}", point));
    ASSERT_LT(point, 60);
    const TempDir folder;
    name_ = fresh_database(shared_cluster(), "kill");
    {
      Harness h = harness();
      fill(h);
    }
    const auto down = [&](int die_at) {
      return run_forked([&] {
        int seen = 0;
        Harness h(ref(), migrations(), [&](std::string_view) {
          if (++seen == die_at) {
            ::raise(SIGKILL);
          }
        });
        h.spec().policy.archive = ArchivePolicy{folder.path().string(), ArchiveFormat::kCsv};
        h.go(2);
        return h.verdict() == "Ready" ? 0 : 1;
      });
    };
    ended = down(point) == 0;
    if (!ended) {
      ASSERT_EQ(down(0), 0);
    }
    std::size_t whole = 0;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      EXPECT_THAT(entry.path().string(), Not(HasSubstr("partial"))) << "nothing half is left";
      const std::string csv = read_file((entry.path() / "01-table-Order_items.csv").string());
      whole += csv.find("\"a,\"\"b7") != std::string::npos ? 1 : 0;
    }
    EXPECT_GE(whole, 1U);
  }
  EXPECT_GT(point, 8) << "the points must be there";
}

TEST_F(PostgresAtRisk, ATableWithoutAKeyIsCopiedWholeAndItsScriptSaysSo) {
  Harness h(ref(), {migration(1, "CREATE TABLE t (a int)", "DROP TABLE t"),
                    migration(2, "ALTER TABLE t ADD COLUMN b json DEFAULT '{}'",
                              "ALTER TABLE t DROP COLUMN b")});
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
  h.go(2);
  sql("INSERT INTO t VALUES (1, '{\"x\": 1}'), (2, DEFAULT)");
  h.go(1);
  ASSERT_EQ(h.verdict(), "Ready");
  ASSERT_THAT(h.status().at_risk, SizeIs(1));
  EXPECT_EQ(h.status().at_risk[0].rows, 1);
  const fs::path folder = only_folder(archive_.path().string());
  EXPECT_EQ(read_file((folder / "01-column-t.b.csv").string()), "a,b\n1,\"{\"\"x\"\": 1}\"\n");
  EXPECT_THAT(read_file((folder / "bring-back.sql").string()), HasSubstr("no primary key"));
  h.go(2);
  run({"psql", "-X", "-q", shared_cluster().url(name_), "-v", "ON_ERROR_STOP=1", "-f",
       "bring-back.sql"},
      folder);
}

TEST_F(PostgresAtRisk, ADownThatIsNoTransactionIsCopiedBeforeItsFirstStatement) {
  Harness h(ref(), {migration(1, "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (7)",
                              "DROP TABLE t"),
                    migration(2, "CREATE INDEX CONCURRENTLY i ON t (a)",
                              "DROP INDEX CONCURRENTLY i; DROP TABLE t")});
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
  h.go(2);
  h.go(1);
  ASSERT_EQ(h.verdict(), "Ready");
  EXPECT_EQ(read_file((only_folder(archive_.path().string()) / "01-table-t.csv").string()),
            "a\n7\n");
}

class SqliteAtRisk : public testing::Test {
 protected:
  Harness harness(Trace trace = {}) {
    return Harness(
        sqlite_ref(path()),
        {migration(1,
                   "CREATE TABLE users (id integer PRIMARY KEY, name text, seen_at datetime); "
                   "CREATE TABLE \"odd one\" (a text, b blob, c real)",
                   "DROP TABLE users; DROP TABLE \"odd one\""),
         migration(2,
                   "ALTER TABLE users ADD COLUMN email text; ALTER TABLE users ADD COLUMN visits "
                   "int NOT NULL DEFAULT 0",
                   "ALTER TABLE users DROP COLUMN email; ALTER TABLE users DROP COLUMN visits")},
        std::move(trace));
  }
  std::string path() const { return directory_ / "app.db"; }
  std::string sql(const std::string& text) {
    return run({"sqlite3", "-bail", path(), text}, directory_.path());
  }
  void fill(Harness& h) {
    h.go(2);
    ASSERT_EQ(h.verdict(), "Ready");
    sql("INSERT INTO users VALUES (1, 'a', '2026-01-15 12:00:00', 'it''s', 3), (2, 'b', "
        "1768478400, "
        "NULL, 0), (3, 'c', '2999-01-01', '', 0)");
    sql("INSERT INTO \"odd one\" VALUES ('x\"y', x'00ff', 0.1), ('', NULL, 1e300), (NULL, x'', "
        "-0.0)");
  }
  std::string content() {
    return sql(
        "SELECT quote(id), quote(name), quote(seen_at), quote(email), quote(visits) FROM "
        "users ORDER BY 1; SELECT quote(a), quote(b), quote(c) FROM \"odd one\" ORDER BY 1, "
        "2, 3");
  }
  TempDir directory_;
  TempDir archive_;
};

TEST_F(SqliteAtRisk, IsCountedAndShownWhereAPersonHasToDecide) {
  Harness h = harness();
  fill(h);
  h.spec().version = 0;
  h.spec().approval.reset();
  h.converge();
  EXPECT_THAT(h.verdict(),
              AllOf(HasSubstr("ApprovalRequired"), HasSubstr("column users.email: 2 rows"),
                    HasSubstr("column users.visits: 1 row, the newest of 2026-01-15T12:00:00Z"),
                    HasSubstr("table odd one: 3 rows")));
  expect_shown_to_who_approves(h, 4, "At risk: column users.email: 2 rows");
}

TEST_F(SqliteAtRisk, IsBroughtBackByTheScriptItComesWith) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_.path().string(), ArchiveFormat::kCsv};
  fill(h);
  const std::string before = content();
  h.go(0);
  ASSERT_EQ(h.verdict(), "Ready");
  h.go(2);
  ASSERT_NE(content(), before);
  std::vector<std::string> folders;
  for (const auto& entry : fs::directory_iterator(archive_.path())) {
    folders.push_back(entry.path().string());
  }
  std::sort(folders.begin(), folders.end());  // the down of 1 was the last to run
  ASSERT_THAT(folders, SizeIs(2));
  for (const std::string& folder : folders) {
    run({"sqlite3", "-bail", path(), ".read bring-back.sql"}, folder);
  }
  EXPECT_EQ(content(), before);
  EXPECT_EQ(read_file(folders[1] + "/01-column-users.email.csv"),
            "\"id\",\"email\"\r\n\"1\",\"it's\"\r\n\"3\",\"\"\r\n");
}

TEST_F(SqliteAtRisk, NothingRunsThatCouldNotBeCopied) {
  Harness h = harness();
  h.spec().policy.archive = ArchivePolicy{archive_ / "missing", ArchiveFormat::kCsv};
  fill(h);
  const std::string before = content();
  h.go(1);
  EXPECT_THAT(h.verdict(), HasSubstr("ArchiveFailed"));
  EXPECT_EQ(content(), before);
}

}  // namespace
}  // namespace ripcord
