// SPDX-License-Identifier: Apache-2.0
// Releases of the old and of the new shape write while a transition goes from the expand to the
// contract and back: at no commit a row differs, as seen by snapshots that are taken all the time.
#include "tests/integration/transitions/world.h"
#include "tests/support/status_matchers.h"

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::milliseconds;

class Writers : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!can_run(GetParam())) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  static bool on_postgres() { return GetParam() == Engine::kPostgreSql; }

  // Writes until told to stop. What the shape of the moment refuses is no failure.
  static void write(World& world, bool old_shape, unsigned seed, std::atomic<bool>& over,
                    std::atomic<int>& written) {
    const auto client = world.client();
    std::mt19937 random(seed);
    const std::string column = old_shape ? "email" : "address";
    const std::string word = old_shape ? "Old" : "new";
    for (int n = 0; !over; ++n) {
      const auto id = 1 + random() % 1200;
      const std::string value = fmt::format("'{}{}_{}'", word, seed, n);
      const Status done = client->run(
          n % 3 == 0
              ? fmt::format("INSERT INTO users (id, {0}) VALUES ({1}, {2}) ON CONFLICT (id) DO "
                            "UPDATE SET {0} = excluded.{0}",
                            column, id, value)
              : fmt::format("UPDATE users SET {} = {} WHERE id = {}", column, value, id));
      written += done.ok() ? 1 : 0;
      std::this_thread::sleep_for(milliseconds(on_postgres() ? 1 : 3));
    }
  }

  // How many rows differ, in one snapshot; nothing when the shapes are not both there, or the
  // database is busy.
  static std::optional<std::string> differing(Client& client, bool while_backfilling) {
    const auto rows =
        client.query(fmt::format("SELECT count(*) FROM users WHERE address {} lower(email){}",
                                 on_postgres() ? "IS DISTINCT FROM" : "IS NOT",
                                 while_backfilling ? " AND address IS NOT NULL" : ""));
    return rows ? std::optional(*rows) : std::nullopt;
  }

  struct Watched {
    std::string wrong = "0";
    int snapshots = 0;
  };
  static void watch(const World& world, std::atomic<bool>& complete, std::atomic<bool>& over,
                    Watched& watched) {
    const auto client = world.client();
    while (!over && watched.wrong == "0") {
      if (const auto seen = differing(*client, !complete)) {
        watched.wrong = *seen;
        ++watched.snapshots;
      }
      std::this_thread::sleep_for(milliseconds(2));
    }
  }
};

TEST_P(Writers, NoRowDiffersAtAnyCommit) {
  Transition transition = email_to_address();
  transition.backfill->batch_size = 50;
  transition.backfill->pause = milliseconds(30);
  World world({GetParam(), email_migrations(GetParam()), {transition}});
  ASSERT_EQ(world.go(2), "Ready");
  std::atomic<bool> over = false;
  std::atomic<bool> complete = false;
  std::atomic<int> old_writes = 0;
  std::atomic<int> new_writes = 0;
  Watched watched;
  {
    std::vector<std::jthread> threads;
    for (const unsigned seed : {1U, 2U}) {
      threads.emplace_back([&, seed] { write(world, true, seed, over, old_writes); });
      threads.emplace_back([&, seed] { write(world, false, seed + 10, over, new_writes); });
    }
    threads.emplace_back([&] { watch(world, complete, over, watched); });
    const auto go = [&](std::int64_t version) {
      std::string verdict = world.go(version);
      // A table that is written all the time is not had at once.
      const auto busy = [&] {
        return verdict.starts_with("LockTimeout") || verdict.starts_with("Busy");
      };
      for (int n = 0; n < 20 && busy(); ++n) {
        verdict = world.settle();
      }
      EXPECT_EQ(verdict, "Ready");
    };
    go(3);
    EXPECT_EQ(world.phase(), "Complete");
    complete = true;
    std::this_thread::sleep_for(milliseconds(500));
    go(4);
    std::this_thread::sleep_for(milliseconds(300));
    go(3);
    EXPECT_EQ(world.phase(), "Complete");
    std::this_thread::sleep_for(milliseconds(500));
    over = true;
  }
  EXPECT_EQ(watched.wrong, "0") << "rows";
  EXPECT_GT(watched.snapshots, 20);
  EXPECT_GT(old_writes, 20);
  EXPECT_GT(new_writes, 20);
  const auto client = world.client();
  EXPECT_EQ(differing(*client, false), "0");
  EXPECT_EQ(client->ask("SELECT count(*) FROM users WHERE address IS NULL"), "0");
}

INSTANTIATE_TEST_SUITE_P(Engines, Writers, testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

}  // namespace
}  // namespace ripcord
