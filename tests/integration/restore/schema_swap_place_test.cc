// SPDX-License-Identifier: Apache-2.0
// What makes a swap of one schema impossible, and what belongs to its place and stays.
#include "tests/integration/restore/schema_swaps.h"

namespace ripcord {
namespace {

TEST_F(SchemaSwap, SaysWhatMakesItImpossible) {
  const Backup plain = dump("plain.dump");
  expect_impossible(dump("two.dump", kNewUsers, "create schema app; create table app.a (n int);"),
                    "2 schemas");
  expect_impossible(dump("lo.dump", kNewUsers, "select lo_create(4711);"), "large objects");
  expect_impossible(dump("pub.dump", kNewUsers, "create publication p;"), "publications (p)");
  expect_impossible(
      dump("checked.dump",
           "create table users (name text primary key); create function fine(text) returns boolean "
           "language sql as 'select count(*) >= 0 from public.users'; create table checked (n text "
           "check (fine(n)));"),
      "name their schema");
  live("create schema app; create table app.uses (name text references public.users)");
  expect_impossible(plain, "constraint uses_name_fkey on table app.uses");
  live("drop table app.uses; create view app.seen as select name from public.users");
  expect_impossible(plain, "app.seen");
  live("drop view app.seen; create publication everything for table public.users");
  expect_impossible(plain, "publications (everything)");
  live(
      "drop publication everything; create table app.there (n int primary key); create table "
      "public.leads (n int references app.there)");
  expect_impossible(plain, "lead out of it");
  live(
      "drop table public.leads; create table public.booked (n int); create extension citext "
      "schema public");
  expect_impossible(plain, "holds extensions (citext");
  live("alter extension citext set schema app");
  restore(plain);
  EXPECT_EQ(users(), "ann,bob,cid");
}

TEST_F(SchemaSwap, ExtensionsOfTheBackupMustBeThere) {
  const Backup backup =
      dump("ext.dump",
           "create schema ext; create extension citext schema ext; create table "
           "users (name ext.citext primary key); insert into users values ('ann');");
  expect_impossible(backup, "citext in schema ext");
  live("create schema ext; create extension citext schema ext");
  restore(backup);
  EXPECT_EQ(live("select count(*) from users where ext.citext_eq(name, 'ANN')"), "1");
}

TEST_F(SchemaSwap, OtherSchemasStayAndWhatBelongsToThePlaceIsKept) {
  pg().psql("postgres",
            "do $$ declare r text; begin foreach r in array array['clerk', 'keeper'] loop if not "
            "exists (select from pg_roles where rolname = r) then execute 'create role ' || r; end "
            "if; end loop; end $$");
  live(
      "create schema other; create table other.kept (n int); insert into other.kept values (7); "
      "alter schema public owner to keeper; revoke all on schema public from public; grant usage "
      "on schema public to clerk with grant option; alter default privileges in schema public "
      "grant select on tables to clerk; comment on schema public is 'the shop'");
  pg().psql("postgres", "alter database " + live_ + " set search_path = public, other");
  const std::string properties =
      "select pg_get_userbyid(nspowner), (select string_agg(grantee::regrole || privilege_type || "
      "is_grantable, ';' order by grantee, privilege_type) from aclexplode(nspacl)), (select "
      "string_agg(defaclobjtype::text || defaclacl::text, ';') from pg_default_acl where "
      "defaclnamespace "
      "= n.oid), current_schemas(false) from pg_namespace n where nspname = 'public'";
  const std::string before = live(properties);
  restore(dump("b.dump"));
  EXPECT_EQ(live(properties), before);
  EXPECT_EQ(live("select n from other.kept"), "7");
  EXPECT_THAT(live("select obj_description('public'::regnamespace, 'pg_namespace')"),
              testing::StartsWith("the shop\nripcord: uid="));
  ASSERT_OK(open().reverse->revert({}));
  EXPECT_EQ(live(properties), before);
  EXPECT_EQ(live("select obj_description('public'::regnamespace, 'pg_namespace')"), "the shop");
  EXPECT_EQ(users(), "old1,old2");
}

TEST_F(SchemaSwap, AnOwnerWhoIsNoSuperuserIsEnough) {
  pg().psql("postgres",
            "do $$ begin if not exists (select from pg_roles where rolname = 'shopkeeper') then "
            "create role shopkeeper login createdb; grant pg_signal_backend to shopkeeper; end if; "
            "end $$");
  const auto owned = [](const std::string& sql) {
    const std::string name = fresh_database(pg(), "owned");
    pg().psql("postgres", "alter database " + name + " owner to shopkeeper");
    pg().psql(name, "set role shopkeeper; " + sql);
    return name;
  };
  const std::string source = owned(kNewUsers);
  live_ = owned(kOldUsers);
  const Backup backup{"owned.dump", BackupFormat::kPgCustom, directory_ / "owned.dump", 1};
  ASSERT_EQ(run({.argv = {"pg_dump", "-Fc", "-f", backup.path, "-d", pg().url(source)}}).exit_code,
            0);
  RestoreOrder asked = order(live_);
  asked.database.url.replace(asked.database.url.find("postgres@"), 8, "shopkeeper");
  auto opened = restores_.open(asked);
  ASSERT_OK(opened);
  ASSERT_OK(opened->checks->preflight(backup, {}));
  ASSERT_OK(opened->target->load(backup, {}));
  ASSERT_OK(opened->target->swap({}));
  EXPECT_EQ(users(), "ann,bob,cid");
  EXPECT_EQ(live("select pg_get_userbyid(nspowner), has_schema_privilege('public', 'public', "
                 "'usage') from pg_namespace where nspname = 'public'"),
            "pg_database_owner|t");
  ASSERT_OK(opened->reverse->revert({}));
  EXPECT_EQ(users(), "old1,old2");
}

TEST_F(SchemaSwap, RecordsOfMigrationsFollowTheirSchema) {
  const std::string tables =
      "create schema ripcord; create table ripcord.applied (home text not null, version bigint not "
      "null, name text not null, down text, at timestamptz not null default now(), primary key "
      "(home, version)); create table schema_migrations (version bigint primary key, dirty boolean "
      "not null);";
  const Backup backup = dump("b.dump", kNewUsers,
                             tables +
                                 "insert into ripcord.applied values ('public', 7, 'seven', E'drop "
                                 "\\\\ ''x'''); insert into schema_migrations values (7, false);");
  const std::string records =
      "select string_agg(home || version, ' ' order by home, version) from ripcord.applied";
  // The live database has none, then those of a later version.
  restore(backup);
  EXPECT_EQ(live(records), "public7");
  EXPECT_EQ(live("select down from ripcord.applied"), "drop \\ 'x'");
  EXPECT_EQ(live("select version from schema_migrations"), "7");
  ASSERT_OK(open().reverse->revert({}));
  ASSERT_OK(open().leftovers->drop_side());
  EXPECT_EQ(live(records), "");
  live("insert into ripcord.applied values ('public', 8, 'eight'), ('other', 1, 'one')");
  restore(backup, "ffffffff-other");
  EXPECT_EQ(live(records), "other1 public7 public_before_ffffffff8");
  ASSERT_OK(open("ffffffff-other").reverse->revert({}));
  EXPECT_EQ(live(records), "other1 public8 public_ripcord_ffffffff7");
  ASSERT_OK(open("ffffffff-other").leftovers->drop_side());
  EXPECT_EQ(live(records), "other1 public8");
}

TEST_F(SchemaSwap, ThePreviousSchemaIsNotDroppedWhileSomethingUsesIt) {
  restore(dump("b.dump"));
  live(
      "create schema app; create view app.lost as select name from "
      "public_before_0a1b2c3d.users");
  const Status refused = open().leftovers->drop_previous();
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.reason(), "PreviousInUse");
  EXPECT_THAT(refused.message(), testing::HasSubstr("app.lost"));
  live("drop view app.lost");
  ASSERT_OK(open().leftovers->drop_previous());
  EXPECT_EQ(schemas(), "app public");
}

TEST_F(SchemaSwap, WhatCannotBeSeenForAMomentIsNotGone) {
  restore(dump("b.dump"));
  pg().psql("postgres", "alter database " + live_ + " allow_connections false");
  EXPECT_CODE(open().target->read(), StatusCode::kUnavailable);
  EXPECT_CODE(open().leftovers->drop_previous(), StatusCode::kUnavailable);
  pg().psql("postgres", "alter database " + live_ + " allow_connections true");
  EXPECT_EQ(open().target->read()->previous_name, "public_before_0a1b2c3d");
}

}  // namespace
}  // namespace ripcord
