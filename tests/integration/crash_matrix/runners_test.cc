// SPDX-License-Identifier: Apache-2.0
// Five controllers and the real golang-migrate at once, on migrations that build indexes
// CONCURRENTLY: no deadlock, no invalid index, nothing twice.
#include "tests/integration/crash_matrix/postgres_lab.h"
#include "tests/support/migration_tools/migration_tools.h"
#include "tests/support/status_matchers.h"

#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr auto kLayout = MigrationLayout::kGolangMigrate;
constexpr int kRunners = 5;

class RunnersAtOnce : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    tool_ = golang_migrate_tool();
    if (!tool_) {
      GTEST_SKIP() << "golang-migrate is not built: run tests/migration_tools/build";
    }
  }
  // Goes to `version` until it is there, as the loop of a controller would; everything that is not
  // an answer in order counts as a refusal.
  static int controller(const DatabaseRef& ref, const std::string& directory, int version) {
    Harness harness(ref, {});
    harness.spec().source.directory = directory;
    harness.set_patience(std::chrono::milliseconds(300));
    for (int n = 0; n < 400; ++n) {
      harness.go(version);
      const std::string verdict = harness.verdict();
      if (verdict == "Ready") {
        return kConverged;
      }
      if (verdict.rfind("Locked", 0) != 0 && verdict.rfind("SchemaChanged", 0) != 0) {
        fmt::print(stderr, "runner: {}\n", verdict);
        return kRefused;
      }
    }
    return kInterrupted;
  }
  ToolPlace place(const WatchedDatabase& database, const std::string& directory) {
    return {ToolEngine::kPostgres, database.ref().url + "?sslmode=disable", directory};
  }
  // Its own waits and ours end its command; it is told so, and has begun nothing.
  static bool in_order(const RunResult& ran) {
    const std::string said = ran.out + ran.err;
    return ran.exit_code == 0 || said.find("no change") != std::string::npos ||
           said.find("canceling statement") != std::string::npos ||
           said.find("can't acquire") != std::string::npos;
  }
  static std::string deadlocks(WatchedDatabase& database) {
    return ask_value(database.session(),
                     "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
  }

  // A dump without what differs by whose run it was: our records, and how golang-migrate sends the
  // statements of a file, all at once.
  static std::string comparable(const std::string& dump) {
    static const std::regex kChange("^([0-9]+) times ([^:]*): ");
    std::map<std::string, int> changes;
    std::string text;
    std::istringstream lines(dump);
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (std::regex_search(line, found, kChange)) {
        changes[found[2]] += std::stoi(found[1]);
      } else if (line.rfind("record ", 0) != 0) {
        text += line + "\n";
      }
    }
    for (const auto& [what, times] : changes) {
      text += fmt::format("{} times {}\n", times, what);
    }
    return text;
  }

  std::unique_ptr<MigrationTool> tool_;
};

TEST_F(RunnersAtOnce, FiveOfUsAndGolangMigrateApplyEverythingOnce) {
  const Corpus corpus = one_statement_each(postgres_shop(), codec::SqlDialect::kPostgreSql);
  const int top = corpus.back().version;
  const TempDir files;
  write_corpus(corpus, codec::SqlDialect::kPostgreSql, kLayout, files.path());
  WatchedDatabase calm = shared_lab().fresh("alone");
  ASSERT_EQ(wait_forked(start_forked([&] { return controller(calm.ref(), files.path(), top); })),
            kConverged);
  for (int round = 0; round < (whole_matrix() ? 20 : 2); ++round) {
    WatchedDatabase database = shared_lab().fresh("together");
    std::vector<pid_t> runners;
    for (int n = 0; n < kRunners; ++n) {
      runners.push_back(
          start_forked([&] { return controller(database.ref(), files.path(), top); }));
    }
    if (round % 2 == 0) {
      ASSERT_TRUE(eventually([&] { return database.committed() != "nothing"; })) << "we are first";
    }
    bool there = false;
    for (int n = 0; n < 100 && !there; ++n) {
      const RunResult ran = tool_->up(place(database, files.path()));
      ASSERT_TRUE(in_order(ran)) << ran.out << ran.err;
      there = ran.exit_code == 0;
    }
    EXPECT_TRUE(there);
    for (const pid_t runner : runners) {
      EXPECT_EQ(wait_forked(runner), kConverged);
    }
    database.wait_for_quiet();
    EXPECT_EQ(deadlocks(database), "0");
    EXPECT_EQ(differences(comparable(calm.dump(kLayout)), comparable(database.dump(kLayout))), "");
  }
}

// golang-migrate waits for our lock in the server, with a snapshot that a build has to outwait:
// left alone, the server would end one of the two.
TEST_F(RunnersAtOnce, ABuildIsNotEndedByAToolThatQueuesForTheLock) {
  const TempDir files;
  WatchedDatabase database = shared_lab().fresh("queue");
  const ToolPlace where = place(database, files.path());
  tool_->write(where, 1, "CREATE TABLE t (a int);", "DROP TABLE t;");
  tool_->write(where, 2, "CREATE INDEX CONCURRENTLY t_a ON t (a);", "DROP INDEX t_a;");
  ASSERT_EQ(wait_forked(start_forked([&] { return controller(database.ref(), files.path(), 1); })),
            kConverged);
  WatchedDatabase writer(shared_lab(), database.name());
  ask(writer.session(), "BEGIN; INSERT INTO t VALUES (1)");
  const pid_t builder = start_forked([&] { return controller(database.ref(), files.path(), 2); });
  ASSERT_TRUE(eventually([&] { return database.waits_for_others().has_value(); }));
  RunResult ran;
  std::jthread queue([&] { ran = tool_->up(where); });
  queue.join();
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_TRUE(in_order(ran)) << ran.out << ran.err;
  ask(writer.session(), "COMMIT");
  EXPECT_EQ(wait_forked(builder), kConverged);
  EXPECT_EQ(tool_->up(where).exit_code, 0) << "it was told no, and has left nothing behind";
  writer.disconnect();
  database.wait_for_quiet();
  EXPECT_EQ(deadlocks(database), "0");
  EXPECT_EQ(ask_value(database.session(),
                      "SELECT indisvalid FROM pg_index WHERE indexrelid = "
                      "'t_a'::regclass"),
            "t");
  EXPECT_EQ(ask_value(database.session(), "SELECT version, dirty FROM schema_migrations"), "2");
}

}  // namespace
}  // namespace ripcord
