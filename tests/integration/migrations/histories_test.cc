// SPDX-License-Identifier: Apache-2.0
// The history tables of other tools, as those tools write them: adopted, believed, kept right.
#include "controller/codec/migration_history.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

class Histories : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(migrations());
    if (GetParam() == Engine::kSqlite) {
      ref_ = sqlite_ref(directory_ / "app.db");
    } else if (PostgresCluster::available()) {
      name_ = fresh_database(shared_cluster(), "history");
      ref_ = postgres_ref(shared_cluster().url(name_));
    } else {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    harness_.emplace(ref_, std::vector<Migration>{});
    harness_->spec().source.directory = migrations();
  }

  std::string migrations() const { return directory_ / "migrations"; }
  void file(const std::string& name, const std::string& text) const {
    write_file(migrations() + "/" + name, text);
  }
  // "a|b" for each row.
  std::string sql(const std::string& text) const {
    if (GetParam() == Engine::kPostgreSql) {
      return shared_cluster().psql(name_, text);
    }
    const RunResult ran = run({.argv = {"sqlite3", ref_.path, text}});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out.empty() ? "" : ran.out.substr(0, ran.out.size() - 1);
  }
  std::string create(MigrationLayout layout) const {
    const std::string name(codec::default_history_name(layout));
    return codec::history_of(layout).create_sql(
        GetParam() == Engine::kSqlite ? codec::SqlDialect::kSqlite : codec::SqlDialect::kPostgreSql,
        {name, name});
  }
  void flyway_row(int rank, const std::string& version, const std::string& title,
                  const std::string& checksum, const std::string& type = "'SQL'",
                  bool success = true) const {
    sql(fmt::format(
        "INSERT INTO flyway_schema_history (installed_rank, version, description, type, "
        "script, checksum, installed_by, execution_time, success) VALUES ({}, {}, "
        "'{}', {}, 'V__{}.sql', {}, 'flyway', 7, {})",
        rank, version, title, type, title, checksum, success));
  }
  std::string go(std::int64_t version) {
    harness_->go(version);
    return harness_->verdict();
  }
  std::string drift() const {
    const Condition* condition = harness_->status().conditions.find("SourceDrift");
    return condition == nullptr ? "" : condition->message;
  }
  bool has_own_tables() const {
    return sql(GetParam() == Engine::kSqlite
                   ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'ripcord%'"
                   : "SELECT count(*) FROM pg_namespace WHERE nspname = 'ripcord'") != "0";
  }

  TempDir directory_;
  std::string name_;
  DatabaseRef ref_;
  std::optional<Harness> harness_;
};

// Two files, with the checksums that Flyway computes of them.
constexpr const char* kUsers = "CREATE TABLE users (id int);\n";
constexpr const char* kUsersSum = "336540139";
constexpr const char* kOrders = "CREATE TABLE orders (id int);\n";
constexpr const char* kOrdersSum = "-1726728712";

TEST_P(Histories, FlywaysIsAdoptedAndKeptAsFlywayKeepsIt) {
  file("V1__users.sql", kUsers);
  file("V1.1__orders.sql", kOrders);
  file("U1.1__orders.sql", "DROP TABLE orders;");
  sql(create(MigrationLayout::kFlyway) + kUsers);
  flyway_row(1, "'1'", "users", kUsersSum);
  EXPECT_EQ(go(10100), "Ready");
  EXPECT_EQ(drift(), "");
  const std::string rows =
      "SELECT installed_rank, version, description, type, script, checksum, CASE WHEN success THEN "
      "1 ELSE 0 END FROM flyway_schema_history WHERE installed_rank > 1";
  EXPECT_EQ(sql(rows), fmt::format("2|1.1|orders|SQL|V1.1__orders.sql|{}|1", kOrdersSum));
  EXPECT_EQ(go(10000), "Ready");
  EXPECT_EQ(sql(rows), "");
  EXPECT_EQ(go(10100), "Ready");
}

TEST_P(Histories, FlywaysRepeatableFilesRunAfterTheLastVersionWheneverTheyChange) {
  file("V1__log.sql", "CREATE TABLE log (what text);");
  file("R__note.sql", "INSERT INTO log VALUES ('one');");
  const std::string log = "SELECT what FROM log ORDER BY what";
  EXPECT_EQ(go(10000), "Ready");
  EXPECT_EQ(sql(log), "one");
  EXPECT_EQ(go(10000), "Ready");
  EXPECT_EQ(sql(log), "one") << "unchanged: not again";
  file("R__note.sql", "INSERT INTO log VALUES ('two');");
  harness_->spec().version.reset();
  harness_->converge();
  EXPECT_EQ(harness_->verdict(), "Ready");
  EXPECT_EQ(sql(log), "one\ntwo");
  file("V2__more.sql", "SELECT 1;");
  file("R__note.sql", "INSERT INTO log VALUES ('zero');");
  EXPECT_EQ(go(10000), "Ready");
  EXPECT_EQ(sql(log), "one\ntwo") << "not below the last version, whose schema it is written for";
  EXPECT_EQ(sql("SELECT count(*) FROM flyway_schema_history WHERE version IS NULL"), "2");
}

TEST_P(Histories, AFileThatFlywayAppliedOtherwiseIsNamed) {
  file("V1__users.sql", kUsers);
  file("U1__users.sql", "DROP TABLE users");
  sql(create(MigrationLayout::kFlyway) + kUsers);
  flyway_row(1, "'1'", "users", "12345");
  EXPECT_EQ(go(10000), "Ready");
  EXPECT_THAT(drift(), HasSubstr("V1__users.sql was changed after it was applied"));
}

TEST_P(Histories, FlywaysBaselineUndoAndFailureAreUnderstood) {
  file("V1__users.sql", kUsers);
  file("V2__orders.sql", kOrders);
  file("V3__more.sql", "CREATE TABLE more (id int);");
  sql(create(MigrationLayout::kFlyway) + kOrders);
  flyway_row(1, "'2'", "baseline", "NULL", "'BASELINE'");
  flyway_row(2, "'3'", "more", "NULL");
  flyway_row(3, "'3'", "more", "NULL", "'UNDO_SQL'");
  EXPECT_EQ(go(30000), "Ready") << "1 and 2 lie at or below the baseline, 3 is undone";
  flyway_row(9, "'4'", "broken", "NULL", "'SQL'", false);
  EXPECT_THAT(go(30000), HasSubstr("Dirty: Flyway recorded V__broken.sql as failed"));
}

TEST_P(Histories, AtlassIsAdoptedAndKeptAsAtlasKeepsIt) {
  file("1_users.sql", kUsers);
  file("2_orders.sql", std::string(kOrders) + "CREATE TABLE more (id int);\n");
  file("atlas.sum",
       "h1:daBWXpjaLl0IvYsCfCqT5T81F9jI80LPdbOX1GRW6mI=\n"
       "1_users.sql h1:U0uypfABsYw0AWpOUeILqtaE7XmiTYT5efEyNB9MRlY=\n"
       "2_orders.sql h1:5kdt+MpgILwqjdLst7ZHZDUIIjZQEbRJGyR4Iq4pn5c=\n");
  sql(create(MigrationLayout::kAtlas) + kUsers +
      "INSERT INTO atlas_schema_revisions (version, description, type, applied, total, "
      "executed_at, execution_time, error, error_stmt, hash, operator_version) VALUES ('1', "
      "'users', 2, 1, 1, CURRENT_TIMESTAMP, 5, '', '', "
      "'U0uypfABsYw0AWpOUeILqtaE7XmiTYT5efEyNB9MRlY=', 'Atlas CLI v1')");
  EXPECT_EQ(go(2), "Ready");
  EXPECT_EQ(sql("SELECT version, description, type, applied, total, hash FROM "
                "atlas_schema_revisions WHERE version = '2'"),
            "2|orders|2|2|2|5kdt+MpgILwqjdLst7ZHZDUIIjZQEbRJGyR4Iq4pn5c=");
  sql("UPDATE atlas_schema_revisions SET applied = 1, error = 'no room' WHERE version = '2'");
  EXPECT_THAT(go(2), HasSubstr("Dirty: Atlas recorded that 1 of 2 statements of version 2"));
}

TEST_P(Histories, AFileThatWasLeftOutAndOneThatIsMissingAreNamed) {
  const auto dbmate = [](const std::string& up) {
    return "-- migrate:up\n" + up + "\n-- migrate:down\n";
  };
  file("001_one.sql", dbmate("SELECT 1;"));
  file("002_two.sql", dbmate("SELECT 2;"));
  file("005_five.sql", dbmate("SELECT 5;"));
  file("006_six.sql", dbmate("SELECT 6;"));
  sql(create(MigrationLayout::kDbmate) +
      "INSERT INTO schema_migrations VALUES ('001'), ('004'), "
      "('005')");
  EXPECT_THAT(go(6), HasSubstr("OutOfOrder: 002_two.sql"));
  EXPECT_THAT(drift(), HasSubstr("version 4 is applied, but its file 004_*.sql is missing"));
  EXPECT_EQ(sql("SELECT count(*) FROM schema_migrations"), "3");
}

TEST_P(Histories, AnEmptyDownIsIrreversibleAndNotASuccess) {
  file("1_one.sql", "-- migrate:up\nCREATE TABLE one (a int);\n-- migrate:down\n-- nothing\n");
  EXPECT_EQ(go(1), "Ready");
  EXPECT_THAT(go(0), HasSubstr("Irreversible"));
  EXPECT_EQ(sql("SELECT version FROM schema_migrations"), "1");
}

TEST_P(Histories, TwoOfThemAreRefusedByName) {
  file("1_one.sql", "-- +goose Up\nSELECT 1;\n");
  sql(create(MigrationLayout::kGoose) + create(MigrationLayout::kSqlMigrate));
  EXPECT_THAT(go(1), HasSubstr("ForeignTable"));
  EXPECT_THAT(harness_->verdict(), HasSubstr("goose_db_version"));
  EXPECT_THAT(harness_->verdict(), HasSubstr("gorp_migrations"));
  EXPECT_FALSE(has_own_tables());
}

TEST_P(Histories, AnotherToolsIsLeftAlone) {
  file("1_one.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n");
  sql(create(MigrationLayout::kGoose));
  EXPECT_THAT(go(1),
              HasSubstr("1_one.sql is written for dbmate, but the database is kept by goose"));
  EXPECT_EQ(sql("SELECT count(*) FROM goose_db_version"), "1");
  EXPECT_FALSE(has_own_tables());
}

TEST_P(Histories, OneUnderAnotherNameIsKnownByItsColumns) {
  file("1_one.up.sql", "CREATE TABLE one (a int)");
  file("2_two.up.sql", "CREATE TABLE two (a int)");
  sql("CREATE TABLE shop_versions (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);"
      "INSERT INTO shop_versions VALUES (1, false)");
  EXPECT_EQ(go(2), "Ready");
  EXPECT_EQ(sql("SELECT version FROM shop_versions"), "2");
}

TEST_P(Histories, ColumnsThatCouldBeAnythingAreNoHistoryUnderAnotherName) {
  file("1_one.up.sql", "CREATE TABLE one (a int)");
  sql("CREATE TABLE products (version varchar(20)); CREATE TABLE jobs (id text, applied_at "
      "timestamp)");
  EXPECT_EQ(go(1), "Ready");
  EXPECT_EQ(sql("SELECT version FROM schema_migrations"), "1");
}

TEST_P(Histories, WithoutATransactionEveryStatementStandsForItself) {
  file(
      "1_one.sql",
      "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE one (a int);\nINSERT INTO other VALUES "
      "(1);\n-- +goose Down\nDROP TABLE one;\nDROP TABLE other;\n");
  EXPECT_THAT(go(1), HasSubstr("1_one.sql:4"));
  EXPECT_EQ(sql("SELECT count(*) FROM one"), "0") << "the first statement has taken effect";
  EXPECT_EQ(sql("SELECT count(*) FROM goose_db_version WHERE version_id = 1"), "0");
  sql("CREATE TABLE other (a int)");
  EXPECT_EQ(go(1), "Ready") << "it goes on where it stopped";
  EXPECT_EQ(sql("SELECT count(*) FROM other"), "1");
  sql("DROP TABLE other");
  std::filesystem::remove(migrations() + "/1_one.sql");
  EXPECT_THAT(go(0), HasSubstr("other")) << "the recorded undo is not in a transaction either";
  EXPECT_THAT(
      sql(GetParam() == Engine::kSqlite ? "SELECT count(*) FROM sqlite_master WHERE name = 'one'"
                                        : "SELECT count(*) FROM pg_class WHERE relname = 'one'"),
      "0");
}

TEST_P(Histories, RunnersAtOnceRunEachMigrationOnceWithoutAVersionTableToLock) {
  for (int version = 1; version <= 4; ++version) {
    file(fmt::format("{}_step.sql", version),
         fmt::format("-- migrate:up\nCREATE TABLE t{0} (a int);\n-- migrate:down\nDROP TABLE "
                     "t{0};\n",
                     version));
  }
  std::vector<std::string> verdicts(3);
  std::vector<std::jthread> runners;
  for (std::string& verdict : verdicts) {
    runners.emplace_back([this, &verdict] {
      Harness harness(ref_, {});
      harness.spec().source.directory = migrations();
      harness.go(4);
      verdict = harness.verdict();
    });
  }
  runners.clear();
  EXPECT_THAT(verdicts, ::testing::Each("Ready"));
  EXPECT_EQ(sql("SELECT count(*) FROM schema_migrations"), "4");
}

INSTANTIATE_TEST_SUITE_P(Engines, Histories,
                         ::testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) {
                           return engine.param == Engine::kSqlite ? "Sqlite" : "Postgres";
                         });

TEST(HistoryLocks, AreTheIdsUnderWhichTheToolsLock) {
  const std::vector<std::int64_t> ids = codec::tool_locks("public", "x");
  // golang-migrate's command line and library, goose, Flyway, Atlas.
  EXPECT_THAT(ids,
              ::testing::ElementsAre(895096441, 750960408, 4097083626, 77433833903597, 2686470616));
}

TEST(HistoryLocks, KeepUsOutWhileAToolHoldsItsOwn) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  const std::string name = fresh_database(shared_cluster(), "locks");
  const std::string url = shared_cluster().url(name);
  for (const std::int64_t id : codec::tool_locks("public", name)) {
    ChildProcess holder({.argv = {"psql", "-X", "-A", "-t", url}, .pipe_stdin = true});
    // As Flyway locks: until its transaction ends.
    holder.write_stdin(
        fmt::format("BEGIN; SELECT pg_advisory_xact_lock({}); SELECT 'there';\n", id));
    for (auto line = holder.read_line(); line && *line != "there"; line = holder.read_line()) {
    }
    Harness harness(postgres_ref(url), {migration(1, "CREATE TABLE t ()")});
    harness.set_patience(std::chrono::milliseconds(100));
    EXPECT_TRUE(std::holds_alternative<RequeueAfter>(harness.go(1))) << id;
    EXPECT_THAT(harness.verdict(), HasSubstr("Locked")) << id;
  }
}

}  // namespace
}  // namespace ripcord
