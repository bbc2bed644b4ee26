// SPDX-License-Identifier: Apache-2.0
// Swaps of one schema (swapBy: Schema): that everything leads into the restored one, and clients
// and others who are at work meanwhile.
#include "tests/integration/restore/schema_swaps.h"

#include <atomic>
#include <thread>

namespace ripcord {
namespace {

TEST_F(SchemaSwap, EveryReferenceLeadsIntoTheRestoredSchema) {
  restore(dump("b.dump"));
  EXPECT_EQ(users(), "ann,bob,cid");
  EXPECT_EQ(users("public_before_0a1b2c3d"), "old1,old2");
  EXPECT_EQ(schemas(), "public public_before_0a1b2c3d");
  EXPECT_EQ(databases_like(live_), live_);
  live("insert into users values ('dan')");
  EXPECT_EQ(live("select count(*), how_many(), named(), (select n from counted) from people"),
            "4|4|4|3");
  EXPECT_EQ(live("insert into orders (users_name) values ('dan') returning id"), "501");
  EXPECT_EQ(live("select pg_get_constraintdef(oid) from pg_constraint where contype = 'f'"),
            "FOREIGN KEY (users_name) REFERENCES users(name)");
  EXPECT_EQ(live("select count(*) from pg_stats where schemaname = 'public' and tablename = "
                 "'orders'"),
            "3")
      << "it has statistics before the first query comes";
}

TEST_F(SchemaSwap, EveryKindOfObjectComesOverUnderAnyName) {
  const std::string open_schema =
      R"sql(create schema "Odd ""na me"""; set search_path = "Odd ""na me""";)sql";
  const Backup backup = dump("odd.dump", open_schema + R"sql(
    create domain price as numeric(12,2) check (value >= 0); create type pair as (a int, b text);
    create table users (name text primary key, raw bytea, doc jsonb, upper_name text generated always as (upper(name)) stored);
    insert into users (name, raw, doc) select 'u' || i, decode('00ff', 'hex'), '{"a": [1, null]}' from generate_series(1, 50) i;
    create table orders (id serial primary key, price price default 1.5, p pair, user_name text references users);
    insert into orders (user_name, p) select name, '(1,x)'::pair from users;
    create table "Ta ""ble" ("co l" int, later regclass); insert into "Ta ""ble" values (1, 'orders');
    create table parent (a int); create table child (c int) inherits (parent); insert into child values (1, 2);
    create table parts (k int, v text) partition by range (k); create table parts_1 partition of parts for values from (0) to (10);
    insert into parts values (5, 'five'); create unlogged table quick (n int); create table nothing ();
    create function touch() returns trigger language plpgsql as 'begin new.price = 2; return new; end';
    create trigger touch before update on orders for each row execute function touch();
    alter table orders enable row level security; create policy mine on orders using (user_name in ('u1', 'u2'));
    create view v as select u.name from users u join orders o on o.user_name = u.name; create rule quiet as on delete to parent do instead nothing;
    create statistics st on name, raw from users; create sequence own start 100; select nextval('own');
    create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0'); create operator === (leftarg = int, rightarg = int, function = int4eq);
    create collation german from "C"; comment on table users is 'people';)sql");
  live(open_schema + "create table users (name text); insert into users values ('old');");
  restore(backup);
  const std::string there = R"sql(set search_path = "Odd ""na me""";)sql";
  EXPECT_EQ(live(there + "update orders set user_name = user_name where id = 1; select count(*), "
                         "sum(price), nextval('own'), (select later = 'orders'::regclass from \"Ta "
                         "\"\"ble\"), (select count(*) from v), 1 === 1, (select count(*) from "
                         "parts) from orders"),
            "50|75.50|101|t|50|t|1");
  EXPECT_EQ(live(R"sql(select name from "Odd ""na me""_before_0a1b2c3d".users)sql"), "old");
  ASSERT_OK(open().reverse->revert({}));
  ASSERT_OK(open().leftovers->drop_side());
  EXPECT_EQ(live(there + "select name from users"), "old");
  EXPECT_EQ(schemas(), "Odd \"na me\" public");
}

TEST_F(SchemaSwap, ClientsKeepTheirSessionsAndLoseNoQuery) {
  OpenedRestore opened = open();
  ASSERT_OK(opened.target->load(dump("b.dump"), {}));
  ASSERT_OK(opened.staging->stage({}));
  std::atomic<int> failed = 0;
  std::atomic<int> halves = 0;
  std::atomic<int> before = 0;
  std::atomic<int> after = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 6; ++i) {
      clients.emplace_back([&, i](const std::stop_token& stop) {
        auto connection = postgres::Connection::open(pg().url(live_));
        if (!connection || !connection->execute("prepare counted as select count(*) from users")) {
          ++failed;
          return;
        }
        const std::string isolation = i % 2 == 0 ? "read committed" : "repeatable read";
        while (!stop.stop_requested()) {
          // Two looks in one transaction, the first by a plan that was made before.
          const auto first =
              connection->execute("begin isolation level " + isolation + "; execute counted");
          const auto second = connection->execute("select count(*) from users");
          const bool done = connection->execute("commit").has_value();
          if (!first || !second || !done) {
            ++failed;
            return;
          }
          const std::string seen = first->rows.at(0).at(0).value_or("");
          halves += seen == second->rows.at(0).at(0) ? 0 : 1;
          ++(seen == "2" ? before : after);
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return before > 50; }));
    const auto report = opened.target->swap({});
    ASSERT_OK(report);
    EXPECT_GT(report->window, Duration::zero());
    EXPECT_TRUE(eventually([&] { return after > 50 || failed > 0; }));
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(halves, 0);
  EXPECT_EQ(users(), "ann,bob,cid");
}

TEST_F(SchemaSwap, AnOpenTransactionIsWaitedForAndNeverSeesHalf) {
  OpenedRestore opened = open();
  ASSERT_OK(opened.target->load(dump("b.dump"), {}));
  auto client = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(client);
  ASSERT_OK(client->execute("begin; insert into users values ('late')"));
  Status swapped(StatusCode::kInternal, "not tried");
  std::jthread swapper([&] { swapped = status_of(opened.target->swap({})); });
  ASSERT_TRUE(eventually([&] {
    return live(
               "select count(*) from pg_namespace where nspname like "
               "'%ripcord_0a1b2c3d'") == "1";
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  // It goes on between the tries, and so does everybody else.
  ASSERT_OK(client->execute("insert into users values ('later')"));
  EXPECT_EQ(users(), "old1,old2");
  ASSERT_OK(client->execute("commit"));
  swapper.join();
  EXPECT_OK(swapped);
  EXPECT_EQ(users(), "ann,bob,cid");
  EXPECT_EQ(users("public_before_0a1b2c3d"), "late,later,old1,old2");
}

TEST_F(SchemaSwap, ASnapshotOlderThanTheCopyIsWaitedFor) {
  OpenedRestore opened = open();
  auto reader = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(reader);
  ASSERT_OK(
      reader->execute("begin isolation level repeatable read; select 1 from pg_class limit 1"));
  ASSERT_OK(opened.target->load(dump("b.dump"), {}));
  Status swapped(StatusCode::kInternal, "not tried");
  std::jthread swapper([&] { swapped = status_of(opened.target->swap({})); });
  ASSERT_TRUE(eventually([&] {
    return live(
               "select count(*) from pg_namespace where obj_description(oid, 'pg_namespace') like "
               "'%stage=staged%'") == "1";
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto seen = reader->execute("select count(*) from users");
  ASSERT_OK(seen);
  EXPECT_EQ(seen->rows.at(0).at(0), "2") << "and not the empty table that its snapshot would see";
  ASSERT_OK(reader->execute("commit"));
  swapper.join();
  EXPECT_OK(swapped);
  EXPECT_EQ(users(), "ann,bob,cid");
}

TEST_F(SchemaSwap, AMigrationThatRunsHoldsTheSwapUp) {
  OpenedRestore opened = open();
  ASSERT_OK(opened.target->load(dump("b.dump"), {}));
  ASSERT_OK(opened.staging->stage({}));
  auto migration = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(migration);
  ASSERT_OK(migration->execute("select pg_advisory_lock(32204078770516580)"));
  SimulatedClock impatient;
  postgres::PostgresRestores hasty(runner_, impatient);
  auto held = hasty.open(order(live_));
  ASSERT_OK(held);
  const auto refused = held->target->swap({});
  EXPECT_CODE(refused, StatusCode::kUnavailable);
  EXPECT_EQ(refused.error().reason(), "Locked");
  EXPECT_EQ(users(), "old1,old2");
  migration = tl::unexpected(Status(StatusCode::kUnavailable, "ended"));
  ASSERT_OK(opened.target->swap({}));
  EXPECT_EQ(users(), "ann,bob,cid");
}

TEST_F(SchemaSwap, TwoRequestsBySchemaAndByDatabaseTakeTurns) {
  const Backup backup = dump("b.dump");
  restore(backup);
  RestoreOrder other = order(live_, "ffffffff-other");
  other.swap_by = RestoreUnit::kDatabase;
  auto by_database = restores_.open(other);
  ASSERT_OK(by_database);
  ASSERT_OK(by_database->target->load(dump("c.dump", kOldUsers), {}));
  ASSERT_OK(by_database->target->swap({}));
  EXPECT_EQ(users(), "old1,old2");
  ASSERT_OK(by_database->reverse->revert({}));
  EXPECT_EQ(users(), "ann,bob,cid");
  ASSERT_OK(open().reverse->revert({}));
  EXPECT_EQ(users(), "old1,old2");
}

}  // namespace
}  // namespace ripcord
