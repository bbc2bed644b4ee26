// SPDX-License-Identifier: Apache-2.0
// The approval of a down, as a person meets it: a declared lower version waits and says what would
// run.
#include "tests/integration/app/running_ripcord.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class DeclaredDown : public testing::Test {
 protected:
  DeclaredDown() {
    const std::string migrations = ripcord_.directory() / "migrations";
    std::filesystem::create_directory(migrations);
    write_file(migrations + "/1_users.up.sql",
               "create table users(id integer primary key, mail text);");
    write_file(migrations + "/1_users.down.sql", "drop table users;");
    write_file(migrations + "/2_name.up.sql", "alter table users rename column mail to email;");
    write_file(migrations + "/2_name.down.sql", "alter table users rename column email to mail;");
    declare(2);
    ripcord_.await_ready("migrationversions/shop");
  }

  void declare(int version) {
    ripcord_.save(
        "schema.yaml",
        "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {name: shop}\nspec:\n"
        "  database: {engine: SQLite, path: ../shop.db}\n  source: {directory: ../migrations}\n  "
        "version: " +
            std::to_string(version) + "\n");
    ASSERT_TRUE(eventually([&] {
      return ripcord_.api("GET", "migrationversions/shop")
                 .body.find("\"version\":" + std::to_string(version)) != std::string::npos;
    }));
  }
  std::string version() {
    return run({.argv = {"sqlite3", ripcord_.directory() / "shop.db",
                         "select version from schema_migrations"}})
        .out;
  }
  std::string waits() {
    std::string body;
    EXPECT_TRUE(eventually([&] {
      body = ripcord_.await_ready("migrationversions/shop", "False");
      return body.find("\"type\":\"ApprovalRequired\"") != std::string::npos;
    })) << body;
    return body;
  }
  void grant(const std::string& spec) {
    const HttpResponse patched =
        ripcord_.api("PATCH", "migrationversions/shop", "{\"spec\":" + spec + "}",
                     "application/merge-patch+json");
    ASSERT_EQ(patched.status, 200) << patched.body;
  }

  RunningRipcord ripcord_;
};

TEST_F(DeclaredDown, WaitsForAnApprovalThatNamesTheExactVersion) {
  declare(1);
  EXPECT_THAT(waits(), HasSubstr("alter table users rename column email to mail"));
  grant(R"({"approval":{"version":0,"by":"alice"}})");
  EXPECT_THAT(waits(), HasSubstr("opens nothing"));
  EXPECT_EQ(version(), "2\n");
  grant(R"({"approval":{"version":1,"by":"alice"}})");
  EXPECT_THAT(ripcord_.await_ready("migrationversions/shop"), HasSubstr("alice"));
  EXPECT_EQ(version(), "1\n");
}

TEST_F(DeclaredDown, IsNotOpenedAgainByAnApprovalThatWasLeftThere) {
  declare(1);
  waits();
  grant(R"({"approval":{"version":1,"by":"alice"}})");
  EXPECT_THAT(ripcord_.await_ready("migrationversions/shop"), HasSubstr("usedAt"));
  declare(2);
  ASSERT_TRUE(eventually([&] { return version() == "2\n"; }));
  declare(1);
  EXPECT_THAT(waits(), HasSubstr("was used at"));
  EXPECT_EQ(version(), "2\n");
  grant(R"({"approval":{"reason":"once more"}})");
  ripcord_.await_ready("migrationversions/shop");
  EXPECT_EQ(version(), "1\n");
}

TEST_F(DeclaredDown, ThatLosesDataAlsoWaitsAndSaysHowToAllowIt) {
  declare(0);
  const std::string held = waits();
  EXPECT_THAT(held, HasSubstr("drop table users"));
  EXPECT_THAT(held, HasSubstr("dataLoss: true"));
  grant(R"({"approval":{"version":0,"by":"alice","dataLoss":true}})");
  waits();
  EXPECT_EQ(version(), "2\n");
  grant(R"({"policy":{"dataLoss":"Approve"}})");
  ripcord_.await_ready("migrationversions/shop");
  EXPECT_EQ(version(), "");
}

}  // namespace
}  // namespace ripcord
