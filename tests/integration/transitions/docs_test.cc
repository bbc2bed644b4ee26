// SPDX-License-Identifier: Apache-2.0
// docs/expand-contract.md: its migrations, manifests and statements are run as they stand there.
#include "controller/codec/codec.h"
#include "tests/integration/transitions/world.h"
#include "tests/support/docs_page.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <filesystem>

namespace ripcord {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The section on contracts has a test of its own, beside those of contracts.
std::vector<std::string> blocks(const std::string& language) {
  std::vector<std::string> all;
  for (const char* heading : {"## A column is renamed over three releases", "## By hand"}) {
    for (std::string& block : code_blocks(docs_section("expand-contract.md", heading), language)) {
      all.push_back(std::move(block));
    }
  }
  return all;
}

class ExpandContractPage : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_run(Engine::kPostgreSql)) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    std::filesystem::create_directory(directory_ / "migrations");
    for (const std::string& block : blocks("sql")) {
      const std::string mark = "-- migrations/";
      if (block.starts_with(mark)) {
        write_file(directory_ / block.substr(3, block.find('\n') - 3), block);
      } else {
        by_hand_.push_back(block);
      }
    }
    ASSERT_EQ(by_hand_.size(), 4U);
    ASSERT_EQ(blocks("yaml").size(), 2U);
  }
  // The manifest, over this database and these files.
  std::string apply(std::size_t which) {
    const codec::ManifestFile file = codec::read_manifests(blocks("yaml").at(which), "page.yaml");
    EXPECT_TRUE(file.errors.empty());
    const auto object = codec::apply_manifest(file.manifests.at(0), nullptr);
    EXPECT_OK(object);
    world_.edit([&](MigrationVersionSpec& spec) {
      spec = std::get<MigrationVersionSpec>(object->spec);
      spec.database = world_.ref();
      spec.source.directory = directory_ / "migrations";
    });
    return world_.settle();
  }
  std::string psql(const std::string& sql) { return shared_cluster().psql(database_, sql); }
  void go_down_to(std::int64_t version) {
    world_.edit([&](MigrationVersionSpec& spec) {
      MigrationOverride override;
      override.version = version;
      spec.override = override;
      spec.policy.data_loss = DataLossPolicy::kApprove;
      spec.approval = MigrationApproval{version, "dba", true};
    });
    EXPECT_EQ(world_.settle(), "Ready");
  }

  TempDir directory_;
  std::vector<std::string> by_hand_;
  World world_{{Engine::kPostgreSql, email_migrations(Engine::kPostgreSql), {}}};
  std::string database_ = world_.ref().url.substr(world_.ref().url.rfind('/') + 1);
};

TEST_F(ExpandContractPage, TheRenameOverThreeReleasesIsTrue) {
  psql(read_file(directory_ / "migrations/1_users.up.sql") +
       "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
       "NULL); INSERT INTO schema_migrations VALUES (1, false);"
       "INSERT INTO users SELECT g, 'User' || g || '@example.com' FROM generate_series(1, 500) g");
  ASSERT_EQ(apply(0), "Ready");
  EXPECT_EQ(world_.phase(), "Complete");
  EXPECT_EQ(world_.transition().rows, 500);
  psql(
      "INSERT INTO users (id, email) VALUES (501, 'First@example.com'); INSERT INTO users (id, "
      "address) VALUES (502, 'second@example.com')");
  EXPECT_EQ(psql("SELECT email, address FROM users WHERE id > 500 ORDER BY id"),
            "First@example.com|first@example.com\nsecond@example.com|second@example.com");
  std::string contracted = apply(1);
  if (contracted.starts_with("ApprovalRequired")) {
    world_.edit([](MigrationVersionSpec& spec) {
      spec.approval = MigrationApproval{3, "dba", true};
      spec.policy.data_loss = DataLossPolicy::kApprove;
    });
    contracted = world_.settle();
  }
  EXPECT_EQ(contracted, "Ready");
  EXPECT_EQ(world_.phase(), "Contracted");
  psql("INSERT INTO users (id, address) VALUES (503, 'third@example.com')");
  go_down_to(2);
  EXPECT_EQ(world_.phase(), "Complete");
  EXPECT_EQ(psql("SELECT email FROM users WHERE id = 503"), "third@example.com");
  go_down_to(1);
  EXPECT_EQ(world_.phase(), "Waiting");
  EXPECT_EQ(psql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
}

TEST_F(ExpandContractPage, TakingOverByHandWorks) {
  psql(read_file(directory_ / "migrations/1_users.up.sql") +
       "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT "
       "NULL); INSERT INTO schema_migrations VALUES (1, false);"
       "INSERT INTO users SELECT g, 'User' || g || '@example.com' FROM generate_series(1, 25000) "
       "g");
  world_.edit([](MigrationVersionSpec& spec) { spec.version.reset(); });
  // A first batch, and then somebody takes over.
  const codec::ManifestFile file = codec::read_manifests(blocks("yaml").at(0), "page.yaml");
  const auto object = codec::apply_manifest(file.manifests.at(0), nullptr);
  world_.edit([&](MigrationVersionSpec& spec) {
    spec = std::get<MigrationVersionSpec>(object->spec);
    spec.database = world_.ref();
    spec.source.directory = directory_ / "migrations";
    spec.transitions[0].backfill->pause = std::chrono::minutes(30);
  });
  world_.reconcile();
  EXPECT_EQ(world_.transition().rows, 10000);
  world_.edit([](MigrationVersionSpec& spec) { spec.suspend = true; });
  EXPECT_THAT(world_.settle(), StartsWith("Suspended"));
  EXPECT_THAT(psql(by_hand_[0]), HasSubstr("email|10000|10000|25000|10000|"));
  psql(by_hand_[1]);
  EXPECT_EQ(psql("SELECT count(*) FROM users WHERE address IS DISTINCT FROM lower(email)"), "0");
  EXPECT_EQ(psql("SELECT email FROM users WHERE id = 20000"), "User20000@example.com");
  world_.edit([](MigrationVersionSpec& spec) { spec.suspend = false; });
  EXPECT_EQ(world_.settle(), "Ready");
  EXPECT_EQ(world_.phase(), "Complete");
  psql(by_hand_[2]);
  world_.edit(
      [](MigrationVersionSpec& spec) { spec.transitions[0].backfill->pause = Duration::zero(); });
  EXPECT_EQ(world_.settle(), "Ready");
  EXPECT_EQ(psql("SELECT rows, scanned FROM ripcord.transitions"), "0|20000");
  psql(by_hand_[3]);
  EXPECT_EQ(psql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  EXPECT_EQ(world_.settle(), "Ready");
  EXPECT_EQ(psql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "2");
}

}  // namespace
}  // namespace ripcord
