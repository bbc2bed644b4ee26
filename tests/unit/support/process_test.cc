// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include "tests/support/postgres_cluster.h"

#include <csignal>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

TEST(ChildProcess, AnswersOverPipesAndTellsItsExitCode) {
  ChildProcess cat({.argv = {"cat"}, .pipe_stdin = true});
  cat.write_stdin("one\ntwo\n");
  EXPECT_EQ(cat.read_line(), "one");
  EXPECT_EQ(cat.read_line(), "two");
  cat.close_stdin();
  EXPECT_EQ(cat.wait(), 0);
}

TEST(ChildProcess, IsReportedAsKilledBySignal) {
  ChildProcess sleep({.argv = {"sleep", "60"}});
  sleep.signal(SIGKILL);
  EXPECT_EQ(sleep.wait(), 128 + SIGKILL);
  EXPECT_EQ(run_forked([] { return raise(SIGKILL); }), 128 + SIGKILL);
}

TEST(PostgresCluster, KeepsCommittedRowsOverAKill) {
  if (!PostgresCluster::available()) {
    GTEST_SKIP() << "PostgreSQL 15 is not installed";
  }
  PostgresCluster cluster;
  const std::string db = fresh_database(cluster);
  cluster.psql(db, "create table t(a int); insert into t values (7)");
  cluster.kill9();
  cluster.start();
  EXPECT_EQ(cluster.psql(db, "select a from t"), "7");
}

}  // namespace
}  // namespace ripcord
