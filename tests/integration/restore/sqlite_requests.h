// SPDX-License-Identifier: Apache-2.0
#pragma once
// A RestoreRequest over a SQLite database with a backup of it, with a manifest, on a simulated
// clock. One thread.

#include "adapters/sqlite/backup_source.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/restore_databases.h"
#include "tests/integration/restore/request_fixture.h"

namespace ripcord {

class RestoreRequests : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(catalog_);
    execute(
        "create table users (id integer primary key, name text, ratio real, raw blob); create "
        "table \"odd \"\"name\" (x); create view v as select name from users; create index i on "
        "users (name); insert into users (name, ratio, raw) values ('ann', 0.1, x'00ff'), "
        "('bob', null, ''), ('same', 1, null), ('same', 1, null); insert into \"odd \"\"name\" "
        "values (1), ('1'), (1.5)");
    requests_.spec.database = live_;
    requests_.spec.catalog_directory = catalog_;
    backup_ = take("monday");
  }
  static DatabaseRef file(const std::string& path) {
    DatabaseRef ref;
    ref.engine = Engine::kSqlite;
    ref.path = path;
    return ref;
  }
  std::string take(const std::string& name) {
    sqlite::SqliteBackups source(clock_);
    const auto path = take_backup(source, live_, catalog_, name, BackupFormat::kSqliteFile, clock_);
    EXPECT_OK(path);
    return path.value_or("");
  }
  void execute(const std::string& sql) {
    auto connection = sqlite::Connection::open(live_.path, sqlite::OpenMode::kCreate);
    ASSERT_OK(connection);
    ASSERT_OK(connection->execute(sql));
  }
  std::string users() {
    auto connection = sqlite::Connection::open(live_.path, sqlite::OpenMode::kReadOnly);
    return connection->query("select count(*) from users")->rows.at(0).at(0).value_or("?");
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), {}));
  }
  void expect_found(const std::string& reason) {
    const std::size_t before = files();
    requests_.create();
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), reason) << requests_.ready_message();
    EXPECT_EQ(files(), before);
    EXPECT_EQ(users(), "4");
    requests_.remove();
  }
  void drill_hourly() {
    requests_.spec.mode = RestoreMode::kDrill;
    requests_.spec.schedule = "0 * * * *";
    requests_.spec.approval.reset();
  }
  Duration wait_of(const Outcome& outcome) {
    const auto* later = std::get_if<RequeueAfter>(&outcome);
    return later == nullptr ? Duration(-1) : later->delay.value_or(Duration(-1));
  }
  const Condition* drill_passed() {
    status_ = requests_.status();
    return status_.conditions.find("DrillPassed");
  }
  double metric(const std::string& name) {
    const auto found = requests_.metrics.values.find(name + " default undo");
    return found == requests_.metrics.values.end() ? -1 : found->second;
  }

  TempDir directory_;
  const std::string catalog_ = directory_ / "catalog";
  const DatabaseRef live_ = file(directory_ / "shop.db");
  SimulatedClock clock_;  // at 12:00
  sqlite::SqliteRestores restores_{clock_};
  RequestFixture requests_{restores_, clock_};
  RestoreRequestStatus status_;
  std::string backup_;
};

}  // namespace ripcord
