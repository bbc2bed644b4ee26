// SPDX-License-Identifier: Apache-2.0
// Migrations proven on shadow databases of a real PostgreSQL and of SQLite: one table of migrations
// with what has to be found, and what must hold around it.
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "adapters/sqlite/shadow_databases.h"
#include "controller/strategies/migration_proof.h"
#include "tests/integration/migrations/harness.h"
#include "tests/integration/proof/cases.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <array>
#include <cstdlib>
#include <sstream>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr Duration kLockTimeout = std::chrono::seconds(2);

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using R = Reversibility;

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

INSTANTIATE_TEST_SUITE_P(Migrations, PostgresProof,
                         ::testing::ValuesIn(postgres_cases().begin(), postgres_cases().end()));

class SqliteProof : public ::testing::TestWithParam<Case> {};

TEST_P(SqliteProof, FindsWhatTheMigrationDoes) {
  const TempDir directory;
  sqlite::SqliteShadows shadows;
  Harness harness(sqlite_ref(directory / "app.db"), two(GetParam()));
  harness.set_shadows(shadows);
  expect_proof(GetParam(), harness);
}

INSTANTIATE_TEST_SUITE_P(Migrations, SqliteProof,
                         ::testing::ValuesIn(sqlite_cases().begin(), sqlite_cases().end()));

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
  harness.converge();
  EXPECT_THAT(
      harness.verdict(),
      StartsWith("NotReversible: migration 2 is Irreversible: down leaves column public.t.b"));
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "1") << "what lies below it may run";
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

// One approval names one version.
TEST_F(ProofOnPostgres, RequiredAsksForOneApprovalAfterTheOther) {
  auto migrations = one_way();
  migrations.push_back(migration(4, "ALTER TABLE t ADD COLUMN c int", "SELECT 1"));
  Harness harness(ref(), migrations);
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.spec().version = 4;
  for (const std::int64_t version : {2, 4}) {
    harness.converge();
    harness.converge();
    EXPECT_THAT(harness.verdict(),
                StartsWith(fmt::format("NotReversible: migration {} is Irreversible", version)));
    EXPECT_EQ(psql("SELECT version FROM schema_migrations"), std::to_string(version - 1));
    harness.spec().approval = MigrationApproval{version, "alice", false, ""};
  }
  harness.converge();
  EXPECT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(psql("SELECT version FROM schema_migrations"), "4");

  // Each is used up by its own version.
  harness.spec().source.inline_migrations.push_back(
      migration(5, "ALTER TABLE t ADD COLUMN d int", "SELECT 1"));
  harness.spec().version = 5;
  harness.converge();
  EXPECT_THAT(harness.verdict(), StartsWith("NotReversible: migration 5 is Irreversible"));
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

// A database with a subscription cannot be dropped.
TEST_F(ProofOnPostgres, LeaveSubscriptionsToTheRealDatabase) {
  psql("CREATE TABLE t (a int)");
  psql("CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)");
  Harness harness(ref(), {migration(1, "CREATE INDEX i ON t (a)", "DROP INDEX i")});
  harness.set_shadows(shadows_);
  harness.spec().policy.proof = ProofPolicy::kRequire;
  harness.go(1);
  EXPECT_EQ(harness.verdict(), "Ready");
  EXPECT_EQ(shadows_left(shared_cluster()), "");
  psql("ALTER SUBSCRIPTION s SET (slot_name = NONE)");
  psql("DROP SUBSCRIPTION s");
}

TEST_F(ProofOnPostgres, ThatCannotDropAShadowSaysWhichAndWhy) {
  std::ostringstream said;
  const SystemClock clock;
  const auto sink = make_stream_sink(said, LogFormat::kText, LogLevel::kWarning, clock);
  std::string kept;
  postgres::PostgresShadows shadows(
      commands_,
      [&](std::string_view point) {
        if (point == "before dropping a shadow database" && kept.empty()) {
          kept = shadows_left(shared_cluster());
          shared_cluster().psql("postgres", "ALTER DATABASE " + kept + " IS_TEMPLATE true");
        }
      },
      nullptr, Logger(*sink));
  ASSERT_OK(shadows.make(ref(), std::nullopt, kLockTimeout, {}));
  EXPECT_THAT(said.str(), HasSubstr("a shadow database could not be dropped"));
  EXPECT_THAT(said.str(), HasSubstr(kept));
  EXPECT_THAT(said.str(), HasSubstr("cannot drop a template database"));

  shared_cluster().psql("postgres", "ALTER DATABASE " + kept + " IS_TEMPLATE false");
  ASSERT_OK(shadows.make(ref(), std::nullopt, kLockTimeout, {}));
  EXPECT_EQ(shadows_left(shared_cluster()), "");
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
