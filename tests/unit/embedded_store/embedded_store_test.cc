// SPDX-License-Identifier: Apache-2.0
// What the embedded store does beyond the contract: the file, the lock, restarts.
#include "adapters/embedded/object_store.h"
#include "tests/support/process.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class EmbeddedStore : public testing::Test {
 protected:
  Result<std::unique_ptr<EmbeddedObjectStore>> open() const {
    EmbeddedStoreOptions options;
    options.directory = data_;
    return EmbeddedObjectStore::open(std::move(options), clock_);
  }
  void sql(const std::string& statements) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((data_ / "objects.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  TempDir directory_;
  SystemClock clock_;
  const std::filesystem::path data_ = directory_.path() / "made" / "data";
};

TEST_F(EmbeddedStore, GivesBackEveryKindAsItWasAfterARestart) {
  std::vector<ResourcePtr> before;
  {
    const auto store = open();
    ASSERT_OK(store);
    for (const Kind kind : kAllKinds) {
      Resource wanted = full_object(kind, "full", "shop");
      const auto created = (*store)->create(wanted);
      ASSERT_OK(created);
      wanted.meta = (*created)->meta;
      ASSERT_OK((*store)->update_status(wanted));
      if (kind == Kind::kFeatureFlag) {
        ASSERT_OK((*store)->remove(wanted.key()));  // held by its finalizer
      }
      before.push_back(*(*store)->get(wanted.key()));
    }
  }
  const auto store = open();
  ASSERT_OK(store);
  for (const ResourcePtr& object : before) {
    const auto after = (*store)->get(object->key());
    ASSERT_OK(after);
    EXPECT_EQ((*after)->meta, object->meta) << to_string(object->key());
    EXPECT_EQ((*after)->spec, object->spec) << to_string(object->key());
    EXPECT_EQ((*after)->status, object->status) << to_string(object->key());
  }
}

// Rows are decoded in portions by several threads: sizes around one portion of 8192.
TEST_F(EmbeddedStore, ReadsManyObjectsEachOnce) {
  ASSERT_OK((*open())->create(sample_flag("first")));
  for (const int count : {8191, 8192, 8193, 20000}) {
    sql(fmt::format(
        "DELETE FROM objects WHERE name <> 'first';"
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
        "INSERT INTO objects SELECT kind, namespace, 'n' || i,"
        " replace(body, '\"name\":\"first\"', '\"name\":\"n' || i || '\"') FROM objects, n",
        count));
    const auto store = open();
    ASSERT_OK(store);
    const auto list = (*store)->list(Kind::kFeatureFlag);
    ASSERT_EQ(list->items.size(), static_cast<std::size_t>(count));
    for (std::size_t i = 1; i < list->items.size(); ++i) {
      ASSERT_LT(list->items[i - 1]->meta.name, list->items[i]->meta.name);
    }
  }
}

TEST_F(EmbeddedStore, VersionsGoOnAfterARestartEvenAfterADeletion) {
  std::int64_t last = (*open())->list(Kind::kFeatureFlag)->resource_version;
  for (int start = 0; start < 4; ++start) {
    const auto store = open();
    ASSERT_OK(store);
    EXPECT_EQ((*store)->list(Kind::kFeatureFlag)->resource_version, last);
    const auto created = (*store)->create(sample_flag("a"));
    ASSERT_OK(created);
    EXPECT_GT((*created)->meta.resource_version, last);
    ASSERT_OK((*store)->remove((*created)->key()));
    const std::int64_t now = (*store)->list(Kind::kFeatureFlag)->resource_version;
    EXPECT_GT(now, (*created)->meta.resource_version);
    last = now;
  }
}

TEST_F(EmbeddedStore, AWatchFromBeforeTheRestartGoesOnOnlyWhenItMissedNothing) {
  std::int64_t before_last = 0;
  std::int64_t last = 0;
  {
    const auto store = open();
    ASSERT_OK(store);
    before_last = (*(*store)->create(sample_flag("a")))->meta.resource_version;
    last = (*(*store)->create(sample_flag("b")))->meta.resource_version;
  }
  const auto store = open();
  ASSERT_OK(store);
  EXPECT_CODE((*store)->watch(Kind::kFeatureFlag, before_last), StatusCode::kExpired);
  const auto watch = (*store)->watch(Kind::kFeatureFlag, last);
  ASSERT_OK(watch);
  ASSERT_OK((*store)->create(sample_flag("c")));
  const auto event = (*watch)->next(std::chrono::seconds(30), {});
  ASSERT_OK(event);
  EXPECT_EQ(event->object->meta.name, "c");
}

TEST_F(EmbeddedStore, AWatchMayOutliveTheStore) {
  auto store = *open();
  const auto watch =
      *store->watch(Kind::kFeatureFlag, store->list(Kind::kFeatureFlag)->resource_version);
  ASSERT_OK(store->create(sample_flag("a")));
  store.reset();
  EXPECT_OK(watch->next(std::chrono::seconds(30), {}));
  EXPECT_CODE(watch->next(std::chrono::seconds(30), {}), StatusCode::kUnavailable);
}

TEST_F(EmbeddedStore, RefusesADirectoryThatIsInUseAndNamesTheUser) {
  auto first = open();
  ASSERT_OK(first);
  const auto second = open();
  EXPECT_CODE(second, StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.error().reason(), "DataDirectoryInUse");
  EXPECT_THAT(second.error().message(),
              HasSubstr("in use by process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message(), HasSubstr("--data"));
  // The first is not disturbed.
  EXPECT_OK((*first)->create(sample_flag("a")));
  first->reset();
  EXPECT_OK(open());
}

TEST_F(EmbeddedStore, RefusesADirectoryThatAnotherProcessUses) {
  const auto first = open();
  ASSERT_OK(first);
  const auto exit_code =
      run({.argv = {"flock", "-n", (data_ / "lock").string(), "true"}}).exit_code;
  EXPECT_EQ(exit_code, 1) << "flock(1) got the lock of a running store";
}

TEST_F(EmbeddedStore, RefusesTheStoreOfANewerRipcordAndLeavesItAlone) {
  ASSERT_OK(open());
  sql("PRAGMA user_version=2");
  const auto store = open();
  EXPECT_CODE(store, StatusCode::kFailedPrecondition);
  EXPECT_EQ(store.error().reason(), "SchemaVersion");
  EXPECT_THAT(store.error().message(), HasSubstr("schema version 2"));
  sql("PRAGMA user_version=1");
  EXPECT_OK(open());
}

TEST_F(EmbeddedStore, RefusesADatabaseThatIsNoStore) {
  std::filesystem::create_directories(data_);
  sql("CREATE TABLE orders(id)");
  EXPECT_CODE(open(), StatusCode::kFailedPrecondition);
}

TEST_F(EmbeddedStore, SaysSoWhenTheFileIsNoDatabase) {
  std::filesystem::create_directories(data_);
  write_file((data_ / "objects.db").string(), std::string(8192, 'x'));
  const auto store = open();
  EXPECT_CODE(store, StatusCode::kInternal);
  EXPECT_EQ(store.error().reason(), "Corrupt");
  EXPECT_THAT(store.error().message(), HasSubstr("backup"));
}

TEST_F(EmbeddedStore, NamesTheObjectThatCannotBeRead) {
  ASSERT_OK((*open())->create(sample_flag("broken")));
  sql("UPDATE objects SET body = '{\"kind\": 1}'");
  const auto store = open();
  EXPECT_CODE(store, StatusCode::kInternal);
  EXPECT_THAT(store.error().message(), HasSubstr("FeatureFlag default/broken"));
}

TEST_F(EmbeddedStore, SaysWhatToDoWhenTheDirectoryCannotBeMade) {
  write_file(directory_ / "made", "a file");
  const auto store = open();
  EXPECT_CODE(store, StatusCode::kFailedPrecondition);
  EXPECT_THAT(store.error().message(), HasSubstr("data directory must be writable"));
}

TEST_F(EmbeddedStore, KeepsItsFilesFromOtherUsers) {
  const auto store = open();
  ASSERT_OK(store);
  ASSERT_OK((*store)->create(sample_flag("a")));
  struct stat info {};
  ASSERT_EQ(::stat(data_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  for (const std::string name : {"objects.db", "objects.db-wal", "lock"}) {
    ASSERT_EQ(::stat((data_ / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(EmbeddedStore, CanBeBackedUpWhileItRuns) {
  const auto store = open();
  ASSERT_OK(store);
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK((*store)->create(sample_flag("flag-" + std::to_string(i))));
  }
  const std::filesystem::path copy = directory_.path() / "copy";
  std::filesystem::create_directory(copy);
  const auto result = run({.argv = {"sqlite3", (data_ / "objects.db").string(),
                                    ".backup " + (copy / "objects.db").string()}});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_OK((*store)->create(sample_flag("later")));
  EmbeddedStoreOptions options;
  options.directory = copy;
  const auto restored = EmbeddedObjectStore::open(std::move(options), clock_);
  ASSERT_OK(restored);
  EXPECT_EQ((*restored)->list(Kind::kFeatureFlag)->items.size(), 20U);
}

}  // namespace
}  // namespace ripcord
