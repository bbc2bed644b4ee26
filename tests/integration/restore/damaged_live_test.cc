// SPDX-License-Identifier: Apache-2.0
// The live database is what is broken: it is told what could not be counted, and restored all the
// same.
#include "adapters/postgres/backup_source.h"
#include "adapters/sqlite/restore_site.h"
#include "tests/integration/restore/postgres_restores.h"
#include "tests/integration/restore/restore_driver.h"
#include "tests/integration/restore/sqlite_requests.h"
#include "tests/support/docs_page.h"

#include <functional>
#include <thread>

namespace ripcord {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

void overwrite(const std::string& path, std::size_t at, std::size_t count) {
  std::string bytes = read_file(path);
  ASSERT_GE(bytes.size(), at + count);
  bytes.replace(at, count, std::string(count, 'x'));
  write_file(path, bytes);
}

struct FileDamage {
  std::string name;
  std::function<void(const std::string& path)> damage;
};

class DamagedPostgres : public PostgresRestore {
 protected:
  void SetUp() override {
    PostgresRestore::SetUp();
    if (IsSkipped()) {
      return;
    }
    std::filesystem::create_directory(catalog_);
    pg().psql(live_,
              "create table orders (id int, note text); insert into orders select i, repeat('n', "
              "100) from generate_series(1, 500) i; create table small (a int)");
    postgres::PostgresBackups source(runner_, clock_);
    ASSERT_OK(take_backup(source, ref(live_), catalog_, "monday", BackupFormat::kPgCustom, clock_));
    pg().psql(live_, "insert into users values ('late')");
    requests_.spec.database = ref(live_);
    requests_.spec.catalog_directory = catalog_;
  }
  static std::string file_of(const std::string& database, const std::string& table) {
    return pg().psql(database,
                     "checkpoint; select current_setting('data_directory') || '/' || "
                     "pg_relation_filepath('" +
                         table + "')");
  }
  void expect_asked_with(const std::string& why) {
    requests_.spec.approval.reset();
    requests_.create();
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), "ApprovalRequired");
    EXPECT_THAT(requests_.ready_message(),
                HasSubstr("; now the live database has 1 rows more than the backup; what was "
                          "written since is not known of public.orders: "));
    EXPECT_THAT(requests_.ready_message(), HasSubstr(why));
    requests_.reconcile();
    EXPECT_THAT(requests_.ready_message(), HasSubstr(why)) << "also when it is looked at again";
  }
  void expect_restored_when_approved(const std::string& why) {
    requests_.edit([](RestoreRequestSpec& spec) {
      spec.approval = RestoreApproval{"monday", "alice"};
    });
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
    EXPECT_THAT(requests_.ready_message(), HasSubstr(why));
    EXPECT_EQ(users(live_), "old1,old2");
    EXPECT_EQ(pg().psql(live_, "select count(*) from orders"), "500");
    const RestoreRequestStatus status = requests_.status();
    EXPECT_EQ(status.rows_since_backup, 1);
    EXPECT_EQ(users(status.previous_database), "late,old1,old2");
    requests_.remove();
  }

  const std::string catalog_ = directory_ / "catalog";
  RequestFixture requests_{restores_, clock_};
};

TEST_F(DamagedPostgres, ABadBlockOrAMissingFileDoesNotStopTheRestore) {
  const std::vector<std::pair<FileDamage, std::string>> cases = {
      {{"bad block", [](const std::string& path) { overwrite(path, 0, 100); }},
       "invalid page in block 0"},
      {{"missing file", [](const std::string& path) { std::filesystem::remove(path); }},
       "could not open file"}};
  for (const auto& [damage, why] : cases) {
    SCOPED_TRACE(damage.name);
    live_ = make_live();
    pg().psql(live_, "create table orders (id int, note text); insert into orders values (1)");
    pg().psql(live_, "insert into users values ('late')");
    requests_.spec.database = ref(live_);
    const std::string file = file_of(live_, "orders");
    pg().stop();
    damage.damage(file);
    pg().start();
    expect_asked_with(why);
    expect_restored_when_approved(why);
  }
}

TEST_F(DamagedPostgres, ATableThatTheRoleMayNotReadDoesNotStopTheRestore) {
  pg().psql("postgres",
            "do $$ begin if not exists (select from pg_roles where rolname = 'shopkeeper') then "
            "create role shopkeeper login createdb in role pg_signal_backend; end if; end $$");
  pg().psql("postgres", "alter database " + live_ + " owner to shopkeeper");
  pg().psql(live_,
            "alter table users owner to shopkeeper; alter table orders owner to shopkeeper; alter "
            "table small owner to shopkeeper; delete from users where name = 'late'");
  postgres::PostgresBackups source(runner_, clock_);
  std::filesystem::remove_all(catalog_);
  std::filesystem::create_directory(catalog_);
  ASSERT_OK(take_backup(source, ref(live_), catalog_, "monday", BackupFormat::kPgCustom, clock_));
  pg().psql(live_, "insert into users values ('late'); revoke select on orders from shopkeeper");
  requests_.spec.database.url = replaced(requests_.spec.database.url, "postgres@", "shopkeeper@");
  expect_asked_with("permission denied for table orders");
  expect_restored_when_approved("permission denied for table orders");
}

TEST_F(DamagedPostgres, ATableThatIsLockedForGoodDoesNotStopTheRestore) {
  auto holder = postgres::Connection::open(pg().url(live_));
  ASSERT_OK(holder);
  ASSERT_OK(holder->execute("begin; lock table orders in access exclusive mode"));
  expect_asked_with("lock timeout");
  expect_restored_when_approved("lock timeout");
}

TEST_F(DamagedPostgres, ADatabaseThatNobodyCanConnectToIsRestored) {
  const std::string map =
      pg().psql("postgres",
                "checkpoint; select current_setting('data_directory') || '/base/' || oid from "
                "pg_database where datname = '" +
                    live_ + "'") +
      "/pg_filenode.map";
  pg().stop();
  overwrite(map, 0, 100);
  pg().start();
  requests_.create();
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  EXPECT_THAT(requests_.ready_message(),
              HasSubstr("what was written since is not known of the live database: "));
  EXPECT_FALSE(requests_.status().rows_since_backup);
  EXPECT_EQ(users(live_), "old1,old2");
  pg().psql("postgres", "drop database " + requests_.status().previous_database);
}

class DamagedSqlite : public RestoreRequests {
 protected:
  // Pages of 4096 bytes: the header and the schema, both tables, the index by which `users` is
  // counted.
  static std::vector<FileDamage> unreadable() {
    return {
        {"header", [](const std::string& path) { overwrite(path, 0, 100); }},
        {"first page", [](const std::string& path) { overwrite(path, 100, 3996); }},
        {"cut short", [](const std::string& path) { std::filesystem::resize_file(path, 5000); }}};
  }
  // A journal that SQLite leaves alone: one that begins with a zero is over.
  static std::string of_it() { return std::string(1, '\0') + "of the damaged file"; }
  void damage(const FileDamage& how) {
    execute("insert into users (name) values ('late')");
    how.damage(live_.path);
    damaged_ = read_file(live_.path);
  }
  void expect_asked_with(const std::string& text) {
    requests_.spec.approval.reset();
    requests_.create();
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), "ApprovalRequired");
    EXPECT_THAT(requests_.ready_message(), HasSubstr(text));
    requests_.edit([](RestoreRequestSpec& spec) {
      spec.approval = RestoreApproval{"monday", "alice"};
    });
  }

  std::string damaged_;
};

TEST_F(DamagedSqlite, ABadPageDoesNotStopTheRestoreAndOpenConnectionsGoOn) {
  damage({"index page", [](const std::string& path) { overwrite(path, 3 * 4096, 4096); }});
  auto client = sqlite::Connection::open(live_.path, sqlite::OpenMode::kReadWrite);
  ASSERT_OK(client);
  EXPECT_FALSE(client->query("select count(*) from users").has_value());
  expect_asked_with(
      "what was written since is not known of users: database disk image is malformed");
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  EXPECT_EQ(client->query("select count(*) from users")->rows.at(0).at(0), "4");
  EXPECT_EQ(read_file(requests_.status().previous_database).substr(4096), damaged_.substr(4096));
}

TEST_F(DamagedSqlite, AFileThatCannotBeReadIsMovedAsideAndReplaced) {
  for (const FileDamage& how : unreadable()) {
    SCOPED_TRACE(how.name);
    damage(how);
    std::filesystem::permissions(live_.path, std::filesystem::perms(0640));
    write_file(live_.path + "-journal", of_it());
    expect_asked_with("what was written since is not known of the live database: ");
    requests_.reconcile();
    EXPECT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
    EXPECT_THAT(requests_.ready_message(), HasSubstr("is not known of the live database: "));
    const RestoreRequestStatus status = requests_.status();
    EXPECT_FALSE(status.rows_since_backup);
    EXPECT_EQ(users(), "4");
    EXPECT_EQ(std::filesystem::status(live_.path).permissions(), std::filesystem::perms(0640));
    EXPECT_EQ(read_file(status.previous_database), damaged_);
    EXPECT_EQ(read_file(status.previous_database + "-journal"), of_it());
    execute("insert into users (name) values ('next')");
    EXPECT_EQ(users(), "5");
    EXPECT_EQ(read_file(status.previous_database), damaged_) << "it is a file of its own";
    requests_.remove();
    std::filesystem::remove(live_.path);
    std::filesystem::copy_file(backup_, live_.path);
  }
}

TEST_F(DamagedSqlite, TheWayBackToAFileThatCannotBeReadIsRefused) {
  damage(unreadable()[0]);
  requests_.create();
  requests_.reconcile();
  ASSERT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = spec.approval->revert = true; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "PreviousDamaged") << requests_.ready_message();
  EXPECT_EQ(users(), "4");
  EXPECT_EQ(read_file(requests_.status().previous_database), damaged_);
}

TEST_F(DamagedSqlite, TheWayBackFromAFileThatCannotBeReadIsOpen) {
  execute("insert into users (name) values ('late')");
  requests_.create();
  requests_.reconcile();
  ASSERT_EQ(requests_.ready_reason(), "Restored") << requests_.ready_message();
  overwrite(live_.path, 0, 100);
  damaged_ = read_file(live_.path);
  requests_.edit([](RestoreRequestSpec& spec) { spec.revert = spec.approval->revert = true; });
  requests_.reconcile();
  EXPECT_EQ(requests_.ready_reason(), "Reverted") << requests_.ready_message();
  EXPECT_EQ(users(), "5");
  EXPECT_EQ(read_file(requests_.status().side_database), damaged_);
}

// A live database that answers nothing, until it is given up.
class Silent final : public RestoreDatabases {
 public:
  explicit Silent(RestoreDatabases& real) : real_(real) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override {
    ASSIGN_OR_RETURN(OpenedRestore opened, real_.open(order));
    opened.checks = std::make_unique<Checks>();
    return opened;
  }

 private:
  class Checks final : public RestoreChecks {
   public:
    Status preflight(const Backup&, std::stop_token) override { return {}; }
    Result<SurveyedDatabase> survey(std::stop_token) override { return SurveyedDatabase{}; }
    Result<LiveRows> count_live(std::stop_token stop) override {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      return LiveRows{{}, {{"users", "there was no time to count it"}}};
    }
    Result<SurveyedDatabase> survey_live(std::stop_token) override { return SurveyedDatabase{}; }
  };
  RestoreDatabases& real_;
};

TEST_F(DamagedSqlite, OneThatAnswersNothingIsNotWaitedForBeforeAnApproval) {
  Silent silent(restores_);
  RequestFixture requests(silent, clock_);
  requests.spec = requests_.spec;
  requests.spec.approval.reset();
  requests.create();
  requests.reconcile();
  EXPECT_EQ(requests.ready_reason(), "ApprovalRequired");
  EXPECT_THAT(requests.ready_message(),
              EndsWith("; now what was written since is not known of users: there was no time to "
                       "count it"));
}

// What is done to the files at each point, killed there and tried again.
class KilledReplacing : public DamagedSqlite {
 protected:
  static constexpr const char* kUid = "0a1b2c3d-4e5f-6789";
  void SetUp() override {
    DamagedSqlite::SetUp();
    whole_ = read_file(live_.path);
    from_ = {"monday", BackupFormat::kSqliteFile, backup_, 1};
  }
  void start_anew() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().starts_with("shop.db")) {
        std::filesystem::remove(entry.path());
      }
    }
    write_file(live_.path, whole_);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      found.push_back(entry.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // `work` over restores that end at each point in turn, then over others to the end.
  void kill_everywhere(const std::function<void()>& prepare,
                       const std::function<Status(RestoreDatabases&)>& work,
                       const std::string& kept) {
    const auto points = std::make_shared<int>(0);
    start_anew();
    prepare();
    sqlite::SqliteRestores counted(clock_, {std::chrono::seconds(30), counting(points)});
    ASSERT_OK(work(counted));
    const std::vector<std::string> undisturbed = names();
    ASSERT_GT(*points, 8);
    bool died_with_it_in_place = false;
    for (int point = 1; point <= *points; ++point) {
      SCOPED_TRACE(point);
      start_anew();
      prepare();
      const int ended = run_forked([&] {
        sqlite::SqliteRestores dying(clock_, {std::chrono::seconds(30), dying_at(point)});
        return work(dying).ok() ? 0 : 1;
      });
      ASSERT_EQ(ended, 128 + SIGKILL);
      const bool in_place = read_file(live_.path) != damaged_;
      if (in_place) {
        execute("insert into users (name) values ('since')");
        died_with_it_in_place = true;
      }
      ASSERT_OK(work(restores_));
      EXPECT_EQ(users(), in_place ? "5" : "4");
      EXPECT_EQ(read_file(kept), damaged_);
      EXPECT_EQ(read_file(kept + "-journal"), of_it());
      EXPECT_EQ(names(), undisturbed);
    }
    EXPECT_TRUE(died_with_it_in_place);
  }
  void damage_live() {
    overwrite(live_.path, 0, 100);
    write_file(live_.path + "-journal", of_it());
    damaged_ = read_file(live_.path);
  }

  std::string whole_;
  Backup from_;
};

TEST_F(KilledReplacing, EndsTheSameWhereverItIsKilled) {
  kill_everywhere([&] { damage_live(); },
                  [&](RestoreDatabases& restores) { return drive(restores, live_, kUid, from_); },
                  sqlite::restore_files(live_.path, kUid).previous);
}

TEST_F(KilledReplacing, TheWayBackEndsTheSameWhereverItIsKilled) {
  kill_everywhere(
      [&] {
        ASSERT_OK(drive(restores_, live_, kUid, from_));
        damage_live();
      },
      [&](RestoreDatabases& restores) -> Status {
        ASSIGN_OR_RETURN(OpenedRestore opened, restores.open({live_, kUid}));
        return status_of(opened.reverse->revert({}));
      },
      sqlite::restore_files(live_.path, kUid).side);
}

}  // namespace
}  // namespace ripcord
