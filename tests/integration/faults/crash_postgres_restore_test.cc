// SPDX-License-Identifier: Apache-2.0
// kill -9 of the controller at every point of a restore of a PostgreSQL database, the writes of its
// own object store included.
#include "tests/integration/faults/postgres_crash.h"

namespace ripcord {
namespace {

using testing::HasSubstr;

class PostgresRestoreCrash : public PostgresCrash {
 protected:
  void SetUp() override {
    PostgresCrash::SetUp();
    if (IsSkipped()) {
      return;
    }
    pg().psql("postgres", "create database shop");
    pg().psql("shop", "create table users (name text); insert into users values ('old1')");
    keep();
    std::filesystem::create_directory(directory_ / "backups");
    write_file(directory_ / "backups/monday.sql",
               "create table users (name text);\ninsert into users values ('ann'), ('bob');\n");
    spec().database = postgres_ref(pg().url("shop"));
    spec().backup = "monday";
    spec().catalog_directory = directory_ / "backups";
    spec().approval = RestoreApproval{"monday", "alice"};
    spec().verification.queries = {{"select count(*) from users", 2, 2}};
  }
  RestoreRequestSpec& spec() { return std::get<RestoreRequestSpec>(wanted_.spec); }
  std::string end_wherever_killed(int at_least_points, const std::string& from = {}) {
    return expect_same_end_wherever_killed({data(), [this] { put_back(); }, look, wanted_, from},
                                           at_least_points);
  }
  // Every database there is, whether it lets clients in, and who is in it.
  static std::string look() {
    std::string seen = pg().psql(
        "postgres",
        "select datname, datallowconn, regexp_replace(shobj_description(oid, 'pg_database'), "
        "'uid=[^ ]+', '') from pg_database where datname like 'shop%' order by 1;"
        "select string_agg(datname, ' ' order by datname) || ' ' from pg_database where datname "
        "like 'shop%' and datallowconn");
    const std::size_t last_line = seen.rfind('\n') + 1;
    std::string names = seen.substr(last_line);
    seen.resize(last_line);
    for (std::size_t at = 0; (at = names.find(' ')) != std::string::npos; names.erase(0, at + 1)) {
      const std::string name = names.substr(0, at);
      seen += name + ": " +
              pg().psql(name, "select string_agg(name, ',' order by name) from users") + "\n";
    }
    return seen;
  }

  Resource wanted_ = make_resource(Kind::kRestoreRequest, "undo");
};

TEST_F(PostgresRestoreCrash, ARestoreEndsTheSameWhereverTheControllerIsKilled) {
  const std::string end = end_wherever_killed(30);
  EXPECT_THAT(end, HasSubstr("Ready=True Restored"));
  EXPECT_THAT(end, HasSubstr("shop: ann,bob\n"));
  EXPECT_THAT(end, HasSubstr("shop_before_UID: old1\n"));
  EXPECT_THAT(end, HasSubstr(" Spec Succeeded by alice\n"));
}

TEST_F(PostgresRestoreCrash, ARestoreThatKeepsNothingEndsTheSameWhereverTheControllerIsKilled) {
  spec().keep_previous = Duration::zero();
  const std::string end = end_wherever_killed(6, "after rename");
  EXPECT_THAT(end, HasSubstr("side [] previous []\n"));
  EXPECT_THAT(end, HasSubstr("shop: ann,bob\n"));
  EXPECT_THAT(end, testing::Not(HasSubstr("shop_before_UID|")));
}

TEST_F(PostgresRestoreCrash, AFailedVerificationEndsTheSameWhereverTheControllerIsKilled) {
  spec().verification.queries[0] = {"select count(*) from users", 4, std::nullopt};
  const std::string end = end_wherever_killed(6, "after mark loaded");
  EXPECT_THAT(end, HasSubstr("Stalled=True VerificationFailed"));
  EXPECT_THAT(end, HasSubstr("shop: old1\n"));
  EXPECT_THAT(end, testing::Not(HasSubstr("shop_ripcord")));
}

TEST_F(PostgresRestoreCrash, TheWayBackEndsTheSameWhereverTheControllerIsKilled) {
  const Resource restored = wanted_;
  spec().revert = spec().approval->revert = true;
  const std::string end = expect_same_end_wherever_killed({data(),
                                                           [&] {
                                                             put_back();
                                                             live_undisturbed(data(), restored);
                                                           },
                                                           look, wanted_},
                                                          15);
  EXPECT_THAT(end, HasSubstr("Ready=True Reverted"));
  EXPECT_THAT(end, HasSubstr("shop: old1\n"));
  EXPECT_THAT(end, HasSubstr("shop_ripcord_UID: ann,bob\n"));
  EXPECT_THAT(end, HasSubstr("previous []"));
  EXPECT_THAT(end, testing::Not(HasSubstr("shop_before_UID|")));
}

}  // namespace
}  // namespace ripcord
