// SPDX-License-Identifier: Apache-2.0
// Transitions on real databases, the same on each engine: the way of a column from one name to
// another, what the triggers do, and what happens when something is not as it should be.
#include "tests/integration/transitions/world.h"
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
using testing::IsEmpty;
using testing::StartsWith;

class Transitions : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!can_run(GetParam())) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  static bool on_postgres() { return GetParam() == Engine::kPostgreSql; }
  static World make(
      const std::function<void(Transition&)>& change = [](Transition&) {},
      const std::string& more = "") {
    Transition transition = email_to_address();
    change(transition);
    return World({GetParam(), email_migrations(GetParam(), more), {transition}});
  }
  static std::string triggers(Client& client) {
    return client.ask(on_postgres() ? "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
                                    : "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'");
  }
  static std::string different(Client& client) {
    return client.ask(on_postgres()
                          ? "SELECT count(*) FROM users WHERE address IS DISTINCT FROM lower(email)"
                          : "SELECT count(*) FROM users WHERE address IS NOT lower(email)");
  }
  static void drop_a_trigger(Client& client) {
    const std::string name = client.ask(
        on_postgres() ? "SELECT tgname FROM pg_trigger WHERE tgname LIKE '%ripcord%' LIMIT 1"
                      : "SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1");
    EXPECT_OK(client.run(fmt::format("DROP TRIGGER {}{}", name, on_postgres() ? " ON users" : "")));
  }
};

TEST_P(Transitions, AColumnGetsAnotherNameAndItsOldOneBack) {
  World world = make();
  const auto client = world.client();
  ASSERT_EQ(world.go(2), "Ready");
  EXPECT_EQ(world.phase(), "Waiting");
  EXPECT_EQ(triggers(*client), "0");

  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.phase(), "Complete");
  EXPECT_TRUE(world.transition().syncing);
  EXPECT_EQ(world.transition().rows, 1000);
  EXPECT_EQ(world.transition().rows_total, 1000);
  EXPECT_EQ(triggers(*client), "2");
  EXPECT_EQ(different(*client), "0");
  EXPECT_EQ(client->ask("SELECT count(*) FROM users WHERE address IS NULL"), "0");

  ASSERT_EQ(world.go(4), "Ready");
  EXPECT_EQ(world.phase(), "Contracted");
  EXPECT_FALSE(world.transition().syncing);
  EXPECT_EQ(triggers(*client), "0");
  ASSERT_OK(client->run("INSERT INTO users (id, address) VALUES (2001, 'new')"));

  // Back: the trigger comes with the column, and what was done still counts.
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.phase(), "Complete");
  EXPECT_EQ(triggers(*client), "2");
  EXPECT_EQ(different(*client), "0");
  EXPECT_EQ(client->ask("SELECT email FROM users WHERE id = 2001"), "new");

  ASSERT_EQ(world.go(2), "Ready");
  EXPECT_EQ(world.phase(), "Waiting");
  EXPECT_EQ(triggers(*client), "0");
  ASSERT_OK(client->run("UPDATE users SET email = 'Written' WHERE id = 7"));

  // Up again: the column is a new one.
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.phase(), "Complete");
  EXPECT_EQ(world.transition().rows, 1001);
  EXPECT_EQ(different(*client), "0");
  EXPECT_EQ(client->ask("SELECT address FROM users WHERE id = 7"), "written");
}

TEST_P(Transitions, AContractThatWaitsForThemLetsThemWork) {
  World world = make();
  const auto client = world.client();
  ASSERT_EQ(world.go(2), "Ready");
  // Both at once: 3 is applied, 4 waits until every row has its address.
  ASSERT_EQ(world.go(4), "Ready");
  EXPECT_EQ(world.phase(), "Contracted");
  EXPECT_EQ(client->ask("SELECT count(*) FROM users WHERE address IS NULL"), "0");
}

TEST_P(Transitions, TheContractSoaksSinceItsTransitionWasSeenToHold) {
  World world = make();
  const auto client = world.client();
  world.edit(
      [](MigrationVersionSpec& spec) { spec.policy.contract_soak = std::chrono::hours(48); });
  ASSERT_EQ(world.go(3), "Ready");
  const auto put_back = [&](const std::string& table, const std::string& time) {
    const std::string sql =
        on_postgres()
            ? fmt::format("UPDATE ripcord.{0} SET {1} = {1} - interval '100 hours'", table, time)
            : fmt::format(
                  "UPDATE ripcord_{0} SET {1} = strftime('%Y-%m-%dT%H:%M:%fZ', {1}, '-100 "
                  "hours')",
                  table, time);
    ASSERT_OK(client->run(sql));
  };
  put_back("applied", "applied_at");
  put_back("transitions", "finished_at");
  world.edit([](MigrationVersionSpec& spec) {
    spec.version = 4;
    spec.approval = MigrationApproval{4, "test", true};
    spec.transitions[0].validations.push_back(
        {.query = "SELECT count(*) FROM users WHERE id < 0", .max = 0});
  });
  world.reconcile();
  EXPECT_THAT(world.verdict(), StartsWith("TransitionNotComplete: "))
      << "what was done is not what is declared";
  world.reconcile();
  EXPECT_THAT(world.verdict(), AllOf(StartsWith("ContractSoak: "),
                                     HasSubstr("and the transitions that end with it were done")));
  put_back("transitions", "finished_at");
  world.reconcile();
  EXPECT_EQ(world.status().version, 4) << world.verdict();
}

TEST_P(Transitions, WhatWasWrittenDuringATombstoneIsInTheOldColumnAgain) {
  World world = make([](Transition& t) { t.validations.clear(); });
  const auto client = world.client();
  world.edit([](MigrationVersionSpec& spec) { spec.policy.contract_soak = seconds(1); });
  ASSERT_EQ(world.go(3), "Ready");
  for (int n = 0; n < 50 && world.status().version != 4; ++n) {
    world.go(4);
    std::this_thread::sleep_for(milliseconds(200));
  }
  ASSERT_EQ(world.status().version, 4) << world.verdict();
  ASSERT_OK(client->run("UPDATE users SET address = 'newest' WHERE id = 1"));
  ASSERT_OK(client->run("INSERT INTO users (id, address) VALUES (2001, 'born')"));
  ASSERT_OK(client->run("UPDATE users SET address = NULL WHERE id = 2"));
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(client->ask("SELECT email FROM users WHERE id IN (1, 2001) ORDER BY id"),
            "newest\nborn");
  EXPECT_EQ(client->ask("SELECT count(*) FROM users WHERE id = 2 AND email IS NULL"), "1")
      << "what was erased does not come back";
  EXPECT_EQ(different(*client), "0");
}

TEST_P(Transitions, TheSideThatIsWrittenWins) {
  World world = make();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  const auto row = [&](int id) {
    return client->ask(fmt::format("SELECT email, address FROM users WHERE id = {}", id));
  };
  const auto run = [&](const std::string& sql) { ASSERT_OK(client->run(sql)); };
  run("INSERT INTO users (id, email) VALUES (2001, 'Old')");
  EXPECT_EQ(row(2001), "Old|old");
  run("INSERT INTO users (id, address) VALUES (2002, 'new')");
  EXPECT_EQ(row(2002), "new|new");
  run("INSERT INTO users (id, email, address) VALUES (2003, 'Both', 'both')");
  EXPECT_EQ(row(2003), "Both|both") << "a row whose sides agree is left as it is";
  run("INSERT INTO users (id, email, address) VALUES (2004, 'x', 'y')");
  EXPECT_EQ(row(2004), "y|y") << "the new side wins";
  run("INSERT INTO users (id) VALUES (2005)");
  EXPECT_EQ(row(2005), "-|-");
  run("UPDATE users SET email = 'Changed' WHERE id = 2001");
  EXPECT_EQ(row(2001), "Changed|changed");
  run("UPDATE users SET address = 'again' WHERE id = 2001");
  EXPECT_EQ(row(2001), "again|again");
  run("UPDATE users SET email = 'A', address = 'b' WHERE id = 2001");
  EXPECT_EQ(row(2001), "b|b");
  run("UPDATE users SET email = 'Agreed', address = 'agreed' WHERE id = 2001");
  EXPECT_EQ(row(2001), "Agreed|agreed");
  run("UPDATE users SET email = NULL WHERE id = 2001");
  EXPECT_EQ(row(2001), "-|-");
  run("UPDATE users SET address = 'back' WHERE id = 2001");
  EXPECT_EQ(row(2001), "back|back");
  run("UPDATE users SET address = NULL WHERE id = 2001");
  EXPECT_EQ(row(2001), "-|-");
  run("INSERT INTO users (id, email) VALUES (2002, 'Upserted') ON CONFLICT (id) DO UPDATE SET "
      "email = excluded.email");
  EXPECT_EQ(row(2002), "Upserted|upserted");
  run("INSERT INTO users (id, address) VALUES (2002, 'newer') ON CONFLICT (id) DO UPDATE SET "
      "address = excluded.address");
  EXPECT_EQ(row(2002), "newer|newer");
  run("UPDATE users SET id = 3002 WHERE id = 2002");
  EXPECT_EQ(row(3002), "newer|newer");
  EXPECT_EQ(different(*client), "0");
}

TEST_P(Transitions, ADefaultOfTheNewColumnIsNoValue) {
  Transition transition = email_to_address();
  transition.backfill->where = "address = ''";
  std::vector<Migration> migrations = email_migrations(GetParam());
  migrations[2].up = "ALTER TABLE users ADD COLUMN address text NOT NULL DEFAULT ''";
  World world({GetParam(), migrations, {transition}});
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(different(*client), "0");
  ASSERT_OK(client->run("INSERT INTO users (id, email) VALUES (2001, 'Old')"));
  ASSERT_OK(client->run("INSERT INTO users (id, address) VALUES (2002, 'new')"));
  ASSERT_OK(client->run("INSERT INTO users (id) VALUES (2003)"));
  EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id > 2000 ORDER BY id"),
            "Old|old\nnew|new\n|");
  EXPECT_EQ(different(*client), "0");
}

TEST_P(Transitions, ProgressIsInStatusAndMetrics) {
  World world = make([](Transition& t) { t.backfill->pause = milliseconds(300); });
  ASSERT_EQ(world.go(2), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  std::jthread controller([&] { world.settle(); });
  ASSERT_TRUE(eventually([&] {
    const MigrationVersionStatus now = world.status();
    return !now.transitions.empty() && now.transitions[0].rows >= 300;
  }));
  const MigrationVersionStatus now = world.status();
  EXPECT_EQ(to_string(now.transitions[0].phase), "Backfilling");
  EXPECT_GT(now.transitions[0].rows_per_second, 0);
  EXPECT_TRUE(now.transitions[0].eta_seconds);
  EXPECT_EQ(now.version, 3);
  EXPECT_THAT(world.verdict(),
              AllOf(StartsWith("Backfilling: the database is at version 3; transition email: "),
                    HasSubstr("of about 1000 rows looked at"), HasSubstr("s left")));
  EXPECT_EQ(now.history.at(0).result, "Succeeded") << "the version itself is done";
  EXPECT_GT(world.metrics.value("ripcord_backfill_rows_per_second default app"), 0);
  EXPECT_GT(world.metrics.value("ripcord_backfill_remaining_seconds default app"), 0);
  controller.join();
  EXPECT_EQ(world.verdict(), "Ready");
  EXPECT_EQ(world.metrics.value("ripcord_backfill_rows_total default app"), 1000);
  EXPECT_EQ(world.metrics.value("ripcord_backfill_rows_per_second default app"), 0);
  EXPECT_FALSE(world.transition().eta_seconds);
  world.remove();
  EXPECT_FALSE(world.metrics.has("ripcord_backfill"));
}

TEST_P(Transitions, AnOverrideDuringABackfillIsActedOnWithinASecond) {
  World world = make([](Transition& t) {
    t.backfill->batch_size = 1;
    t.backfill->pause = milliseconds(20);
  });
  ASSERT_EQ(world.go(2), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  std::jthread controller([&] { world.settle(); });
  ASSERT_TRUE(eventually([&] {
    const MigrationVersionStatus now = world.status();
    return !now.transitions.empty() && now.transitions[0].rows > 0;
  }));
  const auto asked = std::chrono::steady_clock::now();
  world.edit([](MigrationVersionSpec& spec) {
    MigrationOverride override;
    override.version = 2;
    override.reason = "INC-1";
    spec.override = override;
    spec.approval = MigrationApproval{2, "test", true, "now"};
  });
  ASSERT_TRUE(eventually([&] { return world.status().version == 2; })) << world.verdict();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, seconds(4));
  controller.join();
  EXPECT_EQ(world.verdict(), "Ready");
  EXPECT_EQ(triggers(*world.client()), "0");
}

TEST_P(Transitions, ATriggerThatSomebodyDroppedIsPutBack) {
  World world = make();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  drop_a_trigger(*client);
  EXPECT_EQ(triggers(*client), "1");
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(triggers(*client), "2");
  EXPECT_EQ(world.metrics.value("ripcord_drift_repairs_total migration_version"), 1);
  EXPECT_EQ(world.phase(), "Complete");
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.metrics.value("ripcord_drift_repairs_total migration_version"), 1);
}

TEST_P(Transitions, ValidationsThatDoNotHoldAreNamedWithTheirRows) {
  World world = make([](Transition& t) {
    t.validations.push_back({.table = "users", .column = "address", .pattern = "^[a-z]+[0-9]+$"});
    t.validations.push_back({.query = "select count(*) from users", .min = 5000});
  });
  const auto client = world.client();
  ASSERT_EQ(world.go(2), "Ready");
  ASSERT_OK(client->run("UPDATE users SET email = NULL WHERE id <= 3"));
  ASSERT_OK(client->run("UPDATE users SET email = '?' WHERE id = 9"));
  EXPECT_THAT(
      world.go(3),
      AllOf(StartsWith("TransitionFailed: the database is at version 3; transition email: "),
            HasSubstr("users.address is NULL in 3 rows: SELECT * FROM"),
            HasSubstr("users.address does not match \"^[a-z]+[0-9]+$\" in 1 row: "),
            HasSubstr("\"select count(*) from users\" gives 1000, below min 5000")));
  EXPECT_EQ(world.phase(), "Failed");
  EXPECT_EQ(world.status().version, 3);
  EXPECT_TRUE(world.transition().syncing) << "both shapes stay equal while a person looks";
  ASSERT_OK(client->run("UPDATE users SET email = 'Mended1' WHERE id <= 3 OR id = 9"));
  world.edit([](MigrationVersionSpec& spec) { spec.transitions[0].validations.pop_back(); });
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.phase(), "Complete");
  EXPECT_EQ(different(*client), "0");
}

TEST_P(Transitions, WhatIsDeclaredNoLongerLeavesNoTrigger) {
  World world = make();
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.transitions.clear(); });
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(triggers(*client), "0");
  EXPECT_THAT(world.status().transitions, IsEmpty());
  world.edit([](MigrationVersionSpec& spec) { spec.transitions = {email_to_address()}; });
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(triggers(*client), "2");
  EXPECT_EQ(world.phase(), "Complete");
}

TEST_P(Transitions, AnotherDeclarationBeginsAnew) {
  World world = make([](Transition& t) { t.backfill->where = ""; });
  const auto client = world.client();
  ASSERT_EQ(world.go(3), "Ready");
  EXPECT_EQ(world.transition().rows, 1000);
  world.edit([](MigrationVersionSpec& spec) {
    spec.transitions[0].backfill->batch_size = 7;  // how fast is no other declaration
  });
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.metrics.value("ripcord_backfill_rows_total default app"), 1000);
  world.edit([](MigrationVersionSpec& spec) {
    spec.transitions[0].sync->to_new = "upper(email)";
    spec.transitions[0].backfill->set = "address = upper(email)";
    spec.transitions[0].validations.pop_back();
  });
  ASSERT_EQ(world.settle(), "Ready");
  EXPECT_EQ(world.metrics.value("ripcord_backfill_rows_total default app"), 2000);
  EXPECT_EQ(client->ask("SELECT count(*) FROM users WHERE address = upper(email)"), "1000");
  ASSERT_OK(client->run("UPDATE users SET email = 'last' WHERE id = 1"));
  EXPECT_EQ(client->ask("SELECT address FROM users WHERE id = 1"), "LAST");
}

TEST_P(Transitions, GoOnBehindAHoldOfTheMigration) {
  World world = make();
  ASSERT_EQ(world.go(2), "Ready");
  world.edit([](MigrationVersionSpec& spec) {
    spec.version = 3;
    spec.source.inline_migrations.push_back(
        {5, "broken", "CREATE TABLE", "SELECT 1", "", ""});  // cannot be read
  });
  ASSERT_EQ(world.settle(), "Ready");
  ASSERT_OK(world.client()->run("UPDATE users SET email = 'Held' WHERE id = 1"));
  world.edit([](MigrationVersionSpec& spec) { spec.version = 1; });  // the approval is gone
  world.edit([](MigrationVersionSpec& spec) { spec.approval.reset(); });
  world.edit([](MigrationVersionSpec& spec) { spec.policy.down = DownPolicy::kApprove; });
  drop_a_trigger(*world.client());
  EXPECT_THAT(world.settle(), StartsWith("ApprovalRequired"));
  EXPECT_EQ(triggers(*world.client()), "2");
  EXPECT_EQ(world.phase(), "Complete");
}

TEST_P(Transitions, TwoControllersChangeEachRowOnce) {
  const auto counting = [](Transition& t) {
    t.backfill->set += ", touched = touched + 1";
    t.backfill->where = "";
    t.backfill->batch_size = 10;
    t.validations.clear();
  };
  World one = make(counting, ", touched integer NOT NULL DEFAULT 0");
  ASSERT_EQ(one.go(2), "Ready");
  World other(one, {});
  for (World* world : {&one, &other}) {
    world->edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  }
  {
    const std::jthread first([&] { one.settle(); });
    const std::jthread second([&] { other.settle(); });
  }
  EXPECT_EQ(one.settle(), "Ready");
  EXPECT_EQ(other.settle(), "Ready");
  EXPECT_EQ(one.client()->ask("SELECT min(touched), max(touched), count(*) FROM users"),
            "1|1|1000");
  EXPECT_EQ(triggers(*one.client()), "2");
}

TEST_P(Transitions, ALongOneGivesItsWorkerBackNowAndThen) {
  World world = make([](Transition& t) {
    t.backfill->batch_size = 10;
    t.backfill->pause = milliseconds(80);
  });
  ASSERT_EQ(world.go(2), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = world.reconcile();
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(20));
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_TRUE(std::get<RequeueAfter>(outcome).delay);
  EXPECT_TRUE(std::get<RequeueAfter>(outcome).cause.ok());
  EXPECT_EQ(world.settle(), "Ready");
}

TEST_P(Transitions, APauseOfMinutesHoldsNoWorker) {
  World world = make([](Transition& t) { t.backfill->pause = std::chrono::minutes(5); });
  ASSERT_EQ(world.go(2), "Ready");
  world.edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  const Outcome outcome = world.reconcile();
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(std::get<RequeueAfter>(outcome).delay, std::chrono::minutes(5));
  EXPECT_EQ(world.transition().rows, 100);
}

INSTANTIATE_TEST_SUITE_P(Engines, Transitions,
                         testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

}  // namespace
}  // namespace ripcord
