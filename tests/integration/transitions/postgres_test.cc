// SPDX-License-Identifier: Apache-2.0
// Transitions on PostgreSQL: whatever writes a row, whatever the table is, and what the backfill
// gives way to.
#include "adapters/postgres/connection.h"
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/transitions/world.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Steady = std::chrono::steady_clock;

class PostgresTransitions : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_run(Engine::kPostgreSql)) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  // Version 1 makes the table `users` with 300 rows, 2 nothing, 3 adds the address.
  static World make(
      const std::string& create, const std::string& fill,
      const std::function<void(Transition&)>& change = [](Transition&) {}) {
    Transition transition = email_to_address();
    transition.contract.reset();
    transition.backfill->batch_size = 7;
    change(transition);
    return World({Engine::kPostgreSql,
                  {one(1, create + ";" + fill), one(2, "SELECT 1"),
                   one(3, "ALTER TABLE users ADD COLUMN address text")},
                  {transition}});
  }
  static World plain(const std::function<void(Transition&)>& change = [](Transition&) {}) {
    return make("CREATE TABLE users (id integer PRIMARY KEY, email text)",
                "INSERT INTO users SELECT g, 'User' || g FROM generate_series(1, 300) g", change);
  }
  static Migration one(std::int64_t version, const std::string& up,
                       const std::string& down = "SELECT 1") {
    return {version, "m" + std::to_string(version), up, down, "", ""};
  }
  static std::string different(Client& client) {
    return client.ask("SELECT count(*) FROM users WHERE address IS DISTINCT FROM lower(email)");
  }
};

TEST_F(PostgresTransitions, CopyAndReplicationSyncToo) {
  World world = plain();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  ASSERT_OK(client->run("COPY users (id, email) FROM PROGRAM 'echo 3001,Copied' (FORMAT csv)"));
  ASSERT_OK(client->run("SET session_replication_role = replica"));
  ASSERT_OK(client->run("INSERT INTO users (id, email) VALUES (3002, 'Replicated')"));
  ASSERT_OK(client->run("UPDATE users SET email = 'Replayed' WHERE id = 1"));
  EXPECT_EQ(client->ask("SELECT address FROM users WHERE id IN (1, 3001, 3002) ORDER BY id"),
            "replayed\ncopied\nreplicated");
  EXPECT_EQ(different(*client), "0");
}

TEST_F(PostgresTransitions, PartitionsAreSyncedAlsoThoseThatComeLater) {
  World world = make(
      "CREATE TABLE users (id integer PRIMARY KEY, email text) PARTITION BY RANGE (id);"
      "CREATE TABLE users_a PARTITION OF users FOR VALUES FROM (1) TO (200);"
      "CREATE TABLE users_b PARTITION OF users FOR VALUES FROM (200) TO (1000)",
      "INSERT INTO users SELECT g, 'User' || g FROM generate_series(1, 300) g");
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.transition().rows, 300);
  ASSERT_OK(
      client->run("CREATE TABLE users_c PARTITION OF users FOR VALUES FROM (1000) TO (5000)"));
  ASSERT_OK(
      client->run("INSERT INTO users (id, email) VALUES (250, 'B'), (1001, 'C') ON CONFLICT "
                  "(id) DO UPDATE SET email = excluded.email"));
  ASSERT_OK(client->run("UPDATE users_a SET address = 'direct' WHERE id = 5"));
  EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id IN (5, 250, 1001) ORDER BY id"),
            "direct|direct\nB|b\nC|c");
  EXPECT_EQ(different(*client), "0");
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_LE(world.metrics.value("ripcord_drift_repairs_total migration_version"), 0);
}

TEST_F(PostgresTransitions, TablesThatInheritAreSyncedAlsoThoseThatComeLater) {
  World world = make(
      "CREATE TABLE users (id integer PRIMARY KEY, email text); CREATE TABLE admins (PRIMARY KEY "
      "(id)) INHERITS (users)",
      "INSERT INTO users SELECT g, 'User' || g FROM generate_series(1, 200) g; INSERT INTO admins "
      "SELECT g, 'Admin' || g FROM generate_series(201, 300) g");
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.transition().rows, 300);
  ASSERT_OK(client->run("UPDATE admins SET email = 'Root' WHERE id = 300"));
  EXPECT_EQ(client->ask("SELECT address FROM admins WHERE id = 300"), "root");
  ASSERT_OK(client->run("CREATE TABLE guests () INHERITS (users)"));
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.metrics.value("ripcord_drift_repairs_total migration_version"), 1);
  ASSERT_OK(client->run("INSERT INTO guests (id, email) VALUES (400, 'Guest')"));
  EXPECT_EQ(client->ask("SELECT address FROM guests"), "guest");
  EXPECT_EQ(different(*client), "0");
}

TEST_F(PostgresTransitions, GeneratedColumnsAndOtherTriggersWorkOnWhatIsSynced) {
  World world = make(
      "CREATE TABLE users (id integer PRIMARY KEY, email text, "
      "domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED);"
      "CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := "
      "trim(NEW.email); RETURN NEW; END $$;"
      "CREATE TRIGGER trimmed BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION "
      "trimmed()",
      "INSERT INTO users (id, email) SELECT g, 'User' || g FROM generate_series(1, 300) g");
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  ASSERT_OK(client->run("INSERT INTO users (id, address) VALUES (401, 'a@new.example')"));
  ASSERT_OK(client->run("INSERT INTO users (id, email) VALUES (402, '  B@old.example ')"));
  EXPECT_EQ(client->ask("SELECT email, address, domain FROM users WHERE id > 400 ORDER BY id"),
            "a@new.example|a@new.example|new.example\nB@old.example|b@old.example|old.example");
  world.edit([](MigrationVersionSpec& spec) { spec.transitions[0].sync->old_column = "domain"; });
  EXPECT_THAT(world.settle(), HasSubstr("column users.domain is generated"));
}

TEST_F(PostgresTransitions, TypesThatDifferAndTypesWithoutEquality) {
  Transition number;
  number.name = "number";
  number.expand = 2;
  number.sync = TransitionSync{"things", "small", "large", "", ""};
  number.backfill =
      TransitionBackfill{.table = "things", .set = "large = small", .key = "id", .batch_size = 9};
  Transition document;
  document.name = "document";
  document.expand = 2;
  document.sync = TransitionSync{"things", "old_doc", "new_doc", "", ""};
  document.backfill = TransitionBackfill{
      .table = "things", .set = "new_doc = old_doc", .key = "id", .batch_size = 9};
  World world({Engine::kPostgreSql,
               {one(1,
                    "CREATE TABLE things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), small "
                    "integer, old_doc json); INSERT INTO things (small, old_doc) SELECT g, "
                    "to_json(g) FROM generate_series(1, 100) g"),
                one(2, "ALTER TABLE things ADD large bigint, ADD new_doc json")},
               {number, document}});
  const auto client = world.client();
  ASSERT_EQ(world.go(2), "Ready");
  EXPECT_EQ(world.status().transitions.size(), 2U);
  EXPECT_EQ(client->ask("SELECT count(*) FROM things WHERE large = small AND new_doc::text = "
                        "old_doc::text"),
            "100");
  ASSERT_OK(client->run("UPDATE things SET small = 7, new_doc = '{\"a\": 1}'"));
  EXPECT_EQ(client->ask("SELECT DISTINCT large, old_doc::text FROM things"), "7|{\"a\": 1}");
  EXPECT_FALSE(client->run("UPDATE things SET large = 5000000000").ok())
      << "what the old side cannot hold is refused, not cut";
}

TEST_F(PostgresTransitions, KeysOfManyTypes) {
  for (const auto& [type, key] :
       {std::pair{"text", "md5(g::text) || '''\\ü'"}, std::pair{"uuid", "md5(g::text)::uuid"},
        std::pair{"numeric(9, 3)", "g / 7.0"},
        std::pair{"timestamptz", "'2024-01-01'::timestamptz + g * '1 min 1 us'::interval"},
        std::pair{"bytea", "decode(md5(g::text), 'hex')"}, std::pair{"char(8)", "g::text"}}) {
    SCOPED_TRACE(type);
    World world = make(
        fmt::format("CREATE TABLE users (id {} PRIMARY KEY, email text, touched integer NOT NULL "
                    "DEFAULT 0)",
                    type),
        fmt::format("INSERT INTO users SELECT {}, 'User' || g FROM generate_series(1, 300) g", key),
        [](Transition& t) {
          t.backfill->set += ", touched = touched + 1";
          t.backfill->where = "";
        });
    ASSERT_EQ(world.go(3), "Ready");
    const auto client = world.client();
    EXPECT_EQ(different(*client), "0");
    EXPECT_EQ(client->ask("SELECT min(touched), max(touched), count(*) FROM users"), "1|1|300");
  }
}

TEST_F(PostgresTransitions, AKeyOfWhichAValueOccursMoreOftenThanABatchIsRefused) {
  const std::string rows =
      "INSERT INTO users SELECT g % 2, 'User' || g FROM generate_series(1, 300) g; ANALYZE users";
  const std::string table =
      "CREATE TABLE users (id integer NOT NULL, email text); CREATE INDEX ON users (id)";
  World fits = make(table, rows, [](Transition& t) { t.backfill->batch_size = 200; });
  EXPECT_EQ(fits.go(3), "Ready");
  World world = make(table, rows, [](Transition& t) { t.backfill->batch_size = 100; });
  EXPECT_THAT(world.go(3), HasSubstr("about 150 rows of users have the same id"));
  EXPECT_EQ(world.client()->ask("SELECT count(*) FROM users WHERE address IS NOT NULL"), "0");
}

TEST_F(PostgresTransitions, TheBackfillDoesNotWakeItsOwnTrigger) {
  World world = plain([](Transition& t) {
    t.backfill->set = "address = 'x' || email";
    t.validations.clear();
  });
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id = 1"), "User1|xUser1");
}

TEST_F(PostgresTransitions, ALockedRowIsWaitedForInSmallBitesAndNamed) {
  World world = plain([](Transition& t) { t.backfill->batch_size = 300; });
  ASSERT_EQ(world.go(2), "Ready");
  const auto holder = world.client();
  world.edit([](MigrationVersionSpec& spec) {
    spec.transitions[0].backfill->pause = milliseconds(150);
    spec.transitions[0].backfill->batch_size = 20;
    spec.version = 3;
  });
  std::jthread controller([&] { world.settle(); });
  ASSERT_TRUE(eventually([&] {
    const auto now = world.status().transitions;
    return !now.empty() && now[0].rows > 0;
  }));
  ASSERT_OK(holder->run("BEGIN; UPDATE users SET email = 'Held' WHERE id = 290"));
  ASSERT_TRUE(eventually([&] {
    const auto now = world.status().transitions;
    return !now.empty() && now[0].message.find("locked by another session") != std::string::npos;
  })) << world.verdict();
  EXPECT_THAT(world.verdict(), AllOf(StartsWith("Backfilling: "), HasSubstr("it waits: ")));
  // Meanwhile rows that the batch had are free again after a moment.
  const auto writer = world.client();
  Duration longest{};
  for (int n = 0; n < 20; ++n) {
    const auto began = Steady::now();
    ASSERT_OK(writer->run("UPDATE users SET email = 'Writer' WHERE id = 280"));
    longest = std::max<Duration>(longest, Steady::now() - began);
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_LT(longest, seconds(2));
  ASSERT_OK(holder->run("COMMIT"));
  controller.join();
  EXPECT_EQ(world.settle(), "Ready");
  EXPECT_EQ(different(*world.client()), "0");
}

TEST_F(PostgresTransitions, NoLockOutlivesItsBatch) {
  const DatabaseRef* database = nullptr;
  int within = 0;
  int between = 0;
  const auto held = [&] {
    auto client = postgres::Connection::open(database->url);
    EXPECT_OK(client);
    const auto found = client->query(
        "SELECT count(DISTINCT a.xact_start), count(*) FILTER (WHERE l.locktype IN ('relation', "
        "'tuple', 'transactionid')) FROM pg_stat_activity a LEFT JOIN pg_locks l USING (pid) WHERE "
        "a.application_name = 'ripcord migrations' AND a.datname = current_database()");
    EXPECT_OK(found);
    return found->rows.at(0).at(0).value_or("") + " " + found->rows[0][1].value_or("");
  };
  const auto look = [&](std::string_view point) {
    if (point == "before the batch's COMMIT") {
      ++within;
      EXPECT_THAT(held(), StartsWith("1 ")) << "one transaction";
      EXPECT_NE(held(), "1 0");
    } else if (point == "after the batch's COMMIT") {
      ++between;
      EXPECT_EQ(held(), "0 0");
    }
  };
  Transition transition = email_to_address();
  transition.contract.reset();
  transition.backfill->batch_size = 70;
  World world(
      ripcord::Setup{
          Engine::kPostgreSql,
          {one(1,
               "CREATE TABLE users (id integer PRIMARY KEY, email text); INSERT INTO users "
               "SELECT g, 'User' || g FROM generate_series(1, 300) g"),
           one(2, "SELECT 1"), one(3, "ALTER TABLE users ADD COLUMN address text")},
          {transition}},
      Trace(look));
  database = &world.ref();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_GE(within, 5);
  EXPECT_EQ(between, within);
}

TEST_F(PostgresTransitions, AColumnUnderSyncCannotBeDroppedByHand) {
  World world = plain();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_THAT(client->run("ALTER TABLE users DROP COLUMN email").message(),
              HasSubstr("depends on column email"));
  EXPECT_OK(client->run("ALTER TABLE users DROP COLUMN email CASCADE"));
  EXPECT_THAT(world.settle(), HasSubstr("table users has no column email"));
}

TEST_F(PostgresTransitions, ATriggerThatIsTurnedOffOrRewrittenIsPutBack) {
  World world = plain();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  double repaired = 0;
  for (const char* harm :
       {"ALTER TABLE users DISABLE TRIGGER ALL", "ALTER TABLE users ENABLE TRIGGER ALL",
        "DO $$ BEGIN EXECUTE (SELECT 'CREATE OR REPLACE FUNCTION ' "
        "|| p.oid::regprocedure || ' RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; "
        "END''' FROM pg_proc p WHERE pronamespace = 'ripcord'::regnamespace); END $$",
        "DO $$ BEGIN EXECUTE (SELECT 'DROP FUNCTION ' || p.oid::regprocedure || ' CASCADE' FROM "
        "pg_proc p WHERE pronamespace = 'ripcord'::regnamespace); END $$",
        "ALTER TABLE users ALTER address SET DEFAULT 'none'"}) {
    SCOPED_TRACE(harm);
    ASSERT_OK(client->run(harm));
    ASSERT_EQ(world.settle(), "Ready");
    EXPECT_EQ(world.metrics.value("ripcord_drift_repairs_total migration_version"), ++repaired);
    ASSERT_OK(client->run("UPDATE users SET email = email || 'X' WHERE id = 1"));
    EXPECT_EQ(different(*client), "0");
  }
  ASSERT_OK(client->run("INSERT INTO users (id, email) VALUES (2001, 'Given')"));
  EXPECT_EQ(client->ask("SELECT address FROM users WHERE id = 2001"), "given");
}

TEST_F(PostgresTransitions, ExpressionsAreReadWithTheSearchPathOfTheirMaker) {
  World world = make(
      "CREATE FUNCTION plain(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';"
      "CREATE TABLE users (id integer PRIMARY KEY, email text)",
      "INSERT INTO users SELECT g, 'User' || g FROM generate_series(1, 300) g",
      [](Transition& t) { t.sync->to_new = "plain(users.email)"; });
  ASSERT_EQ(world.go(3), "Ready");
  const auto client = world.client();
  ASSERT_OK(
      client->run("CREATE SCHEMA other; CREATE FUNCTION other.plain(text) RETURNS text "
                  "LANGUAGE sql AS $$ SELECT 'stolen' $$; SET search_path = other"));
  ASSERT_OK(client->run("INSERT INTO public.users (id, email) VALUES (2001, 'Mine')"));
  EXPECT_EQ(client->ask("SELECT address FROM public.users WHERE id = 2001"), "mine");
}

TEST_F(PostgresTransitions, ADumpBringsTheSyncToAnotherDatabase) {
  World world = plain();
  ASSERT_EQ(world.go(3), "Ready");
  const std::string copy = fresh_database(shared_cluster(), "dumped");
  const RunResult dumped =
      run({.argv = {"sh", "-c",
                    fmt::format("pg_dump '{}' | psql -X -q -v ON_ERROR_STOP=1 '{}'",
                                world.ref().url, shared_cluster().url(copy))}});
  EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
  EXPECT_EQ(shared_cluster().psql(copy,
                                  "UPDATE users SET email = 'Moved' WHERE id = 1; SELECT address "
                                  "FROM users WHERE id = 1"),
            "moved");
}

TEST_F(PostgresTransitions, ATableOfAnotherSchemaWithNamesThatNeedQuotes) {
  Transition transition;
  transition.name = "quoted";
  transition.expand = 2;
  transition.contract = 3;
  transition.sync = TransitionSync{"\"Odd shop\".\"User's\"", "E-Mail", "new \"one\"",
                                   "upper(\"E-Mail\") -- loud", ""};
  transition.backfill = TransitionBackfill{.table = "\"Odd shop\".\"User's\"",
                                           .set = "\"new \"\"one\"\"\" = upper(\"E-Mail\") -- loud",
                                           .where = "true -- all",
                                           .key = "ID",
                                           .batch_size = 10};
  transition.validations.push_back(
      {.table = "\"Odd shop\".\"User's\"", .column = "new \"one\"", .pattern = "^[A-Z]+'?[0-9]*$"});
  World world({Engine::kPostgreSql,
               {one(1,
                    "CREATE SCHEMA \"Odd shop\"; CREATE TABLE \"Odd shop\".\"User's\" (\"ID\" "
                    "integer PRIMARY KEY, \"E-Mail\" text); INSERT INTO \"Odd shop\".\"User's\" "
                    "SELECT g, 'user''' || g FROM generate_series(1, 25) g"),
                one(2, "ALTER TABLE \"Odd shop\".\"User's\" ADD \"new \"\"one\"\"\" text"),
                one(3, "ALTER TABLE \"Odd shop\".\"User's\" DROP \"E-Mail\"")},
               {transition}});
  ASSERT_EQ(world.go(2), "Ready");
  const auto client = world.client();
  ASSERT_OK(client->run("UPDATE \"Odd shop\".\"User's\" SET \"E-Mail\" = 'x' WHERE \"ID\" = 1"));
  EXPECT_EQ(client->ask("SELECT count(*) FROM \"Odd shop\".\"User's\" WHERE \"new \"\"one\"\"\" = "
                        "upper(\"E-Mail\")"),
            "25");
  EXPECT_EQ(world.go(3), "Ready");
}

TEST_F(PostgresTransitions, AContractWithoutATransactionEndsTheSyncBeforeIt) {
  Transition transition = email_to_address();
  World world({Engine::kPostgreSql,
               {one(1,
                    "CREATE TABLE users (id integer PRIMARY KEY, email text); CREATE INDEX e ON "
                    "users (email); INSERT INTO users SELECT g, 'U' || g FROM generate_series(1, "
                    "300) g"),
                one(2, "SELECT 1"), one(3, "ALTER TABLE users ADD COLUMN address text"),
                one(4, "DROP INDEX CONCURRENTLY e; ALTER TABLE users DROP COLUMN email",
                    "ALTER TABLE users ADD COLUMN email text; UPDATE users SET email = address; "
                    "CREATE INDEX CONCURRENTLY e ON users (email)")},
               {transition}});
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  ASSERT_EQ(world.go(4), "Ready");
  EXPECT_EQ(world.phase(), "Contracted");
  EXPECT_EQ(client->ask("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.phase(), "Complete");
  EXPECT_EQ(different(*client), "0");
}

TEST_F(PostgresTransitions, AMigrationIsProvenWhileATriggerIsThere) {
  World world = plain([](Transition& t) { t.contract = 4; });
  world.edit([](MigrationVersionSpec& spec) {
    spec.source.inline_migrations.push_back(
        one(4, "ALTER TABLE users DROP COLUMN email",
            "ALTER TABLE users ADD COLUMN email text; UPDATE users SET email = address"));
  });
  ChildRunner commands;
  postgres::PostgresShadows shadows(commands);
  world.set_shadows(shadows);
  ASSERT_EQ(world.go(3), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.policy.proof = ProofPolicy::kWarn; });
  EXPECT_EQ(world.go(4), "Ready");
  EXPECT_EQ(world.phase(), "Contracted");
  ASSERT_FALSE(world.status().proofs.empty());
  EXPECT_NE(to_string(world.status().proofs.back().result), "Unproven")
      << testing::PrintToString(world.status().proofs.back().what);
}

TEST_F(PostgresTransitions, SlowReplicasAreWaitedFor) {
  PostgresCluster cluster;
  const TempDir place;
  const std::string bin = "/usr/lib/postgresql/15/bin/";
  const std::string port = std::to_string(free_port());
  const RunResult copied =
      run({.argv = {bin + "pg_basebackup", "-d", cluster.url(), "-D", place / "standby", "-R", "-X",
                    "stream", "-c", "fast", "--no-sync"},
           .cwd = "/",
           .user = "postgres"});
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  ChildProcess standby(
      {.argv = {bin + "postgres", "-D", place / "standby", "-p", port, "-k", place.path().string(),
                "-c", "listen_addresses=", "-c", "fsync=off", "-c", "recovery_min_apply_delay=2s",
                "-c", "wal_receiver_status_interval=1s", "-c", "max_connections=1000"},
       .cwd = "/",
       .user = "postgres"});
  ASSERT_TRUE(eventually([&] {
    return cluster.psql("postgres", "SELECT count(*) FROM pg_stat_replication") == "1";
  })) << standby.err();
  Transition transition = email_to_address();
  transition.contract.reset();
  transition.backfill->batch_size = 10;
  transition.backfill->max_lag = milliseconds(500);
  transition.backfill->pause = milliseconds(100);
  World world({Engine::kPostgreSql,
               {one(1,
                    "CREATE TABLE users (id integer PRIMARY KEY, email text); INSERT INTO users "
                    "SELECT g, 'User' || g FROM generate_series(1, 300) g"),
                one(2, "SELECT 1"), one(3, "ALTER TABLE users ADD COLUMN address text")},
               {transition}},
              cluster.url());
  std::jthread controller([&] { world.go(3); });
  EXPECT_TRUE(eventually([&] {
    const auto now = world.status().transitions;
    return !now.empty() &&
           now[0].message.find("behind (backfill.maxLag is 0.5 s)") != std::string::npos;
  })) << world.verdict();
  const std::int64_t rows = world.transition().rows;
  EXPECT_LT(rows, 300);
  world.edit([](MigrationVersionSpec& spec) {
    spec.transitions[0].backfill->max_lag = Duration::zero();
    spec.transitions[0].backfill->pause = Duration::zero();
  });
  controller.join();
  EXPECT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.transition().rows, 300);
}

}  // namespace
}  // namespace ripcord
