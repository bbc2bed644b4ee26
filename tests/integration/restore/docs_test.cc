// SPDX-License-Identifier: Apache-2.0
// docs/restorerequest.md: what it tells people to run by hand, and how to archive what was there
// before, is run as it stands there.
#include "tests/integration/restore/postgres_restores.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/integration/restore/schema_swaps.h"
#include "tests/integration/restore/sqlite_requests.h"
#include "tests/support/docs_page.h"

#include <csignal>
#include <sstream>
#include <unistd.h>

namespace ripcord {
namespace {

constexpr const char* kPage = "restorerequest.md";
constexpr const char* kUidOfPage = "1a2b3c4d";
constexpr const char* kUidHere = "0a1b2c3d";
constexpr const char* kUrlOfPage = "postgresql://app@db:5432/shop";

// As somebody types it, one statement after the other.
void run_sql(const std::string& url, const std::string& sql) {
  const TempDir directory;
  write_file(directory / "by_hand.sql", sql);
  const RunResult ran = run({.argv = {"psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", url, "-f",
                                      directory / "by_hand.sql"}});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
}

// Of what was there before the swap: the line that has `mark`, with the names of a test.
void run_archive_line(const std::string& mark, const std::string& catalog,
                      const std::vector<std::pair<std::string, std::string>>& names) {
  for (const std::string& block :
       code_blocks(docs_section(kPage, "### What was written since"), "sh")) {
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(mark) == std::string::npos) {
        continue;
      }
      for (const auto& [of_page, here] : names) {
        ASSERT_NE(line.find(of_page), std::string::npos) << line;
        line = replaced(line, of_page, here);
      }
      line = replaced(line, "./archive", catalog);
      const RunResult ran = run({.argv = {"sh", "-c", "PATH=" + bin_dir() + ":$PATH; " + line}});
      EXPECT_EQ(ran.exit_code, 0) << line << "\n" << ran.err;
      return;
    }
  }
  FAIL() << "the page has no line with " << mark;
}

TEST_F(SchemaSwap, IsDoneAndTakenBackByHandAsThePageSays) {
  const auto blocks = code_blocks(docs_section(kPage, "### Database or schema"), "sql");
  ASSERT_EQ(blocks.size(), 2U);
  const std::string swap = replaced(blocks[0], kUidOfPage, kUidHere);
  const std::string records =
      "create schema ripcord; create table ripcord.applied (home text not null, version bigint not "
      "null, name text not null, down text, at timestamptz not null default now(), primary key "
      "(home, version));";
  const std::string homes =
      "select string_agg(home || version, ' ' order by home, version) from ripcord.applied";
  const Backup backup =
      dump("b.dump", kNewUsers, records + "insert into ripcord.applied values ('public', 7, 'a');");
  live(records + "insert into ripcord.applied values ('public', 8, 'b'); create table orders ()");
  OpenedRestore opened = open();
  ASSERT_OK(opened.target->load(backup, {}));
  ASSERT_OK(opened.staging->stage({}));
  EXPECT_EQ(users(), "old1,old2");
  run_sql(pg().url(live_), swap);
  EXPECT_EQ(users(), "ann,bob,cid");
  EXPECT_EQ(users("public_before_0a1b2c3d"), "old1,old2");
  EXPECT_EQ(live(homes), "public7 public_before_0a1b2c3d8");
  std::string back = replaced(swap, "public_ripcord_", "public_other_");
  back = replaced(back, "public_before_", "public_ripcord_");
  run_sql(pg().url(live_), replaced(back, "public_other_", "public_before_"));
  EXPECT_EQ(users(), "old1,old2");
  EXPECT_EQ(live(homes), "public8 public_ripcord_0a1b2c3d7");
  live("drop schema public_ripcord_0a1b2c3d cascade");
  pg().psql("postgres", "drop database " + live_ + "_ripcord_0a1b2c3d");
  EXPECT_EQ(schemas(), "public ripcord");
  EXPECT_EQ(databases_like(live_), live_);
}

TEST_F(PostgresRestore, IsSwappedByHandAsThePageSaysAlsoWhenRipcordWasKilledMeanwhile) {
  const auto blocks = code_blocks(docs_section(kPage, "### Database or schema"), "sql");
  ASSERT_EQ(blocks.size(), 2U);
  const Backup backup = dump("b.dump", BackupFormat::kPgCustom);
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed);
    live_ = make_live();
    ASSERT_OK(open().target->load(backup, {}));
    if (killed) {
      const Trace dying = [](std::string_view point) {
        if (point == "after refuse") {
          ::kill(::getpid(), SIGKILL);
        }
      };
      postgres::PostgresRestores restores(runner_, clock_, {std::chrono::minutes(1), dying});
      const int ended = run_forked(
          [&] { return restores.open(ref(live_), kUid)->target->swap({}).has_value() ? 0 : 1; });
      ASSERT_EQ(ended, 128 + SIGKILL);
    }
    std::string swap = replaced(blocks[1], "shop", live_);
    run_sql(pg().url("postgres"), replaced(swap, kUidOfPage, kUidHere));
    EXPECT_EQ(users(live_), "ann,bob,cid");
    EXPECT_EQ(users(names().previous), "old1,old2");
    EXPECT_EQ(databases_like(live_), live_ + " " + names().previous);
  }
}

TEST_F(PostgresRestore, WhatWasThereBeforeIsArchivedAsThePageSaysAndBroughtBack) {
  ASSERT_OK(drive(restores_, ref(live_), kUid, dump("b.dump", BackupFormat::kPgCustom)));
  const TempDir archive;
  run_archive_line(
      "before_undo_41", archive.path().string(),
      {{std::string(kUrlOfPage) + "_before_" + kUidOfPage, pg().url(names().previous)}});
  ASSERT_OK(open().leftovers->drop_previous());
  RequestFixture requests(restores_, clock_);
  requests.spec.database = ref(live_);
  requests.spec.catalog_directory = archive.path().string();
  requests.spec.backup = "before_undo_41";
  requests.spec.approval = RestoreApproval{"before_undo_41", "alice"};
  requests.create();
  requests.reconcile();
  EXPECT_EQ(requests.ready_reason(), "Restored") << requests.ready_message();
  EXPECT_TRUE(requests.status().source->manifest);
  EXPECT_EQ(users(live_), "old1,old2");
}

TEST_F(SchemaSwap, ThePreviousSchemaIsArchivedAsThePageSaysAndBroughtBackBesideTheLiveOne) {
  restore(dump("b.dump"));
  const TempDir archive;
  run_archive_line("pg_dump", archive.path().string(),
                   {{kUidOfPage, kUidHere}, {kUrlOfPage, pg().url(live_)}});
  ASSERT_OK(open().leftovers->drop_previous());
  EXPECT_EQ(schemas(), "public");
  run_archive_line("pg_restore", archive.path().string(), {{kUrlOfPage, pg().url(live_)}});
  EXPECT_EQ(users("public_before_0a1b2c3d"), "old1,old2");
  EXPECT_EQ(users(), "ann,bob,cid");
}

TEST_F(RestoreRequests, WhatWasThereBeforeIsArchivedAsThePageSaysAndBroughtBack) {
  execute("insert into users (name) values ('late')");
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(users(), "4");
  const TempDir archive;
  run_archive_line(
      "before_undo_42", archive.path().string(),
      {{std::string("./shop.db.before-") + kUidOfPage, requests_.status().previous_database}});
  clock_.advance(std::chrono::hours(25));
  requests_.reconcile();
  EXPECT_EQ(requests_.status().previous_database, "");
  RequestFixture requests(restores_, clock_);
  requests.spec.database = live_;
  requests.spec.catalog_directory = archive.path().string();
  requests.spec.backup = "before_undo_42";
  requests.spec.approval = RestoreApproval{"before_undo_42", "alice"};
  requests.create();
  requests.reconcile();
  EXPECT_EQ(requests.ready_reason(), "Restored") << requests.ready_message();
  EXPECT_EQ(users(), "5");
}

}  // namespace
}  // namespace ripcord
