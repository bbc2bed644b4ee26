// SPDX-License-Identifier: Apache-2.0
// kill -9 at every point before and after an effect of a transition, from the expand to the
// contract and back: the same code goes on, each row is changed exactly once, and the end is that
// of the undisturbed run.
#include "tests/integration/transitions/world.h"
#include "tests/support/status_matchers.h"

#include <csignal>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kEnded = 0;

class CrashInATransition : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!can_run(GetParam())) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
  }
  static World make() {
    Transition transition = email_to_address();
    transition.backfill->set += ", touched = touched + 1";
    transition.backfill->where = "id % 2 = 0";
    transition.backfill->batch_size = 300;
    transition.validations = {{.query = "select count(*) from users", .min = 1}};
    return World({GetParam(),
                  email_migrations(GetParam(), ", touched integer NOT NULL DEFAULT 0"),
                  {transition}});
  }
  // In a child that dies at the n-th point (0: never).
  static int run_child(const World& stage, std::int64_t version, int die_at) {
    return run_forked([&] {
      int seen = 0;
      World world(stage, [&](std::string_view) {
        if (++seen == die_at) {
          ::raise(SIGKILL);
        }
      });
      const std::string verdict = world.go(version);
      if (verdict != "Ready") {
        fmt::print(stderr, "child: {}\n", verdict);
        return 1;
      }
      return kEnded;
    });
  }
  static std::string dump(const World& stage) {
    const auto client = stage.client();
    const bool pg = GetParam() == Engine::kPostgreSql;
    const std::string columns =
        client->ask(pg ? "SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE "
                         "attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped"
                       : "SELECT group_concat(name) FROM (SELECT name FROM "
                         "pragma_table_info('users') ORDER BY name)");
    return columns + "\n" +
           client->ask(
               "SELECT touched, count(*), min(id), max(id) FROM users GROUP BY 1 ORDER BY "
               "1") +
           "\n" +
           client->ask(pg ? "SELECT count(*), min(tgenabled::text) FROM pg_trigger WHERE NOT "
                            "tgisinternal"
                          : "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'") +
           "\n" +
           client->ask(fmt::format("SELECT name, rows, scanned, cursor, validated <> '', "
                                   "finished_at IS NOT NULL FROM {}",
                                   pg ? "ripcord.transitions" : "ripcord_transitions"));
  }
  static void crash_everywhere(std::int64_t from, std::int64_t to, int at_least) {
    std::string want;
    int point = 0;
    for (;; ++point) {
      SCOPED_TRACE(fmt::format("killed at point {}", point));
      const World stage = make();
      ASSERT_EQ(run_child(stage, 2, 0), kEnded);
      if (from != 2) {
        ASSERT_EQ(run_child(stage, from, 0), kEnded);
      }
      const int ended = run_child(stage, to, point);
      if (point == 0) {
        ASSERT_EQ(ended, kEnded);
        want = dump(stage);
        continue;
      }
      if (ended == kEnded) {
        break;
      }
      ASSERT_EQ(ended, 128 + SIGKILL);
      ASSERT_EQ(run_child(stage, to, 0), kEnded);
      ASSERT_EQ(dump(stage), want);
    }
    EXPECT_GE(point, at_least) << "the points must be there";
  }
};

TEST_P(CrashInATransition, Expand) {
  crash_everywhere(2, 3, 20);
}
TEST_P(CrashInATransition, Contract) {
  crash_everywhere(3, 4, 6);
}
TEST_P(CrashInATransition, DownFromTheContract) {
  crash_everywhere(4, 3, 6);
}
TEST_P(CrashInATransition, DownFromTheExpand) {
  crash_everywhere(3, 2, 6);
}

INSTANTIATE_TEST_SUITE_P(Engines, CrashInATransition,
                         testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

}  // namespace
}  // namespace ripcord
