// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/migration_history.h"

#include "controller/base/crc32.h"
#include "tests/support/status_matchers.h"

namespace ripcord::codec {
namespace {

using ::testing::HasSubstr;
using Layout = MigrationLayout;

std::string owner_of(std::string_view columns, bool own_name) {
  const MigrationHistory* found = recognise_history(columns, own_name);
  return found == nullptr ? "nobody" : std::string(to_string(found->layout()));
}

TEST(MigrationHistory, IsKnownByItsColumnsAndNotByItsName) {
  struct Case {
    const char* columns;
    const char* owner;
    const char* under_another_name;
  };
  const std::string flyway =
      "checksum integer, description character varying(200), execution_time integer, installed_by "
      "character varying(100), installed_on timestamp without time zone, installed_rank integer, "
      "script character varying(1000), success boolean, type character varying(20), version "
      "character varying(50)";
  const std::string atlas =
      "applied bigint, description character varying, error text, error_stmt text, executed_at "
      "timestamp with time zone, execution_time bigint, hash character varying, operator_version "
      "character varying, partial_hashes jsonb, total bigint, type bigint, version character "
      "varying";
  const std::vector<Case> cases = {
      {"dirty boolean, version bigint", "golang-migrate", "golang-migrate"},
      {"dirty bool, version uint64", "golang-migrate", "golang-migrate"},
      {"dirty boolean, version text", "nobody", "nobody"},
      {"dirty boolean, version bigint, who text", "nobody", "nobody"},
      {"version character varying", "dbmate", "nobody"},
      {"version varchar(128)", "dbmate", "nobody"},
      {"version bigint", "nobody", "nobody"},
      {"id integer, is_applied boolean, tstamp timestamp without time zone, version_id bigint",
       "goose", "goose"},
      {"applied_at timestamp with time zone, id text", "sql-migrate", "nobody"},
      {"applied_at datetime, id integer", "nobody", "nobody"},
      {flyway.c_str(), "Flyway", "Flyway"},
      {atlas.c_str(), "Atlas", "Atlas"},
      {"", "nobody", "nobody"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(owner_of(each.columns, true), each.owner) << each.columns;
    EXPECT_EQ(owner_of(each.columns, false), each.under_another_name) << each.columns;
  }
}

TEST(MigrationHistory, NumbersTheVersionsOfEachTool) {
  struct Case {
    Layout layout;
    const char* text;
    std::optional<std::int64_t> version;
  };
  for (const Case& each : std::vector<Case>{
           {Layout::kFlyway, "1", 10000},
           {Layout::kFlyway, "1.0", 10000},
           {Layout::kFlyway, "1.0.0.0", 10000},
           {Layout::kFlyway, "001.02.3", 10203},
           {Layout::kFlyway, "1_2", 10200},
           {Layout::kFlyway, "0.0.7", 7},
           {Layout::kFlyway, "99.99.99", 999999},
           {Layout::kFlyway, "20240115093000", 202401150930000000},
           {Layout::kFlyway, "922337203685476", 9223372036854760000},
           {Layout::kFlyway, "922337203685477", std::nullopt},
           {Layout::kFlyway, "1.100", std::nullopt},
           {Layout::kFlyway, "1.2.3.4", std::nullopt},
           {Layout::kFlyway, "1..2", std::nullopt},
           {Layout::kFlyway, "1.a", std::nullopt},
           {Layout::kFlyway, "", std::nullopt},
           {Layout::kDbmate, "0003", 3},
           {Layout::kSqlMigrate, "12_users.sql", 12},
           {Layout::kSqlMigrate, "users.sql", std::nullopt},
           {Layout::kAtlas, "9223372036854775807", 9223372036854775807},
           {Layout::kAtlas, "9223372036854775808", std::nullopt},
       }) {
    EXPECT_EQ(version_number(each.layout, each.text), each.version) << each.text;
  }
}

TEST(MigrationHistory, TheNewestRowOfGooseCounts) {
  const auto read = history_of(Layout::kGoose)
                        .read({{"4", "2", "f"}, {"1", "0", "t"}, {"3", "2", "t"}, {"2", "1", "t"}});
  ASSERT_OK(read);
  EXPECT_EQ(read->version(), 1) << "older goose writes is_applied = false on the way down";
  EXPECT_EQ(read->entries.size(), 1U);
}

TEST(MigrationHistory, KnowsTheFileWhereItsTableDoes) {
  const auto file = [](Layout layout, const HistoryRows& rows) {
    const auto versions = history_of(layout).read(rows);
    EXPECT_OK(versions);
    return versions->entries.at(0).file;
  };
  EXPECT_EQ(file(Layout::kDbmate, {{"004"}}), "004_*.sql");
  EXPECT_EQ(file(Layout::kSqlMigrate, {{"4_orders.sql"}}), "4_orders.sql");
  EXPECT_EQ(file(Layout::kAtlas, {{"4", "2", "1", "1", "", "orders"}}), "4_orders.sql");
  EXPECT_EQ(file(Layout::kAtlas, {{"4", "2", "1", "1", "", ""}}), "4.sql");
  EXPECT_EQ(file(Layout::kFlyway, {{"1", "4", "orders", "SQL", "V4__orders.sql", "7", "t"}}),
            "V4__orders.sql");
  EXPECT_EQ(file(Layout::kGolangMigrate, {{"4", "f"}}), "");
}

TEST(MigrationHistory, RefusesRowsThatCannotBeItsOwn) {
  const auto not_a_number = history_of(Layout::kDbmate).read({{"one"}});
  EXPECT_CODE(not_a_number, StatusCode::kFailedPrecondition);
  EXPECT_THAT(status_of(not_a_number).message(), HasSubstr("'one'"));
  const auto twice = history_of(Layout::kSqlMigrate).read({{"1_a.sql"}, {"01_b.sql"}});
  EXPECT_CODE(twice, StatusCode::kFailedPrecondition);
  EXPECT_THAT(status_of(twice).message(), HasSubstr("1_a.sql"));
  EXPECT_THAT(status_of(twice).message(), HasSubstr("01_b.sql"));
  EXPECT_CODE(history_of(Layout::kGolangMigrate).read({{"1", "f"}, {"2", "f"}}),
              StatusCode::kFailedPrecondition);
}

TEST(MigrationHistory, TellsExactlyWhatIsAppliedAndWhoseRecordsAreStale) {
  const MigrationHistory& dbmate = history_of(Layout::kDbmate);
  const auto versions = dbmate.read({{"05"}, {"01"}, {"03"}});
  ASSERT_OK(versions);
  const std::vector<AppliedMigration> records = {{3, "three", "DROP", "up", "down", 2},
                                                 {4, "four", "DROP", "up", "down", 3}};
  const SchemaState state = schema_state_of(&dbmate, *versions, records, std::nullopt);
  EXPECT_EQ(state.version, 5);
  EXPECT_EQ(state.history, Layout::kDbmate);
  ASSERT_EQ(state.applied.size(), 3U);
  EXPECT_EQ(state.applied[0].previous, -1);
  EXPECT_EQ(state.applied[1].down, "DROP");
  EXPECT_EQ(state.applied[1].previous, 1) << "as the history has it, not as it once was";
  EXPECT_EQ(state.applied[2].down, std::nullopt);
  EXPECT_TRUE(state.stale_records) << "4 was taken back by dbmate";
}

TEST(MigrationHistory, DeletesTheRowInTheToolsOwnWords) {
  const MigrationHistory& dbmate = history_of(Layout::kDbmate);
  const auto versions = dbmate.read({{"0001"}, {"0'2"}});
  ASSERT_FALSE(versions) << "0'2 is version 0 of somebody else";
  const auto good = dbmate.read({{"0001"}});
  MigrationStep step;
  step.direction = Direction::kDown;
  step.migration.version = 1;
  EXPECT_EQ(dbmate.record_sql(SqlDialect::kPostgreSql, {"t", "t"}, step, *good),
            "DELETE FROM t WHERE version = '0001';");
}

TEST(MigrationHistory, TextIsQuotedForSql) {
  EXPECT_EQ(sql_text("it's"), "'it''s'");
}

TEST(MigrationScript, SaysInItsLastLineThatItNeedsNoTransaction) {
  EXPECT_TRUE(runs_without_transaction(without_transaction("SELECT 1")));
  EXPECT_TRUE(runs_without_transaction(without_transaction("") + "\n\n"));
  EXPECT_FALSE(runs_without_transaction("SELECT 1"));
  EXPECT_FALSE(runs_without_transaction(without_transaction("SELECT 1") + "\nSELECT 2"));
  EXPECT_FALSE(runs_without_transaction(""));
}

TEST(Crc32, IsThatOfEverybodyElse) {
  Crc32 crc;
  crc.update("1234");
  crc.update("56789");
  EXPECT_EQ(crc.value(), 0xCBF43926U);
}

}  // namespace
}  // namespace ripcord::codec
