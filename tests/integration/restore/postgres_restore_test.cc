// SPDX-License-Identifier: Apache-2.0
// Loads on a real PostgreSQL: every dump format, what is refused, what belongs to the database.
#include "adapters/postgres/client_tools.h"
#include "tests/integration/restore/postgres_restores.h"

namespace ripcord {
namespace {

TEST_F(PostgresRestore, RestoresCustomDirectoryAndPlainDumps) {
  for (const BackupFormat format :
       {BackupFormat::kPgCustom, BackupFormat::kPgDirectory, BackupFormat::kPgPlain}) {
    SCOPED_TRACE(static_cast<int>(format));
    live_ = make_live();
    const Backup backup = dump("b" + std::to_string(static_cast<int>(format)), format);
    OpenedRestore restore = open();
    ASSERT_OK(restore.target->load(backup, {}));
    const auto counted = restore.target->count({});
    ASSERT_OK(counted);
    EXPECT_EQ(*counted, (std::vector<TableRows>{{"app.orders", 500}, {"public.users", 3}}));
    ASSERT_OK(restore.target->swap({}));
    EXPECT_EQ(users(live_), "ann,bob,cid");
    EXPECT_EQ(pg().psql(live_, "select count(*) from app.orders where note like E'tab\\t%'"),
              "500");
    EXPECT_EQ(users(names().previous), "old1,old2");
  }
}

TEST_F(PostgresRestore, ATruncatedPlainDumpIsRefusedBeforeAnythingIsMade) {
  const Backup backup = dump("cut.sql", BackupFormat::kPgPlain);
  std::filesystem::resize_file(backup.path, std::filesystem::file_size(backup.path) * 3 / 4);
  OpenedRestore restore = open();
  const Status refused = restore.target->load(backup, {});
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), testing::HasSubstr("cut short"));
  EXPECT_EQ(databases_like(names().side), "");
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, ACorruptCustomDumpSaysWhatPgRestoreSaid) {
  const Backup backup = dump("corrupt.dump", BackupFormat::kPgCustom);
  std::string content = read_file(backup.path);
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(content.size()) / 2, content.end(), 'x');
  write_file(backup.path, content);
  OpenedRestore restore = open();
  const Status failed = restore.target->load(backup, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("pg_restore of backup corrupt.dump failed: "));
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, APlainDumpCannotReachBeyondTheSideDatabase) {
  for (const std::string& line : {"\\connect " + live_, std::string("\\! touch /tmp/x"),
                                  std::string("\\i /etc/passwd"), std::string("\\o |cat")}) {
    SCOPED_TRACE(line);
    write_file(directory_ / "evil.sql",
               "create table users (name text);\n" + line + "\ndrop table users;\n");
    const Status refused =
        open().target->load({"evil.sql", BackupFormat::kPgPlain, directory_ / "evil.sql", 1}, {});
    EXPECT_CODE(refused, StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.message(), testing::HasSubstr("evil.sql line 2"));
  }
  // In the middle of a line only psql itself can tell.
  write_file(directory_ / "hidden.sql", "select 1 \\! touch " + (directory_ / "touched") + "\n");
  EXPECT_FALSE(
      open()
          .target->load({"hidden.sql", BackupFormat::kPgPlain, directory_ / "hidden.sql", 1}, {})
          .ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "touched"));
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(PostgresRestore, APlainDumpThatFailsHalfwayLeavesNothingLoaded) {
  write_file(directory_ / "half.sql", "create table users (name text);\nselect 1/0;\n");
  OpenedRestore restore = open();
  const Status failed =
      restore.target->load({"half.sql", BackupFormat::kPgPlain, directory_ / "half.sql", 1}, {});
  EXPECT_CODE(failed, StatusCode::kFailedPrecondition);
  EXPECT_THAT(failed.message(), testing::HasSubstr("division by zero"));
  EXPECT_FALSE(restore.target->read()->side_complete);
}

TEST_F(PostgresRestore, CarriesOverWhatBelongsToTheDatabase) {
  pg().psql("postgres",
            "do $$ declare r text; begin foreach r in array array['clerk', 'Boss'] loop if not "
            "exists (select from pg_roles where rolname = r) then execute format('create role %I', "
            "r); end if; end loop; end $$");
  pg().psql("postgres", "alter database " + live_ + " owner to \"Boss\"; alter database " + live_ +
                            " set search_path = \"$user\", app, public; alter database " + live_ +
                            " set work_mem = '7MB'; alter database " + live_ +
                            " set app.tenant = 'it''s me'; alter role clerk in database " + live_ +
                            " set statement_timeout = '5s'; alter database " + live_ +
                            " connection limit 17; revoke connect on database " + live_ +
                            " from public; grant connect on database " + live_ +
                            " to clerk with grant option; comment on database " + live_ +
                            " is 'the shop'");
  const auto properties = [](const std::string& database) {
    return pg().psql("postgres",
                     "select pg_get_userbyid(datdba), datconnlimit, (select string_agg(setrole || "
                     "':' || c, ';' order by setrole, c) from pg_db_role_setting, "
                     "unnest(setconfig) c where setdatabase = d.oid), (select string_agg(grantee "
                     "|| privilege_type || is_grantable, ';' order by grantee, privilege_type) "
                     "from aclexplode(datacl)), datcollate, encoding, datallowconn from "
                     "pg_database d where datname = '" +
                         database + "'");
  };
  const std::string before = properties(live_);
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(live_), "ann,bob,cid");
  EXPECT_EQ(properties(live_), before);
  EXPECT_THAT(pg().psql("postgres",
                        "select shobj_description(oid, 'pg_database') from "
                        "pg_database where datname = '" +
                            live_ + "'"),
              testing::StartsWith("the shop\nripcord: uid="));
}

TEST_F(PostgresRestore, AServerThatIsAwayIsUnavailable) {
  DatabaseRef nowhere;
  nowhere.url = "postgresql://postgres@127.0.0.1:" + std::to_string(free_port()) + "/shop";
  auto opened = restores_.open(nowhere, kUid);
  ASSERT_OK(opened);
  EXPECT_CODE(opened->target->read(), StatusCode::kUnavailable);
}

TEST(SecretlessConninfo, AddsOptionsToThoseOfTheUrlAndKeepsThePasswordToItself) {
  const auto added = postgres::secretless_conninfo(
      "postgresql://ann:s3cret@db/shop?options=-c%20geqo%3Doff", "side", "-c jit=off");
  ASSERT_OK(added);
  EXPECT_THAT(*added, testing::HasSubstr("options='-c geqo=off -c jit=off'"));
  EXPECT_THAT(*added, testing::HasSubstr("dbname='side'"));
  EXPECT_THAT(*added, testing::Not(testing::HasSubstr("s3cret")));
}

}  // namespace
}  // namespace ripcord
