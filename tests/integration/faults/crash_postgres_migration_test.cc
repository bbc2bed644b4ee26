// SPDX-License-Identifier: Apache-2.0
// kill -9 of the controller at every point of a migration of a PostgreSQL database, the writes of
// its own object store included.
#include "tests/integration/faults/postgres_crash.h"

namespace ripcord {
namespace {

using testing::HasSubstr;

class PostgresMigrationCrash : public PostgresCrash {
 protected:
  static Resource wanted(std::int64_t version) {
    Resource object = make_resource(Kind::kMigrationVersion, "shop");
    auto& spec = std::get<MigrationVersionSpec>(object.spec);
    spec.database = postgres_ref(pg().url("shop"));
    spec.source.inline_migrations = postgres_corpus();
    spec.version = version;
    spec.policy.data_loss = DataLossPolicy::kApprove;
    spec.approval = MigrationApproval{version, "alice", true};
    return object;
  }
  CrashScene scene(std::int64_t version) {
    keep();
    return {data(), [this] { put_back(); },
            [] {
              return pg().psql("shop",
                               "select string_agg(what, ' ' order by id) from log;"
                               "select version, dirty from schema_migrations;"
                               "select version, name, previous from ripcord.applied order by 1;"
                               "select count(*) from ripcord.journal;"
                               "select c.relname, c.relkind, i.indisvalid from pg_class c left "
                               "join pg_index i on i.indexrelid = c.oid where c.relnamespace = "
                               "'public'::regnamespace order by 1;");
            },
            wanted(version)};
  }
};

TEST_F(PostgresMigrationCrash, UpEndsTheSameWhereverTheControllerIsKilled) {
  pg().psql("postgres", "create database shop");
  const std::string end = expect_same_end_wherever_killed(scene(3), 40);
  EXPECT_THAT(end, HasSubstr("Ready=True Migrated"));
  EXPECT_THAT(end, HasSubstr("up1 up2 up3a up3b\n3|f"));
}

TEST_F(PostgresMigrationCrash, DownEndsTheSameWhereverTheControllerIsKilled) {
  pg().psql("postgres", "create database shop");
  live_undisturbed(data(), wanted(3));
  const std::string end = expect_same_end_wherever_killed(scene(1), 25);
  EXPECT_THAT(end, HasSubstr("3>1 Spec Succeeded by alice\n"));
  EXPECT_THAT(end, HasSubstr("approval of 1 by alice used\n"));
  EXPECT_THAT(end, HasSubstr("up3b down3a down3b down2\n1|f"));
}

}  // namespace
}  // namespace ripcord
