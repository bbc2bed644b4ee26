// SPDX-License-Identifier: Apache-2.0
#pragma once
// A live database on a real PostgreSQL that a dump is restored beside and swapped into. One thread.

#include "adapters/postgres/connection.h"
#include "adapters/postgres/restore_databases.h"
#include "adapters/postgres/restore_site.h"
#include "adapters/process/child_runner.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace ripcord {

class PostgresRestore : public testing::Test {
 protected:
  static constexpr const char* kUid = "0a1b2c3d-4e5f-6789";
  static constexpr const char* kUsers =
      "select coalesce(string_agg(name, ',' order by name), '') from users";

  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
    // DROP DATABASE waits for a checkpoint; no test here cuts the power.
    pg().psql("postgres", "alter system set fsync = off");
    pg().psql("postgres", "select pg_reload_conf()");
    live_ = make_live();
  }

  static PostgresCluster& pg() { return shared_cluster(); }
  static std::string make_live() {
    const std::string name = fresh_database(pg(), "live");
    pg().psql(name,
              "create table users (name text primary key); insert into users values "
              "('old1'), ('old2')");
    return name;
  }
  static DatabaseRef ref(const std::string& database) {
    DatabaseRef made;
    made.url = pg().url(database);
    return made;
  }
  static std::string users(const std::string& database) { return pg().psql(database, kUsers); }

  Backup dump(const std::string& name, BackupFormat format,
              const std::vector<std::string>& more = {}) {
    const std::string source = fresh_database(pg(), "source");
    pg().psql(source,
              "create schema app; create table users (name text primary key); insert into users "
              "values ('ann'), ('bob'), ('cid'); create table app.orders (id bigserial primary "
              "key, users_name text references users, note text); insert into app.orders "
              "(users_name, note) select 'ann', E'tab\\there \\\\ back' from "
              "generate_series(1, 500); create index on app.orders (note)");
    std::vector<std::string> argv = {"pg_dump", "-f", directory_ / name, "-d", pg().url(source)};
    argv.push_back(format == BackupFormat::kPgCustom      ? "-Fc"
                   : format == BackupFormat::kPgDirectory ? "-Fd"
                                                          : "-Fp");
    argv.insert(argv.end(), more.begin(), more.end());
    const RunResult dumped = run({.argv = argv});
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
    return {name, format, directory_ / name, 1};
  }
  OpenedRestore open() {
    auto opened = restores_.open(ref(live_), kUid);
    EXPECT_OK(opened);
    return std::move(*opened);
  }
  postgres::RestoreNames names() const { return postgres::restore_names(live_, kUid); }
  static std::string databases_like(const std::string& start) {
    return pg().psql("postgres",
                     "select coalesce(string_agg(datname, ' ' order by datname), '') "
                     "from pg_database where datname like '" +
                         start + "%'");
  }

  TempDir directory_;
  SystemClock clock_;
  ChildRunner runner_;
  postgres::PostgresRestores restores_{runner_, clock_};
  std::string live_;
};

}  // namespace ripcord
