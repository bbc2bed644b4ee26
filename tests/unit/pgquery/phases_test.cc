// SPDX-License-Identifier: Apache-2.0
// What tells an expand and a contract from the rest: what can be repeated, what only drops, who
// names what, and what the script declares.
#include "adapters/pgquery/inspector.h"
#include "adapters/pgquery/mentions.h"
#include "adapters/sqlite/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SqlEffects effects_of(Engine engine, const std::string& sql) {
  const pgquery::PostgresInspector postgres;
  const sqlite::SqliteInspector sqlite;
  const auto found =
      engine == Engine::kSqlite ? sqlite.inspect(engine, sql) : postgres.inspect(engine, sql);
  EXPECT_TRUE(found && found->size() == 1) << sql;
  return found && !found->empty() ? found->front().effects : SqlEffects{};
}

TEST(Phases, OfPostgresCanBeRepeatedWhereTheStatementAsksFirstOrReplaces) {
  for (const char* sql : {
           "CREATE TABLE IF NOT EXISTS t (a int)",
           "CREATE INDEX IF NOT EXISTS i ON t (a)",
           "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
           "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS b int",
           "CREATE OR REPLACE VIEW v AS SELECT 1 AS a",
           "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
           "CREATE OR REPLACE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
           "CREATE SCHEMA IF NOT EXISTS s",
           "CREATE SEQUENCE IF NOT EXISTS s",
           "CREATE EXTENSION IF NOT EXISTS citext",
           "CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 1",
           "ALTER TYPE e ADD VALUE IF NOT EXISTS 'x'",
           "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
           "INSERT INTO t SELECT 1 WHERE NOT EXISTS (SELECT FROM t)",
           "ALTER TABLE t VALIDATE CONSTRAINT c",
           "COMMENT ON TABLE t IS 'x'",
           "GRANT SELECT ON t TO PUBLIC",
           "SET lock_timeout = '1s'",
           "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'e') THEN CREATE TYPE e "
           "AS ENUM ('a'); END IF; END $$",
       }) {
    EXPECT_EQ(effects_of(Engine::kPostgreSql, sql).once, "") << sql;
  }
}

TEST(Phases, OfPostgresSayWhatToWriteWhereItCannotBeRepeated) {
  const auto once = [](const char* sql) { return effects_of(Engine::kPostgreSql, sql).once; };
  EXPECT_EQ(once("CREATE TABLE t (a int)"), "write CREATE TABLE IF NOT EXISTS");
  EXPECT_EQ(once("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)"),
            "write CREATE INDEX CONCURRENTLY IF NOT EXISTS");
  EXPECT_EQ(once("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD COLUMN b int"),
            "write ADD COLUMN IF NOT EXISTS");
  EXPECT_EQ(once("CREATE VIEW v AS SELECT 1"), "write CREATE OR REPLACE VIEW");
  EXPECT_THAT(once("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"),
              HasSubstr("there is no ADD CONSTRAINT IF NOT EXISTS"));
  EXPECT_THAT(once("CREATE TYPE e AS ENUM ('a')"), HasSubstr("IF NOT EXISTS (SELECT ...)"));
  EXPECT_THAT(once("INSERT INTO t VALUES (1)"), HasSubstr("ON CONFLICT DO NOTHING"));
  EXPECT_THAT(once("DO $$ BEGIN CREATE TABLE t (a int); END $$"), HasSubstr("ask first"));
}

TEST(Phases, OfSqliteAreAskedOfSqlite) {
  const auto once = [](const char* sql) { return effects_of(Engine::kSqlite, sql).once; };
  EXPECT_EQ(once("CREATE TABLE IF NOT EXISTS t (a)"), "");
  EXPECT_EQ(once("CREATE INDEX IF NOT EXISTS i ON t (a)"), "");
  EXPECT_EQ(once("CREATE VIEW IF NOT EXISTS v AS SELECT 1"), "");
  EXPECT_EQ(once("CREATE TRIGGER IF NOT EXISTS g AFTER INSERT ON t BEGIN SELECT 1; END"), "");
  EXPECT_EQ(once("INSERT OR IGNORE INTO t VALUES (1)"), "");
  EXPECT_EQ(once("ALTER TABLE t ADD COLUMN a"), "") << "cannot ask first";
  EXPECT_THAT(once("CREATE TABLE t (a)"), HasSubstr("IF NOT EXISTS"));
  EXPECT_THAT(once("CREATE INDEX i ON t (a)"), HasSubstr("IF NOT EXISTS"));
  EXPECT_THAT(once("INSERT INTO t VALUES (1)"), HasSubstr("INSERT OR IGNORE"));
}

TEST(Phases, KnowAStatementThatOnlyDrops) {
  const auto drops = [](Engine engine, const char* sql) {
    return effects_of(engine, sql).only_drops;
  };
  for (const Engine engine : {Engine::kPostgreSql, Engine::kSqlite}) {
    EXPECT_TRUE(drops(engine, "DROP TABLE t"));
    EXPECT_TRUE(drops(engine, "DROP TABLE IF EXISTS t"));
    EXPECT_TRUE(drops(engine, "ALTER TABLE t DROP COLUMN a"));
    EXPECT_FALSE(drops(engine, "DROP INDEX i"));
    EXPECT_FALSE(drops(engine, "DROP VIEW v"));
    EXPECT_FALSE(drops(engine, "DELETE FROM t"));
    EXPECT_FALSE(drops(engine, "ALTER TABLE t RENAME COLUMN a TO b"));
  }
  constexpr Engine kPg = Engine::kPostgreSql;
  EXPECT_TRUE(drops(kPg, "DROP TABLE s.t, u"));
  EXPECT_TRUE(drops(kPg, "ALTER TABLE t DROP COLUMN IF EXISTS a, DROP COLUMN b RESTRICT"));
  EXPECT_FALSE(drops(kPg, "DROP TABLE t CASCADE"));
  EXPECT_FALSE(drops(kPg, "ALTER TABLE t DROP COLUMN a CASCADE"));
  EXPECT_FALSE(drops(kPg, "ALTER TABLE t DROP COLUMN a, ADD COLUMN b int"));
  EXPECT_FALSE(drops(kPg, "ALTER TABLE t DROP CONSTRAINT c"));
  EXPECT_FALSE(drops(kPg, "DROP TABLE \"a.b\"")) << "reads like schema a";
  EXPECT_FALSE(drops(kPg, "ALTER TABLE \"a.b\" DROP COLUMN c"));
  EXPECT_FALSE(drops(kPg, "DO $$ BEGIN DROP TABLE t; END $$"));
}

TEST(Phases, AreDeclaredByACommentOfItsOwnLineOnly) {
  const pgquery::PostgresInspector inspector;
  const auto marks = [&](const char* sql) {
    return inspector.review(Engine::kPostgreSql, {sql})->phase_marks;
  };
  EXPECT_THAT(marks("-- ripcord:phase Contract\nDROP TABLE t"),
              ElementsAre(PhaseMark{"Contract", 1}));
  EXPECT_THAT(marks("\n  --ripcord:phase   Expand  \nSELECT 1"),
              ElementsAre(PhaseMark{"Expand", 2}));
  EXPECT_THAT(marks("SELECT 1;\n-- ripcord:phase Nothing"), ElementsAre(PhaseMark{"Nothing", 2}));
  EXPECT_THAT(marks("SELECT 1; -- ripcord:phase Expand"), ElementsAre());
  EXPECT_THAT(marks("SELECT '\n-- ripcord:phase Expand\n'"), ElementsAre());
  EXPECT_THAT(marks("SELECT $$\n-- ripcord:phase Expand\n$$"), ElementsAre());
  EXPECT_THAT(marks("/* -- ripcord:phase Expand */ SELECT 1"), ElementsAre());
  const sqlite::SqliteInspector sqlite;
  EXPECT_THAT(sqlite.review(Engine::kSqlite, {"-- ripcord:phase Expand\nSELECT 1"})->phase_marks,
              ElementsAre(PhaseMark{"Expand", 1}));
}

TEST(Mentions, OfAColumnNeedTheTableAndTheColumn) {
  const DataLoss email{DataLoss::What::kColumn, "users", "email"};
  for (const char* sql :
       {"SELECT email FROM users WHERE id = $1", "SELECT u.email FROM public.users u",
        "SELECT 1 FROM users WHERE lower(email) = $1",
        "INSERT INTO users (id, email) VALUES ($1, $2)", "INSERT INTO users VALUES ($1, $2)",
        "UPDATE users SET email = $1",
        "DELETE FROM users WHERE "
        "email = $1",
        "WITH w AS (SELECT email FROM users) SELECT * FROM w",
        "SELECT * FROM orders o JOIN users USING (id) ORDER BY email",
        "EXPLAIN SELECT email FROM users", "COPY (SELECT email FROM users) TO STDOUT",
        "SELECT email FROM users WHERE at > now() - interval $1"}) {
    EXPECT_TRUE(pgquery::mentions(sql, email)) << sql;
  }
  for (const char* sql :
       {"SELECT * FROM users", "SELECT id FROM users", "SELECT email FROM customers",
        "COPY public.users (id, email) TO STDOUT", "ALTER TABLE users DROP COLUMN email",
        "INSERT INTO users (id) VALUES ($1)", "VACUUM users",
        "SELECT id FROM users WHERE x < $1 "
        "interval",
        "CREATE INDEX i ON users (email)"}) {
    EXPECT_FALSE(pgquery::mentions(sql, email)) << sql;
  }
}

TEST(Mentions, OfATableNeedTheTableInItsSchema) {
  const DataLoss orders{DataLoss::What::kTable, "shop.orders"};
  EXPECT_TRUE(pgquery::mentions("SELECT count(*) FROM orders", orders));
  EXPECT_TRUE(pgquery::mentions("DELETE FROM shop.orders", orders));
  EXPECT_FALSE(pgquery::mentions("SELECT * FROM other.orders", orders));
  EXPECT_FALSE(pgquery::mentions("SELECT orders FROM t", orders));
}

}  // namespace
}  // namespace ripcord
