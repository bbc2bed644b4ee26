// SPDX-License-Identifier: Apache-2.0
// kill -9 at every point of putting aside, of renaming back and of dropping for good, on both
// engines: the same code recovers, and the end is that of the undisturbed run.
#include "tests/integration/contracts/shop.h"
#include "tests/support/status_matchers.h"

#include <csignal>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::hours;

constexpr int kEnded = 0;

// What a child does in a database that is at the beginning of it.
struct Act {
  std::string name;
  bool late = false;  // the soak of the tombstones is over
  std::function<void(Harness&)> run;
};

std::vector<Migration> migrations_of(const Shop& shop) {
  std::vector<Migration> all = shop.migrations();
  const bool pg = shop.ref.engine == Engine::kPostgreSql;
  all[0].up = pg ? "CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL, phone text);"
                   "CREATE TABLE orders (id integer, of integer REFERENCES users)"
                 : "CREATE TABLE users (id integer PRIMARY KEY, email text, phone text);"
                   "CREATE TABLE orders (id integer)";
  all[2].up =
      "-- ripcord:phase Contract\nALTER TABLE users DROP COLUMN email;\nALTER TABLE users DROP "
      "COLUMN "
      "phone;\nDROP TABLE orders";
  all[2].down =
      "ALTER TABLE users ADD COLUMN email text; ALTER TABLE users ADD COLUMN phone text; "
      "CREATE TABLE orders (id integer)";
  return all;
}

// As if it had been applied long ago.
void backdate(const Shop& shop) {
  const bool pg = shop.ref.engine == Engine::kPostgreSql;
  shop.sql(pg ? "UPDATE ripcord.applied SET applied_at = now() - interval '49 hours'"
              : "UPDATE ripcord_applied SET applied_at = '2020-01-01T00:00:00.000Z'");
}
void settle(Harness& harness) {
  for (int i = 0; i < 4 && harness.verdict() != "Ready"; ++i) {
    harness.converge();
  }
}

const Act kExpanded{"expanded", false, [](Harness& harness) {
                      harness.spec().version = 2;
                      settle(harness);
                    }};
const Act kPutAside{"put aside", false, [](Harness& harness) {
                      harness.spec().version = 3;
                      approve(harness, 3, "first");
                      settle(harness);
                    }};
const Act kBack{"back", false, [](Harness& harness) {
                  harness.spec().version = 3;
                  harness.spec().override.emplace().version = 2;
                  harness.spec().override->reason = "broken";
                  settle(harness);
                }};
const Act kDropped{"dropped", true, [](Harness& harness) {
                     harness.spec().version = 3;
                     for (int i = 0; i < 3; ++i) {
                       harness.converge();
                     }
                   }};

int run_child(const Shop& shop, const Act& act, int die_at) {
  return run_forked([&] {
    int seen = 0;
    Harness harness(shop.ref, migrations_of(shop), [&](std::string_view) {
      if (++seen == die_at) {
        ::raise(SIGKILL);
      }
    });
    harness.spec().policy.contract_soak = hours(48);
    if (act.late) {
      harness.clock().put_forward(hours(49));
    }
    act.run(harness);
    if (harness.verdict() != "Ready") {
      fmt::print(stderr, "child: {}\n", harness.verdict());
      return 1;
    }
    return kEnded;
  });
}

std::string dump(const Shop& shop) {
  if (shop.ref.engine == Engine::kPostgreSql) {
    return shop.sql(
        "SELECT version, dirty FROM schema_migrations;"
        "SELECT version, up_digest, down_digest, down, plan FROM ripcord.applied ORDER BY 1;"
        "SELECT to_regclass('ripcord.tombstones') IS NULL;"
        "SELECT c.relname, a.attname, a.attnotnull FROM pg_class c JOIN pg_attribute a ON "
        "a.attrelid "
        "= c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relkind = 'r' AND c.relnamespace "
        "= "
        "'public'::regnamespace ORDER BY 1, 2;"
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "
        "'public'::regnamespace ORDER BY 1");
  }
  return shop.sql(
      "select * from schema_migrations;"
      "select version, up_digest, down_digest, down, plan from ripcord_applied;"
      "select type, name, sql from sqlite_master order by 1, 2");
}

std::string tombstones(const Shop& shop) {
  const std::string table =
      shop.ref.engine == Engine::kPostgreSql ? "ripcord.tombstones" : "ripcord_tombstones";
  return shop.sql(
      "SELECT version, number, relation, column_name, name, undo_digest, own_down FROM " + table +
      " ORDER BY 1, 2");
}

void crash_everywhere(const std::function<Shop()>& fresh, const std::vector<Act>& before,
                      const Act& act, int least) {
  const auto staged = [&] {
    Shop shop = fresh();
    for (const Act& each : before) {
      EXPECT_EQ(run_child(shop, each, 0), kEnded) << each.name;
      backdate(shop);
    }
    return shop;
  };
  const Shop calm = staged();
  ASSERT_EQ(run_child(calm, act, 0), kEnded);
  const std::string want = dump(calm) + tombstones(calm);
  int point = 1;
  for (;; ++point) {
    SCOPED_TRACE(fmt::format("{}: killed at point {}", act.name, point));
    const Shop shop = staged();
    const int ended = run_child(shop, act, point);
    if (ended == kEnded) {
      break;
    }
    ASSERT_EQ(ended, 128 + SIGKILL);
    ASSERT_EQ(run_child(shop, act, 0), kEnded);
    ASSERT_EQ(dump(shop) + tombstones(shop), want);
  }
  EXPECT_GE(point, least) << "the points must be there";
}

class ContractCrash : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    const bool postgres = GetParam() == Engine::kPostgreSql;
    if (postgres && !PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    fresh_ = [postgres] { return postgres ? postgres_shop(shared_cluster()) : sqlite_shop(); };
  }
  std::function<Shop()> fresh_;
};

TEST_P(ContractCrash, WhilePuttingAside) {
  crash_everywhere(fresh_, {kExpanded}, kPutAside, 15);
}

TEST_P(ContractCrash, WhileRenamingBack) {
  crash_everywhere(fresh_, {kExpanded, kPutAside}, kBack, 8);
}

TEST_P(ContractCrash, WhileDroppingForGood) {
  crash_everywhere(fresh_, {kExpanded, kPutAside}, kDropped, 6);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractCrash,
                         ::testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                         [](const auto& engine) {
                           return engine.param == Engine::kPostgreSql ? "PostgreSQL" : "SQLite";
                         });

}  // namespace
}  // namespace ripcord
