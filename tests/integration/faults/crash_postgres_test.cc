// SPDX-License-Identifier: Apache-2.0
// kill -9 of the controller at every point of a migration and of a restore of PostgreSQL databases,
// the writes of its own object store included.
#include "tests/integration/faults/controller_life.h"
#include "tests/integration/migrations/harness.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class PostgresCrash : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    // No test here cuts the power, and DROP DATABASE waits for a checkpoint.
    pg().psql("postgres", "alter system set fsync = off");
    pg().psql("postgres", "select pg_reload_conf()");
    drop_all();
  }
  static PostgresCluster& pg() { return shared_cluster(); }
  static void drop_all() {
    const std::string drops =
        pg().psql("postgres",
                  "select string_agg('drop database ' || quote_ident(datname) || ' with (force)', "
                  "';' || chr(10)) from pg_database where datname like 'shop%'");
    pg().psql("postgres", drops);
  }
  // `shop` as it is in the template `kept`, and the data directory of that time.
  void keep() {
    pg().psql("postgres", "drop database if exists kept with (force)");
    pg().psql("postgres", "create database kept template shop");
    std::filesystem::remove_all(directory_ / "kept");
    std::filesystem::create_directories(data());
    std::filesystem::copy(data(), directory_ / "kept", std::filesystem::copy_options::recursive);
  }
  void put_back() {
    drop_all();
    pg().psql("postgres", "create database shop template kept strategy file_copy");
    std::filesystem::remove_all(data());
    std::filesystem::copy(directory_ / "kept", data(), std::filesystem::copy_options::recursive);
  }
  std::string data() const { return directory_ / "data"; }

  TempDir directory_;
};

class PostgresMigrationCrash : public PostgresCrash {
 protected:
  static Resource wanted(std::int64_t version) {
    Resource object = make_resource(Kind::kMigrationVersion, "shop");
    auto& spec = std::get<MigrationVersionSpec>(object.spec);
    spec.database = postgres_ref(pg().url("shop"));
    spec.source.inline_migrations = postgres_corpus();
    spec.version = version;
    spec.policy.data_loss = DataLossPolicy::kApprove;
    spec.approval = MigrationApproval{version, "alice", true};
    return object;
  }
  CrashScene scene(std::int64_t version) {
    keep();
    return {data(), [this] { put_back(); },
            [] {
              return pg().psql("shop",
                               "select string_agg(what, ' ' order by id) from log;"
                               "select version, dirty from schema_migrations;"
                               "select version, name, previous from ripcord.applied order by 1;"
                               "select count(*) from ripcord.journal;"
                               "select c.relname, c.relkind, i.indisvalid from pg_class c left "
                               "join pg_index i on i.indexrelid = c.oid where c.relnamespace = "
                               "'public'::regnamespace order by 1;");
            },
            wanted(version)};
  }
};

TEST_F(PostgresMigrationCrash, UpEndsTheSameWhereverTheControllerIsKilled) {
  pg().psql("postgres", "create database shop");
  const std::string end = expect_same_end_wherever_killed(scene(3), 40);
  EXPECT_THAT(end, HasSubstr("Ready=True Migrated"));
  EXPECT_THAT(end, HasSubstr("up1 up2 up3a up3b\n3|f"));
}

TEST_F(PostgresMigrationCrash, DownEndsTheSameWhereverTheControllerIsKilled) {
  pg().psql("postgres", "create database shop");
  live_undisturbed(data(), wanted(3));
  const std::string end = expect_same_end_wherever_killed(scene(1), 25);
  EXPECT_THAT(end, HasSubstr("3>1 Spec Succeeded by alice\n"));
  EXPECT_THAT(end, HasSubstr("up3b down3a down3b down2\n1|f"));
}

class PostgresRestoreCrash : public PostgresCrash {
 protected:
  void SetUp() override {
    PostgresCrash::SetUp();
    if (IsSkipped()) {
      return;
    }
    pg().psql("postgres", "create database shop");
    pg().psql("shop", "create table users (name text); insert into users values ('old1')");
    keep();
    std::filesystem::create_directory(directory_ / "backups");
    write_file(directory_ / "backups/monday.sql",
               "create table users (name text);\ninsert into users values ('ann'), ('bob');\n");
    spec().database = postgres_ref(pg().url("shop"));
    spec().backup = "monday";
    spec().catalog_directory = directory_ / "backups";
    spec().approval = RestoreApproval{"monday", "alice"};
    spec().verification.queries = {{"select count(*) from users", 2, 2}};
  }
  RestoreRequestSpec& spec() { return std::get<RestoreRequestSpec>(wanted_.spec); }
  std::string end_wherever_killed(int at_least_points) {
    return expect_same_end_wherever_killed({data(), [this] { put_back(); }, look, wanted_},
                                           at_least_points);
  }
  // Every database there is, whether it lets clients in, and who is in it.
  static std::string look() {
    std::string seen;
    std::string names = pg().psql("postgres",
                                  "select string_agg(datname, ' ' order by datname) || ' ' from "
                                  "pg_database where datname like 'shop%' and datallowconn");
    seen += pg().psql("postgres",
                      "select datname, datallowconn, regexp_replace(shobj_description(oid, "
                      "'pg_database'), 'uid=[^ ]+', '') from pg_database where datname like "
                      "'shop%' order by 1") +
            "\n";
    for (std::size_t at = 0; (at = names.find(' ')) != std::string::npos; names.erase(0, at + 1)) {
      const std::string name = names.substr(0, at);
      seen += name + ": " +
              pg().psql(name, "select string_agg(name, ',' order by name) from users") + "\n";
    }
    return seen;
  }

  Resource wanted_ = make_resource(Kind::kRestoreRequest, "undo");
};

TEST_F(PostgresRestoreCrash, ARestoreEndsTheSameWhereverTheControllerIsKilled) {
  const std::string end = end_wherever_killed(35);
  EXPECT_THAT(end, HasSubstr("Ready=True Restored"));
  EXPECT_THAT(end, HasSubstr("shop: ann,bob\n"));
  EXPECT_THAT(end, HasSubstr("shop_before_UID: old1\n"));
  EXPECT_THAT(end, HasSubstr(" Spec Succeeded by alice\n"));
}

TEST_F(PostgresRestoreCrash, ARestoreThatKeepsNothingEndsTheSameWhereverTheControllerIsKilled) {
  spec().keep_previous = Duration::zero();
  const std::string end = end_wherever_killed(37);
  EXPECT_THAT(end, HasSubstr("side [] previous []\n"));
  EXPECT_THAT(end, HasSubstr("shop: ann,bob\n"));
  EXPECT_THAT(end, testing::Not(HasSubstr("before")));
}

TEST_F(PostgresRestoreCrash, AFailedVerificationEndsTheSameWhereverTheControllerIsKilled) {
  spec().verification.queries[0] = {"select count(*) from users", 4, std::nullopt};
  const std::string end = end_wherever_killed(20);
  EXPECT_THAT(end, HasSubstr("Stalled=True VerificationFailed"));
  EXPECT_THAT(end, HasSubstr("shop: old1\n"));
  EXPECT_THAT(end, testing::Not(HasSubstr("shop_ripcord")));
}

}  // namespace
}  // namespace ripcord
