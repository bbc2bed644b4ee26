// SPDX-License-Identifier: Apache-2.0
// Real golang-migrate, dbmate, goose and sql-migrate and we take turns on one database.
#include "tests/integration/migrations/harness.h"
#include "tests/support/migration_tools/migration_tools.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <array>

#include <fmt/format.h>

namespace ripcord {
namespace {

struct Bodies {
  const char* up;
  const char* down;
};
// A body that runs twice fails. The third holds semicolons inside one statement, the fourth cannot
// run in a transaction (where there is such a thing).
constexpr std::array<Bodies, 4> kPostgres{{
    {"CREATE TABLE t1 (a int);", "DROP TABLE t1;"},
    {"CREATE TABLE t2 (a int);", "DROP TABLE t2;"},
    {"CREATE FUNCTION f3() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  PERFORM 1;\n  RETURN 3;\n"
     "END;\n$$;",
     "DROP FUNCTION f3();"},
    {"CREATE INDEX CONCURRENTLY i4 ON t1 (a);", "DROP INDEX CONCURRENTLY i4;"},
}};
constexpr std::array<Bodies, 4> kSqlite{{
    {"CREATE TABLE t1 (a int);", "DROP TABLE t1;"},
    {"CREATE TABLE t2 (a int);", "DROP TABLE t2;"},
    {"CREATE TRIGGER f3 AFTER INSERT ON t1\nBEGIN\n  DELETE FROM t2;\n  DELETE FROM t2;\nEND;",
     "DROP TRIGGER f3;"},
    {"CREATE INDEX i4 ON t1 (a);", "DROP INDEX i4;"},
}};

class TakingTurns : public ::testing::TestWithParam<ToolCase> {
 protected:
  void SetUp() override {
    tool_ = GetParam().make();
    if (!tool_) {
      GTEST_SKIP() << "the tool is not there: run tests/migration_tools/build, and .ci/install";
    }
    place_.engine = GetParam().engine;
    place_.directory = directory_.path() / "migrations";
    std::filesystem::create_directory(place_.directory);
    if (place_.engine == ToolEngine::kSqlite) {
      place_.address = directory_ / "app.db";
      write_file(place_.address, "");
      ref_ = sqlite_ref(place_.address);
    } else {
      if (!PostgresCluster::available()) {
        GTEST_SKIP() << "no PostgreSQL server installed";
      }
      name_ = fresh_database(shared_cluster(), "turns");
      ref_ = postgres_ref(shared_cluster().url(name_));
      place_.address = ref_.url + "?sslmode=disable";
    }
    harness_.emplace(ref_, std::vector<Migration>{});
    harness_->spec().source.directory = place_.directory;
  }

  void write(int from, int to) {
    for (int version = from; version <= to; ++version) {
      const Bodies& bodies =
          (place_.engine == ToolEngine::kSqlite ? kSqlite : kPostgres)[version - 1];
      tool_->write(place_, version, bodies.up, bodies.down);
    }
  }
  // Which of the four are in the database: "1234".
  std::string there() const {
    const std::string sql =
        place_.engine == ToolEngine::kSqlite
            ? "SELECT group_concat(substr(name, 2), '') FROM (SELECT name FROM sqlite_master WHERE "
              "name IN ('t1', 't2', 'f3', 'i4') ORDER BY substr(name, 2))"
            : "SELECT string_agg(right(name, 1), '' ORDER BY right(name, 1)) FROM (SELECT relname "
              "AS name FROM pg_class UNION ALL SELECT proname FROM pg_proc) x WHERE name IN ('t1', "
              "'t2', 'f3', 'i4')";
    if (place_.engine == ToolEngine::kPostgres) {
      return shared_cluster().psql(name_, sql);
    }
    const std::string out = run({.argv = {"sqlite3", place_.address, sql}}).out;
    return out.substr(0, out.find('\n'));
  }
  void expect_at(int version) {
    EXPECT_EQ(there(), std::string("1234").substr(0, static_cast<std::size_t>(version)));
    EXPECT_EQ(tool_->applied(place_), version);
  }
  void tool_up() {
    const RunResult ran = tool_->up(place_);
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  }
  void we_go(int version) {
    harness_->go(version);
    EXPECT_EQ(harness_->verdict(), "Ready");
  }

  TempDir directory_;
  std::unique_ptr<MigrationTool> tool_;
  ToolPlace place_;
  std::string name_;
  DatabaseRef ref_;
  std::optional<Harness> harness_;
};

TEST_P(TakingTurns, WeGoOnWhereTheToolStoppedAndItGoesOnAfterUs) {
  write(1, 2);
  tool_up();
  ASSERT_NO_FATAL_FAILURE(expect_at(2));
  write(3, 4);
  we_go(4);
  expect_at(4);
  const RunResult down = tool_->down_one(place_);
  EXPECT_EQ(down.exit_code, 0) << down.out << down.err;
  expect_at(3);
  tool_up();
  expect_at(4);
  we_go(1);
  expect_at(1);
  tool_up();
  expect_at(4);
  we_go(4);
  we_go(0);
  expect_at(0);
  tool_up();
  expect_at(4);
}

TEST_P(TakingTurns, TheToolGoesOnInADatabaseThatWeBegan) {
  write(1, 4);
  we_go(3);
  expect_at(3);
  tool_up();
  expect_at(4);
  we_go(2);
  expect_at(2);
  tool_up();
  expect_at(4);
}

INSTANTIATE_TEST_SUITE_P(
    Tools, TakingTurns,
    ::testing::Values(ToolCase{"GolangMigratePostgres", golang_migrate_tool, ToolEngine::kPostgres},
                      ToolCase{"GolangMigrateSqlite", golang_migrate_tool, ToolEngine::kSqlite},
                      ToolCase{"DbmatePostgres", dbmate_tool, ToolEngine::kPostgres},
                      ToolCase{"DbmateSqlite", dbmate_tool, ToolEngine::kSqlite},
                      ToolCase{"GoosePostgres", goose_tool, ToolEngine::kPostgres},
                      ToolCase{"GooseSqlite", goose_tool, ToolEngine::kSqlite},
                      ToolCase{"SqlMigratePostgres", sql_migrate_tool, ToolEngine::kPostgres},
                      ToolCase{"SqlMigrateSqlite", sql_migrate_tool, ToolEngine::kSqlite}),
    [](const auto& tool) { return tool.param.name; });

}  // namespace
}  // namespace ripcord
