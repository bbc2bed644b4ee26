// SPDX-License-Identifier: Apache-2.0
// The crash matrix on SQLite: 30 migrations up and down in the layout of every tool, the controller
// killed at every point before and after a statement, and at random instants in between.
#include "adapters/sqlite/connection.h"
#include "tests/integration/crash_matrix/corpus.h"
#include "tests/integration/crash_matrix/matrix.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kTop = 30;
constexpr int kBottom = 1;  // whose down would drop the ledger
constexpr auto kDialect = codec::SqlDialect::kSqlite;

std::string lines(sqlite::Connection& connection, const std::string& sql) {
  const auto rows = connection.query(sql);
  if (!rows) {
    return "";
  }
  std::string text;
  for (const auto& row : rows->rows) {
    for (const auto& value : row) {
      text += value.value_or("NULL") + "|";
    }
    text += "\n";
  }
  return text;
}

class CrashMatrixSqlite : public ::testing::TestWithParam<MigrationLayout> {
 protected:
  void SetUp() override {
    RecordProperty("seed", std::to_string(matrix_seed()));
    write_corpus(sqlite_shop(), kDialect, GetParam(), files_.path());
  }

  static int percent(int of_others) {
    return GetParam() == MigrationLayout::kGolangMigrate ? 100 : of_others;
  }
  int controller(const std::string& path, int version, const Trace& trace = {}) {
    Harness harness(sqlite_ref(path), {}, trace);
    harness.spec().source.directory = files_.path();
    harness.go(version_in(GetParam(), version));
    return exit_code_of(harness);
  }
  static std::vector<int> legs_to(int version) {
    return version == kTop ? legs(0, kTop) : legs(kTop, kBottom);
  }
  std::string dump(const std::string& path) const {
    auto connection = sqlite::Connection::open(path, sqlite::OpenMode::kReadWrite);
    EXPECT_OK(connection);
    std::string text = lines(*connection,
                             "SELECT type, name, replace(sql, char(10), ' ') FROM "
                             "sqlite_master WHERE name NOT LIKE 'sqlite_auto%'");
    const auto tables = connection->query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('ripcord_applied', "
        "'schema_migrations', 'goose_db_version', 'flyway_schema_history', 'gorp_migrations', "
        "'atlas_schema_revisions', 'sqlite_sequence')");
    for (const auto& table : tables->rows) {
      const std::string name = table[0].value_or("");
      for (const std::string& row :
           {lines(*connection, fmt::format("SELECT '{0}', * FROM \"{0}\"", name))}) {
        text += row;
      }
    }
    text += lines(*connection,
                  "SELECT 'record', version, name, previous, up_digest, down_digest FROM "
                  "ripcord_applied");
    return text + lines(*connection, history_query(GetParam())) +
           lines(*connection, "PRAGMA integrity_check");
  }
  std::string calm(const std::string& from, int version) {
    const std::string path = files_ / fmt::format("calm{}.db", version);
    if (!from.empty()) {
      std::filesystem::copy_file(from, path);
    }
    EXPECT_EQ(wait_forked(start_forked([&] { return controller(path, version); })), kConverged);
    return path;
  }
  // Runs `to_the_end` on a database that is at the bottom, and on one that is at the top.
  void up_and_down(const std::function<void(const std::string& path, int version)>& to_the_end) {
    const std::string top = calm("", kTop);
    to_the_end(files_ / "up.db", kTop);
    EXPECT_EQ(differences(dump(top), dump(files_ / "up.db")), "");
    if (GetParam() == MigrationLayout::kAtlas) {
      return;  // it has no downs
    }
    const std::string bottom = calm(top, kBottom);
    std::filesystem::copy_file(top, files_ / "down.db");
    to_the_end(files_ / "down.db", kBottom);
    EXPECT_EQ(differences(dump(bottom), dump(files_ / "down.db")), "");
  }

  TempDir files_;
};

TEST_P(CrashMatrixSqlite, KilledAtEveryPoint) {
  up_and_down([&](const std::string& path, int version) {
    const auto committed = [&]() -> std::string {
      auto witness = sqlite::Connection::open(path, sqlite::OpenMode::kReadWrite);
      return witness ? lines(*witness, "SELECT count(*) FROM ripcord_applied") +
                           lines(*witness,
                                 "SELECT version, direction, step, finished_at IS NOT NULL FROM "
                                 "ripcord_journal")
                     : "nothing";
    };
    PointKiller killer(committed, percent(12));
    for (const int leg : legs_to(version)) {
      while (true) {
        const int code = wait_forked(start_forked([&] {
          return controller(path, leg, [&](std::string_view point) { killer.pass(point); });
        }));
        if (code == kConverged) {
          break;
        }
        ASSERT_EQ(code, 128 + SIGKILL) << "after " << killer.last();
        killer.remember();
      }
    }
    EXPECT_GT(killer.kills(), percent(0) == 100 ? 150U : 5U);
    RecordProperty("kills", static_cast<int>(killer.kills()));
  });
}

TEST_P(CrashMatrixSqlite, KilledAtAnyInstant) {
  const bool drawn = kLayouts[1 + matrix_seed() % (kLayouts.size() - 1)] == GetParam();
  if (!drawn && GetParam() != MigrationLayout::kGolangMigrate && !whole_matrix()) {
    GTEST_SKIP() << "not in this sample (RIPCORD_CRASH_MATRIX=full takes all)";
  }
  up_and_down([&](const std::string& path, int version) {
    std::uniform_int_distribution<int> life(0, 8000);  // microseconds behind the lock
    int kills = 0;
    for (const int leg : legs_to(version)) {
      while (true) {
        int ready[2];
        ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
        const pid_t pid = start_forked([&] {
          return controller(path, leg, [&](std::string_view point) {
            if (point == "after locking") {
              static_cast<void>(!::write(ready[1], "x", 1));
            }
          });
        });
        ::close(ready[1]);
        char there = 0;
        static_cast<void>(!::read(ready[0], &there, 1));
        ::close(ready[0]);
        // One that gets nowhere in so short a life gets a longer one.
        std::this_thread::sleep_for(std::chrono::microseconds(life(matrix_random()) + kills * 50));
        ::kill(pid, SIGKILL);
        const int code = wait_forked(pid);
        if (code == kConverged) {
          break;
        }
        ASSERT_EQ(code, 128 + SIGKILL);
        ASSERT_LT(++kills, 5000);
      }
    }
    RecordProperty("kills", kills);
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, CrashMatrixSqlite, ::testing::ValuesIn(kLayouts),
                         [](const auto& layout) { return test_name(layout.param); });

class StalledSqlite : public ::testing::Test {
 protected:
  // Killed after the second of the statements of 1.
  void SetUp() override {
    int commits = 0;
    file("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
    const int code = wait_forked(start_forked([&] {
      Harness harness(sqlite_ref(path_), {}, [&](std::string_view point) {
        commits += point == "after COMMIT" ? 1 : 0;
        if (commits == 2) {
          ::raise(SIGKILL);
        }
      });
      harness.spec().source.directory = files_.path();
      harness.go(1);
      return kRefused;
    }));
    ASSERT_EQ(code, 128 + SIGKILL);
  }
  void file(const std::string& rest) {
    write_file(files_ / "1_half.sql",
               "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE t (a int);\n" + rest + "\n");
  }
  std::string go() {
    Harness harness(sqlite_ref(path_), {});
    harness.spec().source.directory = files_.path();
    harness.go(1);
    return harness.verdict();
  }
  std::string rows() {
    auto connection = sqlite::Connection::open(path_, sqlite::OpenMode::kReadWrite);
    return lines(*connection, "SELECT a FROM t ORDER BY a");
  }

  TempDir files_;
  const std::string path_ = files_ / "app.db";
};

TEST_F(StalledSqlite, AScriptThatWasChangedHalfWayWaitsUntilItIsBackAsItWas) {
  file("INSERT INTO t VALUES (10);\nINSERT INTO t VALUES (2);");
  const std::string verdict = go();
  EXPECT_THAT(verdict, ::testing::HasSubstr("ScriptChanged"));
  EXPECT_THAT(verdict, ::testing::HasSubstr("statement 2"));
  EXPECT_THAT(verdict, ::testing::HasSubstr("bring the script back as it was"));
  EXPECT_EQ(rows(), "1|\n");
  file("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1|\n2|\n");
}

TEST_F(StalledSqlite, AFileThatIsGoneHalfWayIsAskedFor) {
  std::filesystem::remove(files_ / "1_half.sql");
  write_file(files_ / "2_next.sql", "-- +goose Up\nSELECT 1;\n");
  const std::string verdict = go();
  EXPECT_THAT(verdict, ::testing::HasSubstr("UnfinishedMigration"));
  EXPECT_THAT(verdict, ::testing::HasSubstr("2 of 3 statements are done"));
  EXPECT_THAT(verdict, ::testing::HasSubstr("bring the file back"));
  EXPECT_EQ(rows(), "1|\n");
  file("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1|\n2|\n");
}

TEST_F(StalledSqlite, AStatementThatFailsHalfWaySaysWhatHolds) {
  file("INSERT INTO t VALUES (1);\nINSERT INTO missing VALUES (2);");
  EXPECT_THAT(go(), ::testing::HasSubstr("StatementFailed"));
  EXPECT_THAT(go(), ::testing::HasSubstr("2 of 3 statements hold"));
  file("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
  EXPECT_EQ(go(), "Ready");
  EXPECT_EQ(rows(), "1|\n2|\n");
}

}  // namespace
}  // namespace ripcord
