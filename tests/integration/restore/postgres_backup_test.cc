// SPDX-License-Identifier: Apache-2.0
// Backups of a real PostgreSQL and what a restore makes of them: proven when they are whole, found
// out in every way in which they can be damaged.
#include "adapters/postgres/backup_source.h"
#include "adapters/postgres/restore_checks.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/process/child_runner.h"
#include "tests/integration/restore/request_fixture.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/support/postgres_cluster.h"

#include <atomic>
#include <thread>

namespace ripcord {
namespace {

// What dumps are known to render anew, and what sums are known to miss.
constexpr const char* kShop = R"sql(
create schema app; create schema "Odd ""name""";
create type app.mood as enum ('sad', 'ok');
create domain app.price as numeric(12,2) check (value >= 0);
create table users (id bigint generated always as identity primary key, name text unique not null,
  t text, status varchar(10) default 'new' check (status in ('new', 'old')), born date, at timestamptz default now(),
  ratio double precision, raw bytea, doc jsonb, mood app.mood default 'ok', pause interval, paid money,
  upper_name text generated always as (upper(name)) stored);
insert into users (name, t, born, ratio, raw, doc, pause, paid) select 'u' || i, E'tab\there, "quote", \\ é',
  date '2024-01-31' + i, i / 3.0, decode('00ff', 'hex'), '{"a": [1, null]}', interval '1 mon 2 days', 12.5
  from generate_series(1, 300) i;
insert into users (name) values ('nulls');
create table app.orders (id serial primary key, user_id bigint references users, price app.price, note text);
insert into app.orders (user_id, price) select 1, 9.99 from generate_series(1, 500);
create index on app.orders (note) where note in ('a', 'b');
create table app.log (line text); insert into app.log select 'same' from generate_series(1, 4);
create table app.parent (a int, b int); create table app.child (c int) inherits (app.parent);
alter table app.parent add column later text; insert into app.child values (1, 2, 3, 'x');
create table app.parts (k int, v text) partition by range (k);
create table app.parts_1 partition of app.parts for values from (0) to (10);
insert into app.parts values (5, 'five');
create table "Odd ""name"""."Ta ""ble" ("co l" int, "t" int); insert into "Odd ""name"""."Ta ""ble" values (1, 2);
create table nothing ();
create view app.v as select u.name, o.note from users u join app.orders o on o.user_id = u.id where u.status in ('new');
create function app.f(i int) returns int language sql as 'select i + 1';
create function app.touch() returns trigger language plpgsql as 'begin new.note = coalesce(new.note, ''''); return new; end';
create trigger touch before update on app.orders for each row execute function app.touch();
alter table app.orders enable row level security; create policy mine on app.orders using (note in ('x', 'y'));
alter table users drop column born; comment on table users is 'people';
)sql";

class PostgresBackup : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    pg().psql("postgres", "alter system set fsync = off");
    pg().psql("postgres", "select pg_reload_conf()");
    std::filesystem::create_directory(catalog_);
    live_ = fresh_database(pg(), "live");
    pg().psql(live_, kShop);
    requests_.spec.database = ref();
    requests_.spec.catalog_directory = catalog_;
  }
  static PostgresCluster& pg() { return shared_cluster(); }
  DatabaseRef ref() const {
    DatabaseRef made;
    made.url = pg().url(live_);
    return made;
  }
  std::string take(const std::string& name = "monday",
                   BackupFormat format = BackupFormat::kPgCustom) {
    const auto path = take_backup(source_, ref(), catalog_, name, format, clock_);
    EXPECT_OK(path);
    return path.value_or("");
  }
  void change_live() {
    pg().psql(live_,
              "insert into app.log select 'late' from generate_series(1, 7); delete from "
              "app.orders where id > 100; create table fresh (a int); insert into fresh "
              "values (1)");
  }
  static std::string databases() {
    return pg().psql("postgres",
                     "select string_agg(datname, ' ' order by datname) from pg_database");
  }
  std::string log_lines() const { return pg().psql(live_, "select count(*) from app.log"); }
  // Refused before anything was made, with the live database as it was.
  void expect_found(const std::string& reason) {
    const std::string before = databases();
    requests_.create();
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), reason) << requests_.ready_message();
    EXPECT_EQ(databases(), before);
    EXPECT_EQ(log_lines(), "4");
    requests_.remove();
  }

  TempDir directory_;
  const std::string catalog_ = directory_ / "catalog";
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresBackups source_{runner_, clock_};
  postgres::PostgresRestores restores_{runner_, clock_};
  RequestFixture requests_{restores_, clock_};
  std::string live_;
};

TEST_F(PostgresBackup, ComesBackWithEveryRowAndDefinition) {
  for (const BackupFormat format : {BackupFormat::kPgCustom, BackupFormat::kPgDirectory}) {
    SCOPED_TRACE(static_cast<int>(format));
    const std::string name = format == BackupFormat::kPgCustom ? "monday" : "tuesday";
    live_ = fresh_database(pg(), "live");
    pg().psql(live_, kShop);
    requests_.spec.database = ref();
    requests_.spec.backup = requests_.spec.approval->backup = name;
    take(name, format);
    change_live();
    requests_.create();
    requests_.reconcile();
    const RestoreRequestStatus status = requests_.status();
    EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
    EXPECT_EQ(status.phase, RestorePhase::kCompleted);
    EXPECT_TRUE(status.source && status.source->manifest);
    EXPECT_EQ(log_lines(), "4");
    EXPECT_EQ(status.rows_since_backup, 7 + 1);
    ASSERT_TRUE(status.rpo_seconds && status.rto_seconds);
    EXPECT_EQ(requests_.metrics.values["ripcord_restore_rpo_seconds default undo"],
              *status.rpo_seconds);
    EXPECT_EQ(requests_.metrics.values["ripcord_restore_rto_seconds default undo"],
              *status.rto_seconds);
    requests_.remove();
  }
}

TEST_F(PostgresBackup, HasTheRowsOfOneMomentWhileClientsWrite) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) {
      pg().psql(live_,
                "insert into app.log select 'busy' from generate_series(1, 50); update users "
                "set t = 'changed' where id % 7 = 1; delete from app.orders where id = (select "
                "min(id) from app.orders)");
    }
  });
  take();
  stop = true;
  writer.join();
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
}

TEST_F(PostgresBackup, ManifestSaysWhatItIs) {
  const std::string path = take();
  const auto manifest = codec::parse_backup_manifest(read_file(manifest_path(path)));
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->database, live_);
  EXPECT_THAT(manifest->lsn, testing::MatchesRegex("[0-9A-F]+/[0-9A-F]+"));
  EXPECT_THAT(manifest->tool, testing::StartsWith("pg_dump (PostgreSQL) "));
  EXPECT_GT(manifest->server_version, 130000);
  EXPECT_GE(manifest->ended_at, manifest->started_at);
  ASSERT_EQ(manifest->files.size(), 1U);
  EXPECT_EQ(manifest->files[0].bytes, static_cast<std::int64_t>(std::filesystem::file_size(path)));
  const auto& tables = manifest->contents.tables;
  const auto log = std::find_if(tables.begin(), tables.end(),
                                [](const TableContents& t) { return t.table == "app.log"; });
  ASSERT_NE(log, tables.end());
  EXPECT_EQ(log->rows, 4);
  EXPECT_NE(log->sum, "0");  // equal rows do not cancel each other out
}

TEST_F(PostgresBackup, EveryDamageToAFileIsFoundBeforeAnythingIsLoaded) {
  const std::string path = take();
  const std::string whole = read_file(path);
  for (const double part : {0.0, 0.1, 0.5, 0.9, 0.999}) {
    SCOPED_TRACE(part);
    write_file(path,
               whole.substr(0, static_cast<std::size_t>(static_cast<double>(whole.size()) * part)));
    expect_found(part == 0.0 ? "UnknownBackupFormat" : "CorruptBackup");
  }
  for (const std::size_t at : {std::size_t{20}, whole.size() / 3, whole.size() - 1}) {
    SCOPED_TRACE(at);
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    write_file(path, flipped);
    expect_found("CorruptBackup");
  }
  write_file(path, whole + "x");
  expect_found("CorruptBackup");
}

TEST_F(PostgresBackup, EveryDamageToADirectoryIsFoundBeforeAnythingIsLoaded) {
  const std::string path = take("monday", BackupFormat::kPgDirectory);
  std::string part;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    part = file.path().extension() == ".gz" ? file.path().string() : part;
  }
  ASSERT_NE(part, "");
  const std::string whole = read_file(part);
  std::filesystem::remove(part);
  expect_found("CorruptBackup");
  write_file(part, whole.substr(0, whole.size() / 2));
  expect_found("CorruptBackup");
  write_file(part, whole);
  write_file(path + "/more.dat.gz", "x");
  expect_found("CorruptBackup");
}

TEST_F(PostgresBackup, EveryDamageToTheManifestIsFound) {
  const std::string path = take();
  const std::string whole = read_file(manifest_path(path));
  write_file(manifest_path(path), whole.substr(0, whole.size() / 2));
  expect_found("BadManifest");
  write_file(manifest_path(path), "");
  expect_found("BadManifest");
  std::string edited = whole;
  edited.replace(edited.find("\"rows\":4"), 8, "\"rows\":3");
  write_file(manifest_path(path), edited);
  expect_found("BadManifest");
  pg().psql(live_, "update users set t = 'x' where id = 1");
  const std::string other = take("other");
  write_file(manifest_path(path), read_file(manifest_path(other)));
  expect_found("CorruptBackup");
}

TEST_F(PostgresBackup, WhatTheServerLacksIsFoundBeforeAnythingIsLoaded) {
  const std::string path = take();
  const std::string whole = read_file(manifest_path(path));
  change_manifest(path, [](BackupManifest& m) { m.server_version = 990001; });
  expect_found("WrongVersion");
  write_file(manifest_path(path), whole);
  change_manifest(path, [](BackupManifest& m) { m.extensions.emplace_back("no_such_thing"); });
  expect_found("ExtensionMissing");
  write_file(manifest_path(path), whole);
  change_manifest(path, [](BackupManifest& m) { m.roles.emplace_back("nobody_here"); });
  expect_found("RoleMissing");
  write_file(manifest_path(path), whole);
  change_manifest(path, [](BackupManifest& m) { m.engine = Engine::kSqlite; });
  expect_found("WrongBackupFormat");
  write_file(manifest_path(path), whole);
  // The disk of a server is seen through its socket alone.
  change_manifest(path, [](BackupManifest& m) { m.database_bytes = std::int64_t{1} << 60; });
  requests_.spec.database.url = "postgresql://postgres@/" + live_ + "?host=" + pg().socket_dir() +
                                "&port=" + std::to_string(pg().port());
  expect_found("DiskFull");
}

TEST_F(PostgresBackup, ATableThatCameBackOtherwiseIsNamedBeforeTheSwap) {
  const std::string path = take();
  const std::string whole = read_file(manifest_path(path));
  const auto of = [](BackupManifest& m, const std::string& name) -> TableContents& {
    return *std::find_if(m.contents.tables.begin(), m.contents.tables.end(),
                         [&](const TableContents& t) { return t.table == name; });
  };
  const std::vector<std::pair<std::function<void(BackupManifest&)>, std::string>> cases = {
      {[&](BackupManifest& m) { of(m, "app.log").rows = 5; }, "app.log has 4 rows instead of 5"},
      {[&](BackupManifest& m) { of(m, "app.orders").sum = "17"; }, "app.orders has other rows"},
      {[&](BackupManifest& m) { of(m, "public.users").schema = "x"; },
       "public.users has other columns"},
      {[&](BackupManifest& m) { m.contents.schema = "x"; }, "views, functions"},
      {[&](BackupManifest& m) { m.contents.tables.pop_back(); }, "was not backed up"}};
  for (const auto& [change, why] : cases) {
    SCOPED_TRACE(why);
    write_file(manifest_path(path), whole);
    change_manifest(path, change);
    expect_found("ContentsDiffer");
    requests_.create();
    requests_.reconcile();
    EXPECT_THAT(requests_.ready_message(), testing::HasSubstr(why));
    requests_.remove();
  }
}

TEST_F(PostgresBackup, WithoutAManifestTheDumpItselfIsAskedForItsExtensions) {
  pg().psql(live_, "create extension citext");
  const std::string path = take();
  std::filesystem::remove(manifest_path(path));
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  EXPECT_FALSE(requests_.status().source->manifest);
}

TEST_F(PostgresBackup, RolesAndGrantsComeBackAndOtherDatabasesAreLeftAlone) {
  pg().psql("postgres",
            "do $$ begin if not exists (select from pg_roles where rolname = "
            "'reader') then create role reader; end if; end $$");
  const std::string other = fresh_database(pg(), "other");
  pg().psql(other, "create table kept (a int); insert into kept values (1)");
  pg().psql(live_,
            "grant select on users to reader; grant usage on schema app to reader; "
            "alter table app.log owner to reader");
  take();
  pg().psql(live_, "revoke select on users from reader; alter table app.log owner to postgres");
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  EXPECT_EQ(pg().psql(live_,
                      "select has_table_privilege('reader', 'users', 'select'), "
                      "pg_get_userbyid(relowner) from pg_class where relname = 'log'"),
            "t|reader");
  EXPECT_EQ(pg().psql(other, "select count(*) from kept"), "1");
}

TEST(DumpFacts, AreReadFromTheListing) {
  const postgres::DumpFacts facts = postgres::facts_of_listing(
      ";\n; Archive created at 2024-01-15\n;     Dumped from database version: 16.2 (Debian)\n;"
      "     Dumped by pg_dump version: 16.2\n;\n2; 3079 16385 EXTENSION - citext \n"
      "3400; 0 0 COMMENT - EXTENSION citext \n215; 1259 16387 TABLE public users ann\n216; 1259 "
      "16388 "
      "TABLE app.x orders ann\n217; 1259 16389 TABLE ripcord applied ann\n3401; 0 0 COMMENT other "
      "TABLE users ann\n3302; 0 16387 TABLE DATA public users ann\n");
  EXPECT_EQ(facts.server_major, 16);
  EXPECT_EQ(facts.extensions, (std::vector<std::string>{"citext"}));
  EXPECT_EQ(facts.schemas, (std::vector<std::string>{"public", "app"}));
  EXPECT_EQ(postgres::facts_of_listing("").server_major, 0);
}

TEST_F(PostgresBackup, IsWholeOrNotThereWhereverItIsKilled) {
  const auto points = std::make_shared<int>(0);
  postgres::PostgresBackups counted(runner_, clock_, counting(points));
  ASSERT_OK(take_backup(counted, ref(), catalog_, "first", BackupFormat::kPgCustom, clock_,
                        counting(points)));
  ASSERT_GT(*points, 5);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    const std::string name = "b" + std::to_string(point);
    const int ended = run_forked([&] {
      const Trace dying = dying_at(point);
      postgres::PostgresBackups source(runner_, clock_, dying);
      return take_backup(source, ref(), catalog_, name, BackupFormat::kPgCustom, clock_, dying) ? 0
                                                                                                : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto found = BackupDirectory().find(catalog_, name);
    if (found) {
      EXPECT_TRUE(found->manifest);
      EXPECT_OK(BackupDirectory().check(*found, {}));
    } else {
      EXPECT_EQ(found.error().reason(), "BackupNotFound");
      take(name);
    }
  }
  take("last");
  for (const auto& entry : std::filesystem::directory_iterator(catalog_)) {
    EXPECT_NE(entry.path().filename().string().front(), '.') << entry.path();
  }
}

TEST_F(PostgresBackup, AFailedDumpLeavesNothingInTheCatalog) {
  DatabaseRef nowhere = ref();
  nowhere.url += "_gone";
  EXPECT_FALSE(
      take_backup(source_, nowhere, catalog_, "x", BackupFormat::kPgCustom, clock_).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(catalog_));
  take();
  EXPECT_CODE(take_backup(source_, ref(), catalog_, "monday", BackupFormat::kPgCustom, clock_),
              StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace ripcord
