// SPDX-License-Identifier: Apache-2.0
// Secrets and ConfigMaps that objects are read from: with the shipped rights, followed one by one.
#include "tests/integration/cluster_drivers/shipped_shop.h"
#include "tests/support/postgres_cluster.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPassword = "hunter2-of-the-shop";

std::string url_with_password(PostgresCluster& cluster, const std::string& database) {
  std::string url = cluster.url(database);
  return url.replace(url.find('@'), 1, std::string(":") + kPassword + "@");
}

class AReference : public ShippedShop {
 protected:
  void SetUp() override {
    ShippedShop::SetUp();
    if (!PostgresCluster::available()) {
      GTEST_SKIP() << "no PostgreSQL server is installed";
    }
  }
  void put_secret(const std::string& key, const std::string& value) {
    apply(
        fmt::format("apiVersion: v1\nkind: Secret\nmetadata: {{name: shop-database}}\n"
                    "stringData: {{\"{}\": \"{}\"}}\n",
                    key, value));
  }
};

constexpr const char* kMigration = R"(apiVersion: ripcord.dev/v1alpha1
kind: MigrationVersion
metadata: {name: shop}
spec:
  database: {urlFrom: {secretKeyRef: {name: shop-database, key: url}}}
  source: {inline: [{version: 1, name: one, up: create table one (id int), down: drop table one}]}
)";

TEST_F(AReference, ASecretThatIsMissingComesIsRotatedAndIsNeverShown) {
  PostgresCluster& cluster = shared_cluster();
  const std::string before = fresh_database(cluster);
  const std::string after = fresh_database(cluster);
  run();
  apply(kMigration);
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False SecretNotFound: "));
  EXPECT_THAT(condition("migrationversion/shop", "Stalled"),
              HasSubstr("Secret shop/shop-database"));
  put_secret("wrong", url_with_password(cluster, before));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False SecretKeyNotFound: "));
  EXPECT_THAT(condition("migrationversion/shop", "Ready"), HasSubstr("it has no key 'url'"));
  put_secret("url", url_with_password(cluster, before));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "True Migrated: "));
  EXPECT_EQ(cluster.psql(before, "select count(*) from one"), "0");
  put_secret("url", url_with_password(cluster, after));
  EXPECT_TRUE(eventually([&] {
    return cluster.psql(after, "select to_regclass('one') is not null") == "t";
  })) << condition("migrationversion/shop", "Ready");
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "True Migrated: "));
  kubectl({"delete", "secret", "shop-database"});
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False SecretNotFound: "));
  EXPECT_THAT(everything_told(), Not(HasSubstr(kPassword)));
}

TEST_F(AReference, OneSecretServesAllObjectsThatNameIt) {
  PostgresCluster& cluster = shared_cluster();
  run();
  apply(kMigration);
  apply(R"(apiVersion: ripcord.dev/v1alpha1
kind: RestoreRequest
metadata: {name: shop}
spec:
  database: {urlFrom: {secretKeyRef: {name: shop-database, key: url}}}
  backup: monday
  catalog: {directory: /nowhere}
  mode: Drill
)");
  EXPECT_TRUE(becomes("restorerequest/shop", "Ready", "False SecretNotFound: "));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False SecretNotFound: "));
  put_secret("url", url_with_password(cluster, fresh_database(cluster)));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "True Migrated: "));
  EXPECT_TRUE(eventually([&] {
    return condition("restorerequest/shop", "Ready").find("Secret") == std::string::npos;
  })) << condition("restorerequest/shop", "Ready");
  EXPECT_THAT(everything_told(), Not(HasSubstr(kPassword)));
}

TEST_F(AReference, MigrationsInAConfigMapAreThoseOfADirectoryAndItsChangesAreSeen) {
  const TempDir directory;
  const std::string database = directory / "shop.db";
  run();
  apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: MigrationVersion
metadata: {{name: shop}}
spec:
  database: {{engine: SQLite, path: {}}}
  source: {{configMapRef: {{name: shop-migrations}}}}
)",
                    database));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False ConfigMapNotFound: "));
  apply(R"yaml(apiVersion: v1
kind: ConfigMap
metadata: {name: shop-migrations}
data:
  10_ten.up.sql: "create table ten (id int)"
  2_two.up.sql: "create table two (id int)"
  2_two.down.sql: "drop table two"
  README.md: "no migration"
)yaml");
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "True Migrated: "));
  EXPECT_EQ(get("migrationversion/shop")["status"]["version"], 10);
  EXPECT_EQ(sqlite(database, "select count(*) from two"), "0\n");
  patch("configmap/shop-migrations", R"x({"data":{"11_eleven.up.sql":"create table x (i int)"}})x");
  EXPECT_TRUE(eventually([&] { return get("migrationversion/shop")["status"]["version"] == 11; }))
      << condition("migrationversion/shop", "Ready");
  patch("configmap/shop-migrations", R"({"data":{"011_again.up.sql":"select 1"}})");
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False BadMigration: "));
  EXPECT_THAT(condition("migrationversion/shop", "Ready"),
              testing::AllOf(HasSubstr("ConfigMap shop/shop-migrations"),
                             HasSubstr("011_again.up.sql"), HasSubstr("11_eleven.up.sql")));
}

TEST_F(AReference, MigrationsInAConfigMapMayBeThoseOfAnyTool) {
  const TempDir directory;
  const std::string database = directory / "shop.db";
  apply(R"yaml(apiVersion: v1
kind: ConfigMap
metadata: {name: shop-migrations}
data:
  20260101_one.sql: |
    -- migrate:up
    create table one (id int);
    -- migrate:down
    drop table one;
)yaml");
  run();
  apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: MigrationVersion
metadata: {{name: shop}}
spec:
  database: {{engine: SQLite, path: {}}}
  source: {{configMapRef: {{name: shop-migrations}}}}
)",
                    database));
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "True Migrated: "));
  EXPECT_EQ(sqlite(database, "select version, typeof(version) from schema_migrations"),
            "20260101|text\n");
  patch("configmap/shop-migrations", R"({"data":{"1_two.up.sql":"select 1"}})");
  EXPECT_TRUE(becomes("migrationversion/shop", "Ready", "False AmbiguousLayout: "));
}

}  // namespace
}  // namespace ripcord
