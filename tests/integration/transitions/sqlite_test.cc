// SPDX-License-Identifier: Apache-2.0
// Transitions on SQLite: whatever the table is, whatever writes, and how long others wait.
#include "tests/integration/transitions/world.h"
#include "tests/support/status_matchers.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Migration one(std::int64_t version, const std::string& up) {
  return {version, "m" + std::to_string(version), up, "SELECT 1", "", ""};
}

World make(
    const std::string& create, const std::string& key = "id",
    const std::function<void(Transition&)>& change = [](Transition&) {}) {
  Transition transition = email_to_address();
  transition.contract.reset();
  transition.backfill->batch_size = 7;
  transition.backfill->key = key;
  change(transition);
  return World({Engine::kSqlite,
                {one(1, create + "; WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g "
                                 "WHERE i < 300) INSERT INTO users (id, email) SELECT i, 'User' || "
                                 "i FROM g"),
                 one(2, "SELECT 1"), one(3, "ALTER TABLE users ADD COLUMN address text")},
                {transition}});
}

std::string different(Client& client) {
  return client.ask("SELECT count(*) FROM users WHERE address IS NOT lower(email)");
}

TEST(SqliteTransitions, TablesWithAndWithoutRowIds) {
  for (const auto& [create, key] :
       {std::pair{"CREATE TABLE users (id text PRIMARY KEY NOT NULL, email text) WITHOUT ROWID",
                  "id"},
        std::pair{"CREATE TABLE users (id integer, part integer NOT NULL DEFAULT 1, email text, "
                  "PRIMARY KEY (id, part)) WITHOUT ROWID",
                  "id"},
        std::pair{"CREATE TABLE users (rowid text, id integer PRIMARY KEY, email text)", "id"},
        std::pair{"CREATE TABLE users (id integer NOT NULL UNIQUE, email text)", "id"}}) {
    SCOPED_TRACE(create);
    World world = make(create, key);
    const auto client = world.client();
    ASSERT_EQ(world.go(3), "Ready");
    EXPECT_EQ(world.transition().rows, 300);
    ASSERT_OK(client->run("INSERT INTO users (id, email) VALUES (2001, 'One')"));
    ASSERT_OK(client->run("UPDATE users SET address = 'two' WHERE id = 5"));
    EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id IN (5, 2001) ORDER BY "
                          "address DESC"),
              "two|two\nOne|one");
    EXPECT_EQ(different(*client), "0");
  }
}

TEST(SqliteTransitions, AKeyWithoutAnIndexIsRefused) {
  World world = make("CREATE TABLE users (id integer NOT NULL, email text)");
  EXPECT_THAT(world.go(3), HasSubstr("no index of users begins with id"));
}

TEST(SqliteTransitions, TriggersThatCallThemselvesSettleARowOnce) {
  World world =
      make("CREATE TABLE users (id integer PRIMARY KEY, email text)", "id", [](Transition& t) {
        t.sync->to_new = "lower(email)";
        t.sync->to_old = "address || '!'";  // no inverse
        t.validations.clear();
      });
  ASSERT_EQ(world.go(3), "Ready");
  const auto client = world.client();
  for (const char* recursive : {"OFF", "ON"}) {
    SCOPED_TRACE(recursive);
    ASSERT_OK(client->run(fmt::format("PRAGMA recursive_triggers = {}", recursive)));
    ASSERT_OK(client->run("UPDATE users SET address = 'new' WHERE id = 1"));
    EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id = 1"), "new!|new");
    ASSERT_OK(client->run("UPDATE users SET email = 'Old' WHERE id = 1"));
    EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id = 1"), "Old|old");
    ASSERT_OK(client->run("REPLACE INTO users (id, address) VALUES (2, 'replaced')"));
    EXPECT_EQ(client->ask("SELECT email, address FROM users WHERE id = 2"), "replaced!|replaced");
  }
}

TEST(SqliteTransitions, PatternsAreExtendedRegularExpressions) {
  World world =
      make("CREATE TABLE users (id integer PRIMARY KEY, email text)", "id", [](Transition& t) {
        t.validations = {{.table = "users", .column = "address", .pattern = "^user(1|2)?[0-9]+$"}};
      });
  const auto client = world.client();
  ASSERT_EQ(world.go(2), "Ready");
  ASSERT_OK(client->run("UPDATE users SET email = 'no''body' WHERE id = 7"));
  EXPECT_THAT(world.go(3), HasSubstr("users.address does not match \"^user(1|2)?[0-9]+$\" in 1 "
                                     "row: the first in users is 'no''body'"));
}

TEST(SqliteTransitions, OtherWritersGetTheirTurnDuringABackfill) {
  World world({Engine::kSqlite,
               {one(1,
                    "CREATE TABLE users (id integer PRIMARY KEY, email text); WITH RECURSIVE g(i) "
                    "AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 200000) INSERT INTO "
                    "users SELECT i, 'User' || i FROM g"),
                one(2, "SELECT 1"), one(3, "ALTER TABLE users ADD COLUMN address text")},
               {[] {
                 Transition t = email_to_address();
                 t.contract.reset();
                 t.backfill->batch_size = 5000;
                 return t;
               }()}});
  ASSERT_EQ(world.go(2), "Ready");
  const auto writer = world.client();  // waits up to 5 s, as most applications have it
  world.edit([](MigrationVersionSpec& spec) { spec.version = 3; });
  std::jthread controller([&] { world.settle(); });
  int written = 0;
  while (world.status().transitions.empty() || world.phase() != "Complete") {
    ASSERT_OK(writer->run("UPDATE users SET email = 'Busy' || random() WHERE id = 1"));
    ++written;
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_GT(written, 0);
  controller.join();
  EXPECT_EQ(different(*world.client()), "0");
}

}  // namespace
}  // namespace ripcord
