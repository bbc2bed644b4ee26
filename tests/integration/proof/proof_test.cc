// SPDX-License-Identifier: Apache-2.0
// Migrations proven on shadow databases of a real PostgreSQL and of SQLite: one table of migrations
// with what has to be found, and what must hold around it.
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "adapters/sqlite/shadow_databases.h"
#include "controller/strategies/migration_proof.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <array>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr Duration kLockTimeout = std::chrono::seconds(2);

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Case {
  std::string_view name;
  std::string_view base;  // applied before, unproven
  std::string_view up;
  std::string_view down;
  Reversibility result;
  std::string_view what;  // part of the first finding; empty: no finding
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

constexpr std::string_view kUsers =
    "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, age int CHECK (age > "
    "17), state text CHECK "
    "(state IN ('new', 'old')));"
    "CREATE TABLE orders (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, total "
    "numeric(8, 2))";

using R = Reversibility;

const Case kPostgres[] = {
    {"a new index", kUsers, "CREATE INDEX by_age ON users (age)", "DROP INDEX by_age", R::kLossless,
     ""},
    {"an index made concurrently", kUsers, "CREATE INDEX CONCURRENTLY by_age ON users (age)",
     "DROP INDEX CONCURRENTLY by_age", R::kLossless, ""},
    {"a new column", kUsers, "ALTER TABLE users ADD COLUMN phone text",
     "ALTER TABLE users DROP COLUMN phone", R::kLossy,
     "content of public.users.phone, by the down"},
    {"a new table", kUsers, "CREATE TABLE notes (id int, body text)", "DROP TABLE notes", R::kLossy,
     "rows of public.notes, by the down"},
    {"a dropped column that comes back empty", kUsers, "ALTER TABLE users DROP COLUMN age",
     "ALTER TABLE users ADD COLUMN age int CHECK (age > 17)", R::kLossy,
     "content of public.users.age, by the up"},
    {"a dropped column whose check does not come back", kUsers, "ALTER TABLE users DROP COLUMN age",
     "ALTER TABLE users ADD COLUMN age int", R::kIrreversible,
     "down does not bring back constraint public.users.users_age_check"},
    {"a column whose index does not come back",
     "CREATE TABLE t (a int, b int); CREATE INDEX by_b ON t (b)", "ALTER TABLE t DROP COLUMN b",
     "ALTER TABLE t ADD COLUMN b int", R::kIrreversible,
     "down does not bring back index public.by_b"},
    {"a renamed column", kUsers, "ALTER TABLE users RENAME email TO mail",
     "ALTER TABLE users RENAME mail TO email", R::kLossless, ""},
    {"a column that comes back at the end", "CREATE TABLE t (a int, b int, c int)",
     "ALTER TABLE t ADD COLUMN d int; UPDATE t SET d = a; ALTER TABLE t DROP COLUMN a; ALTER TABLE "
     "t RENAME d TO a",
     "ALTER TABLE t ADD COLUMN d int; UPDATE t SET d = a; ALTER TABLE t DROP COLUMN a; ALTER TABLE "
     "t RENAME d TO a",
     R::kLossless, "the columns of public.t come back as b, c, a; they were a, b, c"},
    {"a column that is moved", "CREATE TABLE t (a int, b int)", "ALTER TABLE t RENAME a TO c",
     "ALTER TABLE t ADD COLUMN a int; UPDATE t SET a = c; ALTER TABLE t DROP COLUMN c",
     R::kLossless, "the columns of public.t come back as b, a; they were a, b"},
    {"a narrower type", "CREATE TABLE t (price numeric(8, 2))",
     "ALTER TABLE t ALTER price TYPE int USING price::int % 2",
     "ALTER TABLE t ALTER price TYPE numeric(8, 2)", R::kLossy,
     "content of public.t.price, by the up"},
    {"an update that cannot be taken back", kUsers, "UPDATE users SET state = 'new'", "SELECT 1",
     R::kLossy, "content of public.users.state, by the up"},
    {"a delete", kUsers, "DELETE FROM orders WHERE id % 2 = 0", "SELECT 1", R::kLossy,
     "content of public.orders"},
    {"a truncate", kUsers, "TRUNCATE orders", "SELECT 1", R::kLossy,
     "content of public.orders.id, by the up"},
    {"a down that forgets half", kUsers, "CREATE TABLE a (); CREATE TABLE b ()", "DROP TABLE a",
     R::kIrreversible, "down leaves table public.b, which was not there before"},
    {"a down that fails", kUsers, "CREATE TABLE a ()", "DROP TABLE b", R::kIrreversible,
     "down fails on a shadow: line 1: table \"b\" does not exist"},
    {"a type that stays", kUsers, "CREATE TYPE mood AS ENUM ('sad')", "SELECT 1", R::kIrreversible,
     "down leaves type public.mood, which was not there before"},
    {"an up that cannot run twice", "CREATE TABLE t (a int); CREATE TABLE done (a int UNIQUE)",
     "INSERT INTO done VALUES (77)", "SELECT 1", R::kIrreversible,
     "up fails after down on a shadow: line 1: duplicate key"},
    {"no down", kUsers, "CREATE TABLE a ()", "", R::kIrreversible, "it has no down"},
    {"an enum value", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE m (m mood)",
     "ALTER TYPE mood ADD VALUE 'glad'", "SELECT 1", R::kIrreversible,
     "down leaves type public.mood as"},
    {"a view", kUsers, "CREATE VIEW adults AS SELECT * FROM users WHERE age > 20",
     "DROP VIEW adults", R::kLossless, ""},
    {"a view that is not put back", "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t",
     "DROP VIEW v; CREATE VIEW v AS SELECT a, a + 1 AS b FROM t", "DROP VIEW v", R::kIrreversible,
     "down does not bring back view public.v"},
    {"a function", kUsers, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
     "DROP FUNCTION f()", R::kLossless, ""},
    {"another function body", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
     "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 2'", "SELECT 1",
     R::kIrreversible, "down leaves function public.f()"},
    {"a trigger",
     "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin "
     "return new; end'",
     "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
     "DROP TRIGGER tr ON t", R::kLossless, ""},
    {"a disabled trigger",
     "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin "
     "return new; end'; CREATE "
     "TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
     "ALTER TABLE t DISABLE TRIGGER tr", "SELECT 1", R::kIrreversible,
     "down leaves trigger public.t.tr"},
    {"a grant", kUsers, "GRANT SELECT ON users TO public", "SELECT 1", R::kIrreversible,
     "down leaves grants of table public.users"},
    {"a comment", kUsers, "COMMENT ON TABLE users IS 'people'", "SELECT 1", R::kIrreversible,
     "down leaves comment on table"},
    {"a default", kUsers, "ALTER TABLE users ALTER age SET DEFAULT 18", "SELECT 1",
     R::kIrreversible,
     "down leaves column public.users.age as \"integer default 18\"; it was \"integer\""},
    {"a sequence's step", "CREATE SEQUENCE s", "ALTER SEQUENCE s INCREMENT 5", "SELECT 1",
     R::kIrreversible, "down leaves sequence public.s"},
    {"not null", kUsers, "ALTER TABLE users ALTER age SET NOT NULL",
     "ALTER TABLE users ALTER age DROP NOT NULL", R::kLossless, ""},
    {"a constraint that is not validated", kUsers,
     "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID",
     "ALTER TABLE orders DROP CONSTRAINT c", R::kLossless, ""},
    {"row level security", kUsers,
     "ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (age > 18)",
     "DROP POLICY p ON users; ALTER TABLE users DISABLE ROW LEVEL SECURITY", R::kLossless, ""},
    {"another schema", kUsers, "CREATE SCHEMA app; ALTER TABLE orders SET SCHEMA app",
     "ALTER TABLE app.orders SET SCHEMA public; DROP SCHEMA app", R::kLossless, ""},
    {"a table that takes no row", "CREATE TABLE t (a int NOT NULL CHECK (a > 5 AND a < 5))",
     "ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t DROP COLUMN b", R::kUnproven,
     "no row could be put into public.t"},
    {"a table that takes no row and is not touched",
     "CREATE TABLE t (a int NOT NULL CHECK (a > 5 AND a < 5)); CREATE TABLE u (a int)",
     "CREATE INDEX i ON u (a)", "DROP INDEX i", R::kLossless, ""},
    {"a column whose comment does not come back",
     "CREATE TABLE t (a int, b int); COMMENT ON COLUMN t.b IS 'x'", "ALTER TABLE t DROP COLUMN b",
     "ALTER TABLE t ADD COLUMN b int", R::kIrreversible,
     "down does not bring back comment on column b of table public.t"},
    {"a column whose grant does not come back",
     "CREATE TABLE t (a int, b int); GRANT SELECT (b) ON t TO public",
     "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b int", R::kIrreversible,
     "down does not bring back grants of column public.t.b"},
    {"columns whose statistics do not come back",
     "CREATE TABLE t (a int, b int); CREATE STATISTICS s ON a, b FROM t",
     "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b int", R::kIrreversible,
     "down does not bring back statistics public.s"},
    {"a column whose statistics target does not come back",
     "CREATE TABLE t (a int, b int); ALTER TABLE t ALTER b SET STATISTICS 500",
     "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b int", R::kIrreversible,
     "down leaves column public.t.b as \"integer\"; it was \"integer statistics 500\""},
    {"a role", kUsers, "CREATE ROLE ripcord_proof_test", "DROP ROLE ripcord_proof_test",
     R::kUnproven, "reaches beyond its database"},
    {"a role in a block", kUsers, "DO $$ BEGIN EXECUTE 'create role ripcord_proof_test'; END $$",
     "SELECT 1", R::kUnproven, "reaches beyond its database"},
};

const Case kSqlite[] = {
    {"a new index", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)", "CREATE INDEX i ON t (b)",
     "DROP INDEX i", R::kLossless, ""},
    {"a new column", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t ADD COLUMN c TEXT", "ALTER TABLE t DROP COLUMN c", R::kLossy,
     "content of t.c, by the down"},
    {"a renamed column", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t RENAME COLUMN b TO c", "ALTER TABLE t RENAME COLUMN c TO b", R::kLossless, ""},
    {"a dropped column that comes back empty", "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
     "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b TEXT", R::kLossy,
     "content of t.b, by the up"},
    {"a table made anew without its check",
     "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT CHECK (b > 3))",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     "SELECT 1", R::kIrreversible, "down does not bring back clause t.check ( b > 3 )"},
    {"a table made anew and back", "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT CHECK (b > 3))",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT); INSERT INTO n SELECT * FROM t; DROP TABLE t; "
     "ALTER TABLE n RENAME TO t",
     "CREATE TABLE n (a INTEGER PRIMARY KEY, b INT CHECK (b > 3)); INSERT INTO n SELECT * FROM t; "
     "DROP TABLE t; ALTER TABLE "
     "n RENAME TO t",
     R::kLossless, ""},
    {"a table that takes only certain words",
     "CREATE TABLE t (a INTEGER PRIMARY KEY, s TEXT NOT NULL CHECK (s IN ('it''s', 'old')))",
     "ALTER TABLE t ADD COLUMN b TEXT", "ALTER TABLE t DROP COLUMN b", R::kLossy,
     "content of t.b, by the down"},
    {"a check of another word", "CREATE TABLE t (a TEXT CHECK (a IN ('x', 'a')))",
     "DROP TABLE t; CREATE TABLE t (a TEXT CHECK (a IN ('x', a)))", "SELECT 1", R::kIrreversible,
     "down does not bring back clause t.check ( a in ( 'x' , 'a' ) )"},
    {"a view", "CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t", "DROP VIEW v",
     R::kLossless, ""},
    {"a trigger that stays", "CREATE TABLE t (a INT)",
     "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = a; END", "SELECT 1",
     R::kIrreversible, "down leaves trigger r"},
    {"a foreign key", "CREATE TABLE p (a INTEGER PRIMARY KEY)",
     "CREATE TABLE c (a INT REFERENCES p (a))", "DROP TABLE c", R::kLossy,
     "rows of c, by the down"},
    {"an update", "CREATE TABLE t (a INT, b TEXT)", "UPDATE t SET b = 'x'", "SELECT 1", R::kLossy,
     "content of t.b"},
    {"a down that fails", "CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "DROP TABLE v",
     R::kIrreversible, "down fails on a shadow: line 1: no such table: v"},
    {"a file beside", "CREATE TABLE t (a INT)", "ATTACH DATABASE '/tmp/ripcord-proof' AS o",
     "SELECT 1", R::kUnproven, "reaches beyond its database"},
};

std::vector<Migration> two(const Case& c) {
  return {migration(1, std::string(c.base), "SELECT 1"),
          migration(2, std::string(c.up),
                    c.down.empty() ? std::nullopt : std::optional(std::string(c.down)))};
}

void expect_proof(const Case& c, Harness& harness) {
  harness.go(1);
  ASSERT_EQ(harness.verdict(), "Ready");
  // Approved, and so applied whatever the proof says.
  harness.spec().policy.proof = ProofPolicy::kWarn;
  harness.go(2);
  ASSERT_EQ(harness.status().proofs.size(), 1U) << harness.verdict();
  const MigrationProof& proof = harness.status().proofs.front();
  EXPECT_EQ(to_string(proof.result), to_string(c.result))
      << fmt::format("{}", fmt::join(proof.what, "; "));
  if (c.what.empty()) {
    EXPECT_THAT(proof.what, IsEmpty());
  } else {
    ASSERT_FALSE(proof.what.empty());
    EXPECT_THAT(proof.what.front(), HasSubstr(std::string(c.what)));
  }
  const Condition* reversible = harness.status().conditions.find("Reversible");
  ASSERT_NE(reversible, nullptr);
  EXPECT_EQ(reversible->reason, to_string(c.result));
}

std::string shadows_left(PostgresCluster& cluster) {
  return cluster.psql("postgres",
                      "SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE "
                      "datname LIKE 'ripcord\\_shadow%'");
}

class PostgresProof : public ::testing::TestWithParam<Case> {
 protected:
  ChildRunner commands_;
  postgres::PostgresShadows shadows_{commands_};
};

TEST_P(PostgresProof, FindsWhatTheMigrationDoes) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  Harness harness(postgres_ref(shared_cluster().url(fresh_database(shared_cluster(), "proof"))),
                  two(GetParam()));
  harness.set_shadows(shadows_);
  expect_proof(GetParam(), harness);
  EXPECT_EQ(shadows_left(shared_cluster()), "");
}

INSTANTIATE_TEST_SUITE_P(Migrations, PostgresProof, ::testing::ValuesIn(kPostgres));

class SqliteProof : public ::testing::TestWithParam<Case> {};

TEST_P(SqliteProof, FindsWhatTheMigrationDoes) {
  const TempDir directory;
  sqlite::SqliteShadows shadows;
  Harness harness(sqlite_ref(directory / "app.db"), two(GetParam()));
  harness.set_shadows(shadows);
  expect_proof(GetParam(), harness);
}

INSTANTIATE_TEST_SUITE_P(Migrations, SqliteProof, ::testing::ValuesIn(kSqlite));

class ProofOnPostgres : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    name_ = fresh_database(shared_cluster(), "proof");
  }
  DatabaseRef ref() { return postgres_ref(shared_cluster().url(name_)); }
  std::string psql(const std::string& sql) { return shared_cluster().psql(name_, sql); }

  std::string name_;
  ChildRunner commands_;
  postgres::PostgresShadows shadows_{commands_};
};

std::vector<Migration> one_way() {
  return {migration(1, "CREATE TABLE t (a int)", "DROP TABLE t"),
          migration(2, "ALTER TABLE t ADD COLUMN b int", "SELECT 1"),
          migration(3, "CREATE INDEX i ON t (b)", "DROP INDEX i")};
}

TEST_F(ProofOnPostgres, RequiredHoldsWhatCannotComeBackUntilItsVersionIsApproved) {
  Harness harness(ref(), one_way());
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().version = 3;
  harness.converge();
  EXPECT_THAT(
      harness.verdict(),
      StartsWith("NotReversible: migration 2 is Irreversible: down leaves column public.t.b"));
  EXPECT_EQ(psql("SELECT to_regclass('t') IS NULL"), "t") << "nothing ran";
  EXPECT_NE(harness.status().conditions.find("ApprovalRequired"), nullptr);

  harness.spec().approval = MigrationApproval{1, "alice", false, ""};
  harness.converge();
  EXPECT_THAT(harness.verdict(), StartsWith("NotReversible")) << "another version was approved";

  harness.spec().approval = MigrationApproval{2, "alice", false, ""};
  harness.converge();
  EXPECT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "3");
  EXPECT_EQ(shadows_left(shared_cluster()), "");

  // What was approved was an up; it must not open a way down to the same version later.
  harness.spec().policy.down = DownPolicy::kApprove;
  harness.spec().version = 2;
  harness.converge();
  EXPECT_THAT(harness.verdict(), StartsWith("ApprovalRequired"));
}

TEST_F(ProofOnPostgres, IsNotTriedAgainForTheSameScripts) {
  int made = 0;
  postgres::PostgresShadows shadows(commands_, [&made](std::string_view) { ++made; });
  Harness harness(ref(), one_way());
  harness.set_shadows(shadows);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().version = 3;
  harness.converge();
  const auto first = harness.status().proofs;
  const int for_the_first = made;
  EXPECT_GT(for_the_first, 0);
  harness.converge();
  EXPECT_EQ(harness.status().proofs, first);
  EXPECT_EQ(made, for_the_first);
  harness.spec().source.inline_migrations[1].down = "ALTER TABLE t DROP COLUMN b";
  harness.converge();
  EXPECT_GT(made, for_the_first) << "another down is another migration";
  EXPECT_EQ(harness.verdict(), "Ready");
}

TEST_F(ProofOnPostgres, SeesTheSchemaThatIsThereAndNotOnlyWhatItMade) {
  psql("CREATE TABLE legacy (a int, b text); CREATE INDEX legacy_b ON legacy (b)");
  Harness harness(ref(), {migration(1, "ALTER TABLE legacy DROP COLUMN b",
                                    "ALTER TABLE legacy ADD COLUMN b text")});
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().version = 1;
  harness.converge();
  EXPECT_THAT(harness.verdict(), HasSubstr("does not bring back index public.legacy_b"));
}

TEST_F(ProofOnPostgres, TouchesNoRowOfTheRealDatabase) {
  psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)");
  Harness harness(ref(), {migration(1, "DELETE FROM t", "SELECT 1 / 0")});
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().version = 1;
  harness.converge();
  ASSERT_EQ(harness.status().proofs.size(), 1U);
  EXPECT_EQ(harness.status().proofs.front().result, Reversibility::kIrreversible);
  EXPECT_THAT(harness.verdict(), StartsWith("NotReversible"));
  EXPECT_EQ(psql("SELECT count(*) FROM t"), "2") << "its up ran on the shadow only";
}

TEST_F(ProofOnPostgres, GoToTheServerThatThePolicyNamesAndLeaveNothingThere) {
  PostgresCluster other;
  ASSERT_EQ(::setenv("RIPCORD_PROOF_TEST_URL", other.url().c_str(), 1), 0);
  psql("CREATE TABLE t (a int)");
  bool made = false;
  postgres::PostgresShadows shadows(commands_, [&](std::string_view) {
    made = made || !shadows_left(other).empty();
    EXPECT_EQ(shadows_left(shared_cluster()), "");
  });
  Harness harness(ref(), {migration(1, "ALTER TABLE t ADD COLUMN b int", "SELECT 1")});
  harness.set_shadows(shadows);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().policy.shadow_url_env = "RIPCORD_PROOF_TEST_URL";
  harness.spec().version = 1;
  harness.converge();
  EXPECT_THAT(harness.verdict(), StartsWith("NotReversible: migration 1 is Irreversible"));
  EXPECT_TRUE(made);
  EXPECT_EQ(shadows_left(other), "");
}

TEST_F(ProofOnPostgres, SeveralAtOnceDoNotDisturbEachOther) {
  std::vector<std::jthread> provers;
  std::array<std::string, 4> results;
  for (std::string& result : results) {
    provers.emplace_back([this, &result] {
      const auto schema = shadows_.make(ref(), std::nullopt, kLockTimeout, {});
      if (!schema) {
        result = to_string(schema.error());
        return;
      }
      for (int i = 0; i < 3; ++i) {
        const auto copy = (*schema)->copy({});
        const auto catalog =
            copy ? (*copy)->catalog() : Result<SchemaCatalog>(as_return(copy.error()));
        result += catalog ? "ok " : to_string(catalog.error());
      }
    });
  }
  provers.clear();
  for (const std::string& result : results) {
    EXPECT_EQ(result, "ok ok ok ");
  }
  EXPECT_EQ(shadows_left(shared_cluster()), "");
}

TEST_F(ProofOnPostgres, OfDifferentMigrationsAtOnceFindWhatEachDoes) {
  psql("CREATE TABLE t (a int)");
  struct Prover {
    std::string down;
    Reversibility result;
    std::string found{};
  };
  std::array<Prover, 4> all = {{{"ALTER TABLE t DROP COLUMN b", R::kLossy},
                                {"SELECT 1", R::kIrreversible},
                                {"SELECT 1 / 0", R::kIrreversible},
                                {"ALTER TABLE t DROP COLUMN b CASCADE", R::kLossy}}};
  std::vector<std::jthread> provers;
  for (Prover& prover : all) {
    provers.emplace_back([this, &prover] {
      const pgquery::PostgresInspector inspector;
      MigrationStep step;
      step.migration = migration(1, "ALTER TABLE t ADD COLUMN b int", prover.down);
      step.statements = *inspector.inspect(Engine::kPostgreSql, *step.migration.up);
      step.undo = *inspector.inspect(Engine::kPostgreSql, prover.down);
      for (int i = 0; i < 3; ++i) {
        const auto proofs = prove(shadows_, ref(), {}, {step}, {}, {});
        prover.found +=
            proofs ? std::string(to_string(proofs->at(0).result)) + " " : to_string(proofs.error());
      }
    });
  }
  provers.clear();
  for (const Prover& prover : all) {
    const std::string once = std::string(to_string(prover.result)) + " ";
    EXPECT_EQ(prover.found, once + once + once) << prover.down;
  }
  EXPECT_EQ(shadows_left(shared_cluster()), "");
  EXPECT_EQ(psql("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'"), "1");
}

TEST_F(ProofOnPostgres, ARoleThatMayNotMakeDatabasesIsToldWhatToGrant) {
  psql("CREATE ROLE small LOGIN");
  DatabaseRef small = ref();
  small.url.replace(small.url.find("postgres@"), std::string("postgres").size(), "small");
  const auto schema = shadows_.make(small, std::nullopt, kLockTimeout, {});
  ASSERT_FALSE(schema);
  EXPECT_THAT(schema.error().message(),
              HasSubstr("the role needs CREATEDB; policy.shadowUrlFrom names another server"));
}

TEST_F(ProofOnPostgres, CanBeTriedInAnotherServer) {
  PostgresCluster other;
  psql("CREATE ROLE only_here; CREATE TABLE t (a int); GRANT SELECT ON t TO only_here");
  const auto schema = shadows_.make(ref(), postgres_ref(other.url()), kLockTimeout, {});
  ASSERT_OK(schema);
  EXPECT_EQ(shadows_left(shared_cluster()), "");
  EXPECT_NE(shadows_left(other), "");
  const auto copy = (*schema)->copy({});
  ASSERT_OK(copy);
  const auto catalog = (*copy)->catalog();
  ASSERT_OK(catalog);
  EXPECT_TRUE(catalog->objects.contains("table public.t"));
}

}  // namespace
}  // namespace ripcord
