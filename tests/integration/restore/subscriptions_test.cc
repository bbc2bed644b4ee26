// SPDX-License-Identifier: Apache-2.0
// Subscriptions to logical replication, and locales: what a side database is made with.
#include "adapters/postgres/restore_create.h"
#include "tests/integration/restore/postgres_restores.h"

namespace ripcord {
namespace {

class Subscriber : public PostgresRestore {
 protected:
  void SetUp() override {
    PostgresRestore::SetUp();
    if (!IsSkipped()) {
      pg().psql(live_,
                "create subscription feed connection 'host=127.0.0.1 port=1 dbname=nowhere' "
                "publication p with (connect = false)");
    }
  }
  void TearDown() override {
    if (IsSkipped()) {
      return;
    }
    for (const std::string& database : {live_, names().previous}) {
      if (databases_like(database) == database && subscriptions(database) != "0") {
        pg().psql(
            database,
            "alter subscription feed disable; alter subscription feed set (slot_name = none)");
        pg().psql(database, "drop subscription feed");
      }
    }
  }
  static std::string subscriptions(const std::string& database) {
    return pg().psql("postgres",
                     "select count(*) from pg_subscription s join pg_database d on d.oid = "
                     "s.subdbid where datname = '" +
                         database + "'");
  }
  Backup dump_live(const std::string& name, BackupFormat format, const std::string& how) {
    const RunResult dumped =
        run({.argv = {"pg_dump", how, "-f", directory_ / name, "-d", pg().url(live_)}});
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
    return {name, format, directory_ / name, 1};
  }
};

TEST_F(Subscriber, WritesToNoPreviousDatabase) {
  pg().psql(live_, "alter subscription feed enable");
  OpenedRestore restore = open();
  ASSERT_OK(restore.target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  const auto refused = restore.target->swap({});
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(status_of(refused).reason(), "Subscriptions");
  EXPECT_THAT(status_of(refused).message(), testing::HasSubstr(": feed;"));
  EXPECT_EQ(users(live_), "old1,old2");
  pg().psql(live_, "alter subscription feed disable");
  ASSERT_OK(restore.target->swap({}));
  EXPECT_EQ(users(live_), "ann,bob,cid");
}

TEST_F(Subscriber, IsNotMadeAnewSoThatTheSideCanBeDropped) {
  for (const BackupFormat format : {BackupFormat::kPgCustom, BackupFormat::kPgDirectory}) {
    const bool custom = format == BackupFormat::kPgCustom;
    OpenedRestore restore = open();
    ASSERT_OK(restore.target->load(
        dump_live(custom ? "b.dump" : "b.dir", format, custom ? "-Fc" : "-Fd"), {}));
    EXPECT_EQ(subscriptions(names().side), "0");
    EXPECT_OK(restore.leftovers->drop_side());
    EXPECT_EQ(databases_like(names().side), "");
  }
}

TEST_F(Subscriber, IsFoundInAPlainDumpBeforeItIsLoaded) {
  const Status refused = open().target->load(dump_live("b.sql", BackupFormat::kPgPlain, "-Fp"), {});
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.reason(), "UnsafeBackup");
  EXPECT_THAT(refused.message(), testing::HasSubstr("--no-subscriptions"));
  EXPECT_EQ(databases_like(names().side), "");
}

TEST_F(PostgresRestore, TheSideSortsAsTheLiveDatabaseDoes) {
  live_ = fresh_database(pg(), "live");
  pg().psql("postgres", "drop database " + live_);
  pg().psql("postgres", "create database " + live_ +
                            " template template0 encoding 'UTF8' locale_provider icu icu_locale "
                            "'sv-SE' lc_collate 'C' lc_ctype 'C'");
  pg().psql(live_, "create table users (name text primary key)");
  ASSERT_OK(open().target->load(dump("b.dump", BackupFormat::kPgCustom), {}));
  EXPECT_EQ(pg().psql("postgres",
                      "select datlocprovider, daticulocale from pg_database where datname = '" +
                          names().side + "'"),
            "i|sv-SE");
}

TEST(LocaleClause, NamesTheProviderThatADatabaseWasMadeWith) {
  EXPECT_EQ(postgres::locale_clause("c", "", ""), "");
  EXPECT_EQ(postgres::locale_clause("i", "sv-SE", ""), " locale_provider icu icu_locale 'sv-SE'");
  EXPECT_EQ(postgres::locale_clause("i", "und", "&a < b"),
            " locale_provider icu icu_locale 'und' icu_rules '&a < b'");
  EXPECT_EQ(postgres::locale_clause("b", "C.UTF-8", ""),
            " locale_provider builtin builtin_locale 'C.UTF-8'");
}

}  // namespace
}  // namespace ripcord
