// SPDX-License-Identifier: Apache-2.0
// docs/expand-contract.md, "Contract:": its manifest and files go through what its table says.
#include "controller/codec/codec.h"
#include "tests/integration/contracts/shop.h"
#include "tests/support/docs_page.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPage = "expand-contract.md";

class ContractPage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server installed";
    }
    std::filesystem::create_directory(directory_ / "migrations");
    write_files(docs_section(kPage, "## A column is renamed over three releases"), "1_users");
    write_files(section_, "");
    // What goes down is that of the rename, whose files do the same.
    write_file(directory_ / "migrations/2_add_address.down.sql",
               "ALTER TABLE users DROP COLUMN address;");
    write_file(directory_ / "migrations/3_drop_email.down.sql",
               "ALTER TABLE users ADD COLUMN email text;");
    shop_ = postgres_shop(shared_cluster());
    harness_ = std::make_unique<Harness>(shop_.ref, std::vector<Migration>{});
    declare();
    approval_ = harness_->spec().approval;
    harness_->spec().approval.reset();
  }
  // Each part that begins with the name of a file in a comment, as long as that has `name` in it.
  void write_files(const std::string& section, const std::string& name) {
    for (const std::string& block : code_blocks(section, "sql")) {
      std::istringstream lines(block);
      std::string path;
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("-- ") && line.ends_with(".sql")) {
          path = directory_ / ("migrations/" + line.substr(line.find_last_of(" /") + 1));
        } else if (path.find(name) != std::string::npos) {
          write_file(path, (std::filesystem::exists(path) ? read_file(path) : "") + line + "\n");
        }
      }
    }
  }
  // The page shows the part of the manifest that is about contracts.
  void declare() {
    const auto blocks = code_blocks(section_, "yaml");
    ASSERT_EQ(blocks.size(), 1U);
    const std::string text =
        "apiVersion: ripcord.dev/v1alpha1\nkind: MigrationVersion\nmetadata: {name: shop}\n" +
        replaced(blocks[0], "spec:\n",
                 "spec:\n  database: {engine: PostgreSQL, urlFrom: {env: SHOP_DATABASE_URL}}\n");
    const codec::ManifestFile file = codec::read_manifests(text, "page.yaml");
    ASSERT_TRUE(file.errors.empty());
    const auto object = codec::apply_manifest(file.manifests.at(0), nullptr);
    ASSERT_OK(object);
    harness_->spec() = std::get<MigrationVersionSpec>(object->spec);
    harness_->spec().database = shop_.ref;
    harness_->spec().source.directory = directory_ / "migrations";
  }
  std::string columns() {
    return shop_.sql(
        "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns "
        "WHERE table_name = 'users'");
  }
  void contract() {
    harness_->converge();
    shop_.sql("INSERT INTO users (id, email) VALUES (1, 'a@x'), (2, 'b@x')");
    harness_->clock().put_forward(hours(49));
    harness_->converge();
    harness_->spec().approval = approval_;
    harness_->converge();
    ASSERT_EQ(harness_->verdict(), "Ready");
  }

  const std::string section_ = docs_section(kPage, "## Contract: soak, approval, tombstone");
  TempDir directory_;
  Shop shop_;
  std::unique_ptr<Harness> harness_;
  std::optional<MigrationApproval> approval_;
};

TEST_F(ContractPage, GoesThroughWhatItsTableSays) {
  harness_->converge();
  harness_->converge();
  EXPECT_EQ(shop_.sql("SELECT version FROM schema_migrations"), "2");
  EXPECT_THAT(harness_->verdict(), StartsWith("ContractSoak: "));
  EXPECT_THAT(harness_->verdict(), HasSubstr("48h0m0s after version 2 was applied"));
  EXPECT_EQ(columns(), "address email id");
  shop_.sql("INSERT INTO users (id, email) VALUES (1, 'a@x'), (2, 'b@x')");
  harness_->clock().put_forward(hours(49));
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("ApprovalRequired: "));
  EXPECT_THAT(harness_->verdict(), HasSubstr("would take away column users.email. It is put aside "
                                             "under another name first"));
  harness_->spec().approval = approval_;
  harness_->converge();
  ASSERT_EQ(harness_->verdict(), "Ready");
  ASSERT_EQ(harness_->status().tombstones.size(), 1U);
  EXPECT_EQ(harness_->status().tombstones[0].what, "column users.email");
  EXPECT_EQ(harness_->status().tombstones[0].name, "users.zz_ripcord_3_email");
  EXPECT_EQ(columns(), "address id zz_ripcord_3_email");
  harness_->spec().override.emplace().version = 2;
  harness_->converge();
  EXPECT_EQ(harness_->verdict(), "Ready");
  EXPECT_EQ(columns(), "address email id");
  EXPECT_EQ(shop_.sql("SELECT email FROM users ORDER BY id"), "a@x\nb@x");
}

TEST_F(ContractPage, AVersionOutsideTheRangeOfTheReleaseIsNotGoneTo) {
  contract();
  harness_->spec().override.emplace().version = 1;
  harness_->converge();
  EXPECT_THAT(harness_->verdict(), StartsWith("OutsideSchemaRange"));
}

TEST_F(ContractPage, ATombstoneIsDroppedByHandAsItSays) {
  contract();
  const std::string listed = "SELECT * FROM ripcord.tombstones";
  const std::string drop = "ALTER TABLE users DROP COLUMN zz_ripcord_3_email";
  const std::string undo = "SELECT down FROM ripcord.applied WHERE version = 3";
  for (const std::string& each : {listed, drop, undo}) {
    EXPECT_THAT(section_, HasSubstr("`" + each));
  }
  EXPECT_THAT(shop_.sql(listed), HasSubstr("zz_ripcord_3_email"));
  EXPECT_THAT(shop_.sql(undo), HasSubstr("RENAME"));
  shop_.sql(drop);
  harness_->converge();
  EXPECT_EQ(harness_->verdict(), "Ready");
  EXPECT_TRUE(harness_->status().tombstones.empty());
  EXPECT_THAT(shop_.sql(undo), HasSubstr("ALTER TABLE users ADD COLUMN email text"));
}

}  // namespace
}  // namespace ripcord
