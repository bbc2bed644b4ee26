// SPDX-License-Identifier: Apache-2.0
// kill -9 at every point before and after an effect, up and down, on both engines: the same code
// recovers, the end is that of the undisturbed run, and every body took effect once. The same in
// the histories of the other tools.
#include "controller/codec/migration_history.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <filesystem>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kEnded = 0;

// A fresh database in a given state, by name or path; and everything that can be seen in it.
struct Stage {
  std::function<DatabaseRef()> fresh;
  std::function<std::string(const DatabaseRef&)> dump;
  std::vector<Migration> corpus;
};

// Runs to `target` in a child that dies at the n-th point (0: never). The child's exit code.
int run_child(const Stage& stage, const DatabaseRef& ref, std::int64_t target, int die_at) {
  return run_forked([&] {
    int seen = 0;
    Harness harness(ref, stage.corpus, [&](std::string_view) {
      if (++seen == die_at) {
        ::raise(SIGKILL);
      }
    });
    harness.go(target);
    if (harness.verdict() != "Ready") {
      fmt::print(stderr, "child: {}\n", harness.verdict());
      return 1;
    }
    return kEnded;
  });
}

void crash_everywhere(const Stage& stage, std::int64_t target) {
  const DatabaseRef calm = stage.fresh();
  ASSERT_EQ(run_child(stage, calm, target, 0), kEnded);
  const std::string want = stage.dump(calm);
  int point = 1;
  for (;; ++point) {
    SCOPED_TRACE(fmt::format("killed at point {}", point));
    const DatabaseRef ref = stage.fresh();
    const int ended = run_child(stage, ref, target, point);
    if (ended == kEnded) {
      break;
    }
    ASSERT_EQ(ended, 128 + SIGKILL);
    ASSERT_EQ(run_child(stage, ref, target, 0), kEnded);
    ASSERT_EQ(stage.dump(ref), want);
  }
  EXPECT_GT(point, 20) << "the points must be there";
}

std::string dump_postgres(const PostgresCluster& cluster, const std::string& name) {
  return cluster.psql(
      name,
      "SELECT string_agg(what, ' ' ORDER BY id) FROM log;"
      "SELECT version, dirty FROM schema_migrations;"
      "SELECT version, name, previous, up_digest, down_digest, plan FROM ripcord.applied ORDER BY "
      "1;"
      "SELECT count(*) FROM ripcord.journal;"
      "SELECT c.relname, c.relkind, i.indisvalid FROM pg_class c LEFT JOIN pg_index i ON "
      "i.indexrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1;"
      "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace");
}

std::string name_in(const DatabaseRef& ref) {
  return ref.url.substr(ref.url.rfind('/') + 1);
}

TEST(CrashEverywhere, PostgresUp) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  PostgresCluster& cluster = shared_cluster();
  const Stage stage{[&] { return postgres_ref(cluster.url(fresh_database(cluster, "up"))); },
                    [&](const DatabaseRef& ref) { return dump_postgres(cluster, name_in(ref)); },
                    postgres_corpus()};
  crash_everywhere(stage, 5);
}

TEST(CrashEverywhere, PostgresDown) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  PostgresCluster& cluster = shared_cluster();
  const std::string full = fresh_database(cluster, "full");
  Stage stage{{}, {}, postgres_corpus()};
  ASSERT_EQ(run_child(stage, postgres_ref(cluster.url(full)), 5, 0), kEnded);
  int count = 0;
  stage.fresh = [&] {
    const std::string name = fmt::format("down_{}", ++count);
    cluster.psql("postgres", fmt::format("CREATE DATABASE {} TEMPLATE {}", name, full));
    return postgres_ref(cluster.url(name));
  };
  stage.dump = [&](const DatabaseRef& ref) { return dump_postgres(cluster, name_in(ref)); };
  crash_everywhere(stage, 1);
}

std::string dump_sqlite(const std::string& path) {
  const RunResult dumped = run(
      {.argv = {"sqlite3", path,
                "select group_concat(what, ' ') from (select what from log order by id);"
                "select * from schema_migrations;"
                "select version, name, previous, up_digest, down_digest, plan from ripcord_applied;"
                "select count(*) from ripcord_journal;"
                "select type, name, sql from sqlite_master order by 1, 2;"}});
  EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
  return dumped.out;
}

TEST(CrashEverywhere, SqliteUp) {
  const TempDir directory;
  int count = 0;
  const Stage stage{[&] { return sqlite_ref(directory / fmt::format("up{}.db", ++count)); },
                    [](const DatabaseRef& ref) { return dump_sqlite(ref.path); }, sqlite_corpus()};
  crash_everywhere(stage, 5);
}

TEST(CrashEverywhere, SqliteDown) {
  const TempDir directory;
  const std::string full = directory / "full.db";
  Stage stage{{}, [](const DatabaseRef& ref) { return dump_sqlite(ref.path); }, sqlite_corpus()};
  ASSERT_EQ(run_child(stage, sqlite_ref(full), 5, 0), kEnded);
  int count = 0;
  stage.fresh = [&] {
    const std::string path = directory / fmt::format("down{}.db", ++count);
    std::filesystem::copy_file(full, path);
    return sqlite_ref(path);
  };
  crash_everywhere(stage, 1);
}

class CrashInEveryHistory : public ::testing::TestWithParam<MigrationLayout> {
 protected:
  // A short one: a table, and statements that need no transaction among others that do.
  static std::vector<Migration> in_layout(std::vector<Migration> corpus) {
    corpus.resize(3);
    for (Migration& each : corpus) {
      each.layout = GetParam();
      each.tool_version = each.layout == MigrationLayout::kFlyway
                              ? fmt::format("0.0.{}", each.version)
                              : std::to_string(each.version);
    }
    return corpus;
  }
  // The tool's rows, without numbers that a rolled-back transaction may use up.
  static std::string history() {
    const std::string_view name = codec::default_history_name(GetParam());
    switch (GetParam()) {
      case MigrationLayout::kGoose:
        return fmt::format("SELECT version_id FROM {} ORDER BY 1", name);
      case MigrationLayout::kSqlMigrate:
        return fmt::format("SELECT id FROM {} ORDER BY 1", name);
      default:
        return fmt::format("SELECT version FROM {} ORDER BY 1", name);
    }
  }
};

TEST_P(CrashInEveryHistory, PostgresUp) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  PostgresCluster& cluster = shared_cluster();
  const Stage stage{[&] { return postgres_ref(cluster.url(fresh_database(cluster, "tool"))); },
                    [&](const DatabaseRef& ref) {
                      return cluster.psql(
                          name_in(ref),
                          "SELECT string_agg(what, ' ' ORDER BY id) FROM log; "
                          "SELECT version, previous, up_digest FROM ripcord.applied "
                          "ORDER BY 1; SELECT count(*) FROM ripcord.journal; " +
                              history());
                    },
                    in_layout(postgres_corpus())};
  crash_everywhere(stage, 3);
}

TEST_P(CrashInEveryHistory, SqliteUpAndDown) {
  const TempDir directory;
  int count = 0;
  Stage stage{[&] { return sqlite_ref(directory / fmt::format("up{}.db", ++count)); },
              [](const DatabaseRef& ref) {
                return run({.argv = {"sqlite3", ref.path,
                                     "select what from log order by id; select version, previous, "
                                     "up_digest from ripcord_applied; select count(*) from "
                                     "ripcord_journal; " +
                                         history()}})
                    .out;
              },
              in_layout(sqlite_corpus())};
  crash_everywhere(stage, 3);
  const std::string full = directory / "full.db";
  ASSERT_EQ(run_child(stage, sqlite_ref(full), 3, 0), kEnded);
  stage.fresh = [&] {
    const std::string path = directory / fmt::format("down{}.db", ++count);
    std::filesystem::copy_file(full, path);
    return sqlite_ref(path);
  };
  crash_everywhere(stage, 1);
}

INSTANTIATE_TEST_SUITE_P(Tools, CrashInEveryHistory,
                         ::testing::Values(MigrationLayout::kDbmate, MigrationLayout::kGoose,
                                           MigrationLayout::kFlyway, MigrationLayout::kSqlMigrate,
                                           MigrationLayout::kAtlas),
                         [](const auto& layout) {
                           std::string name(to_string(layout.param));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace ripcord
