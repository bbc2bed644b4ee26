// SPDX-License-Identifier: Apache-2.0
// Proofs on a real PostgreSQL that are killed or stopped at every point: no shadow stays, and what
// is asked again comes out as if nothing had been.
#include "adapters/postgres/shadow_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <unistd.h>

namespace ripcord {
namespace {

constexpr Duration kLockTimeout = std::chrono::seconds(2);

class ProofCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    // DROP DATABASE waits for a checkpoint; no test here cuts the power.
    shared_cluster().psql("postgres", "alter system set fsync = off");
    shared_cluster().psql("postgres", "select pg_reload_conf()");
    name_ = fresh_database(shared_cluster(), "proof");
    shared_cluster().psql(name_, "CREATE TABLE users (id int PRIMARY KEY, email text)");
  }
  // Two versions, each proven before it is applied; the second cannot come back, and is held.
  std::unique_ptr<Harness> converged(ShadowDatabases& shadows, std::stop_token stop = {}) {
    auto made = std::make_unique<Harness>(
        postgres_ref(shared_cluster().url(name_)),
        std::vector{migration(1, "CREATE INDEX by_email ON users (email)", "DROP INDEX by_email"),
                    migration(2, "ALTER TABLE users ADD COLUMN age int", "SELECT 1")});
    made->set_shadows(shadows);
    made->spec().policy.proof = ProofPolicy::kRequire;
    made->spec().version = 2;
    made->converge(std::move(stop));
    return made;
  }
  static std::string shadows_left() {
    return shared_cluster().psql(
        "postgres",
        "SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE starts_with(datname, "
        "'ripcord_shadow')");
  }
  int points() {
    int count = 0;
    postgres::PostgresShadows shadows(commands_, [&](std::string_view) { ++count; });
    expect_proven(*converged(shadows));
    return count;
  }
  static void expect_proven(const Harness& harness) {
    ASSERT_EQ(harness.status().proofs.size(), 2U) << harness.verdict();
    EXPECT_EQ(harness.status().proofs[0].result, Reversibility::kLossless);
    EXPECT_EQ(harness.status().proofs[1].result, Reversibility::kIrreversible);
    EXPECT_EQ(shadows_left(), "");
  }
  void take_back() {
    shared_cluster().psql(
        name_,
        "DROP SCHEMA IF EXISTS ripcord CASCADE; DROP TABLE IF EXISTS schema_migrations; DROP INDEX "
        "IF EXISTS by_email");
  }

  std::string name_;
  ChildRunner commands_;
};

TEST_F(ProofCrash, WhatAKilledControllerLeftIsDroppedByTheNext) {
  const int all = points();
  ASSERT_GT(all, 12);
  for (int point = 1; point <= all; ++point) {
    SCOPED_TRACE(point);
    take_back();
    const int ended = run_forked([&] {
      int left = point;
      ChildRunner commands;
      postgres::PostgresShadows dying(commands, [&](std::string_view) {
        if (--left == 0) {
          ::kill(::getpid(), SIGKILL);
        }
      });
      converged(dying);
      return 0;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    postgres::PostgresShadows shadows(commands_);
    // The server notices the dead client when it next talks to it; until then its lock is held.
    ASSERT_TRUE(eventually([&] {
      EXPECT_OK(
          shadows.make(postgres_ref(shared_cluster().url(name_)), std::nullopt, kLockTimeout, {}));
      return shadows_left().empty();
    }));
    expect_proven(*converged(shadows));
  }
}

TEST_F(ProofCrash, AStoppedProofLeavesNoShadow) {
  const int all = points();
  for (int point = 1; point <= all; ++point) {
    SCOPED_TRACE(point);
    take_back();
    int left = point;
    std::stop_source stop;
    postgres::PostgresShadows stopping(commands_, [&](std::string_view) {
      if (--left == 0) {
        stop.request_stop();
      }
    });
    converged(stopping, stop.get_token());
    EXPECT_EQ(shadows_left(), "");
    postgres::PostgresShadows shadows(commands_);
    expect_proven(*converged(shadows));
  }
}

}  // namespace
}  // namespace ripcord
