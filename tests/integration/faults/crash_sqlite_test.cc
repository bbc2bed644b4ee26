// SPDX-License-Identifier: Apache-2.0
// kill -9 of the controller at every point of a migration and of a restore of SQLite databases, the
// writes of its own object store included.
#include "tests/integration/faults/controller_life.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/process.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

std::string sqlite3(const std::string& path, const std::string& sql) {
  const RunResult result = run({.argv = {"sqlite3", path, sql}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

// A directory that is put back to what it was when it was prepared.
class Stage {
 public:
  Stage() { std::filesystem::create_directories(now()); }
  std::string now() const { return directory_ / "now"; }
  std::string data() const { return now() + "/data"; }
  std::string in(const std::string& name) const { return now() + "/" + name; }
  void keep() { copy("now", "kept"); }
  void put_back() { copy("kept", "now"); }
  // All but the store and what SQLite itself keeps beside a database.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(now())) {
      const std::string name = entry.path().filename();
      if (name != "data" && !name.ends_with("-shm") && !name.ends_with("-wal")) {
        names.push_back(name);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string files() const {
    std::string text;
    for (const std::string& name : names()) {
      text += name + " ";
    }
    return text + "\n";
  }

 private:
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(directory_ / to);
    std::filesystem::copy(directory_ / from, directory_ / to,
                          std::filesystem::copy_options::recursive);
  }
  TempDir directory_;
};

Resource wanted_migration(const Stage& stage, std::int64_t version) {
  Resource object = make_resource(Kind::kMigrationVersion, "shop");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database = sqlite_ref(stage.in("shop.db"));
  spec.source.inline_migrations = sqlite_corpus();
  spec.version = version;
  spec.policy.data_loss = DataLossPolicy::kApprove;
  spec.approval = MigrationApproval{version, "alice", true};
  return object;
}

CrashScene migration_scene(Stage& stage, std::int64_t version) {
  stage.keep();
  return {stage.data(), [&stage] { stage.put_back(); },
          [&stage] {
            return sqlite3(stage.in("shop.db"),
                           "select group_concat(what, ' ') from (select what from log order by id);"
                           "select * from schema_migrations;"
                           "select version, name, up_digest, down_digest from ripcord_applied;"
                           "select count(*) from ripcord_journal;"
                           "select type, name from sqlite_master order by 1, 2;");
          },
          wanted_migration(stage, version)};
}

TEST(SqliteCrash, AMigrationUpEndsTheSameWhereverTheControllerIsKilled) {
  Stage stage;
  const std::string end = expect_same_end_wherever_killed(migration_scene(stage, 5), 50);
  EXPECT_THAT(end, HasSubstr("Ready=True Migrated"));
  EXPECT_THAT(end, HasSubstr("up1 up2 up3a up3b trigger up4 up5\n5|"));
}

TEST(SqliteCrash, AMigrationDownEndsTheSameWhereverTheControllerIsKilled) {
  Stage stage;
  live_undisturbed(stage.data(), wanted_migration(stage, 5));
  const std::string end = expect_same_end_wherever_killed(migration_scene(stage, 1), 40);
  EXPECT_THAT(end, HasSubstr("Ready=True Migrated"));
  EXPECT_THAT(end, HasSubstr("5>1 Spec Succeeded by alice\n"));
  EXPECT_THAT(end, HasSubstr("approval of 1 by alice used\n"));
  EXPECT_THAT(end, HasSubstr("up5 down5 down4 down3a down3b down2\n1|"));
}

class SqliteRestoreCrash : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(stage_.in("backups"));
    make("shop.db", "('old1'), ('old2')");
    make("backups/monday.db", "('ann'), ('bob'), ('cid')");
    stage_.keep();
    auto& spec = std::get<RestoreRequestSpec>(wanted_.spec);
    spec.database = sqlite_ref(stage_.in("shop.db"));
    spec.backup = "monday";
    spec.catalog_directory = stage_.in("backups");
    spec.approval = RestoreApproval{"monday", "alice"};
    spec.verification.queries = {{"select count(*) from users", 3, 3}};
  }
  RestoreRequestSpec& spec() { return std::get<RestoreRequestSpec>(wanted_.spec); }
  std::string end_wherever_killed(int at_least_points, const std::function<void()>& prepare = {}) {
    return expect_same_end_wherever_killed(
        {stage_.data(),
         [this, &prepare] {
           stage_.put_back();
           if (prepare) {
             prepare();
           }
         },
         [this] {
           std::string seen = stage_.files();
           for (const std::string& name : stage_.names()) {
             const bool side = name.starts_with("shop.db.ripcord-") && !name.ends_with("lock") &&
                               !name.ends_with(".state");
             if (name == "shop.db" || side || name.find("before") != std::string::npos) {
               seen += name + ": " +
                       sqlite3(stage_.in(name),
                               "select group_concat(name) from (select name from users order by "
                               "name)");
             }
           }
           return seen;
         },
         wanted_},
        at_least_points);
  }

  Stage stage_;
  Resource wanted_ = make_resource(Kind::kRestoreRequest, "undo");

 private:
  void make(const std::string& name, const std::string& users) {
    sqlite3(stage_.in(name),
            "create table users (name text primary key); insert into users values " + users);
  }
};

TEST_F(SqliteRestoreCrash, ARestoreEndsTheSameWhereverTheControllerIsKilled) {
  const std::string end = end_wherever_killed(30);
  EXPECT_THAT(end, HasSubstr("Ready=True Restored"));
  EXPECT_THAT(end, HasSubstr("shop.db: ann,bob,cid"));
  EXPECT_THAT(end, HasSubstr("before-UID: old1,old2"));
  EXPECT_THAT(end, HasSubstr(" Spec Succeeded by alice\n"));
}

TEST_F(SqliteRestoreCrash, ARestoreThatKeepsNothingEndsTheSameWhereverTheControllerIsKilled) {
  spec().keep_previous = Duration::zero();
  const std::string end = end_wherever_killed(32);
  EXPECT_THAT(end, HasSubstr("side [] previous []\n"));
  EXPECT_THAT(end, HasSubstr("\nbackups shop.db shop.db.ripcord-lock \n"))
      << "no side, no previous and no journal are left";
}

TEST_F(SqliteRestoreCrash, ADrillEndsTheSameWhereverTheControllerIsKilled) {
  spec().mode = RestoreMode::kDrill;
  const std::string end = end_wherever_killed(20);
  EXPECT_THAT(end, HasSubstr("Ready=True DrillSucceeded"));
  EXPECT_THAT(end, HasSubstr("side [] previous []\n"));
  EXPECT_THAT(end, HasSubstr("shop.db: old1,old2"));
}

TEST_F(SqliteRestoreCrash, TheWayBackEndsTheSameWhereverTheControllerIsKilled) {
  const Resource restored = wanted_;
  spec().revert = spec().approval->revert = true;
  const std::string end =
      end_wherever_killed(15, [&] { live_undisturbed(stage_.data(), restored); });
  EXPECT_THAT(end, HasSubstr("Ready=True Reverted"));
  EXPECT_THAT(end, HasSubstr("shop.db: old1,old2"));
  EXPECT_THAT(end, HasSubstr("shop.db.ripcord-UID: ann,bob,cid"));
  EXPECT_THAT(end, HasSubstr("previous []"));
  EXPECT_THAT(end, testing::Not(HasSubstr("shop.db.before-UID:")));
}

TEST_F(SqliteRestoreCrash, AFailedVerificationEndsTheSameWhereverTheControllerIsKilled) {
  spec().verification.queries[0] = {"select count(*) from users", 4, std::nullopt};
  const std::string end = end_wherever_killed(20);
  EXPECT_THAT(end, HasSubstr("Stalled=True VerificationFailed"));
  EXPECT_THAT(end, HasSubstr("shop.db: old1,old2"));
  EXPECT_THAT(end, testing::Not(HasSubstr("ripcord-UID")));
}

}  // namespace
}  // namespace ripcord
