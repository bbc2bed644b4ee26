// SPDX-License-Identifier: Apache-2.0
// Database URLs that are in Secrets of a real API server.
#include "adapters/kubernetes/cluster_secrets.h"
#include "adapters/postgres/connection.h"
#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using kubernetes::ClusterSecrets;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kUrl = "postgresql://app:hunter2@db:5432/shop";

class ASecretUrl : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROL_PLANE();
    world_ = std::make_unique<ClusterWorld>();
    world_->kubectl({"create", "secret", "generic", "shop-database",
                     std::string("--from-literal=url=") + kUrl + "\n"});
  }
  DatabaseRef ref(const std::string& name, const std::string& key) {
    DatabaseRef ref;
    ref.url_secret = SecretKeyRef{name, key, {}};
    return located(ref, world_->ns());
  }

  std::unique_ptr<ClusterWorld> world_;
};

TEST_F(ASecretUrl, IsReadAnewEachTime) {
  ClusterSecrets secrets(world_->reach());
  const DatabaseRef shop = ref("shop-database", "url");
  EXPECT_EQ(postgres::resolve_url(shop, &secrets).value_or(""), kUrl);
  world_->kubectl({"patch", "secret", "shop-database", "-p",
                   R"({"stringData":{"url":"postgresql://app:changed@db/shop"}})"});
  EXPECT_EQ(postgres::resolve_url(shop, &secrets).value_or(""), "postgresql://app:changed@db/shop");
}

TEST_F(ASecretUrl, TakesTheRightToReadThatOneSecretAndNoOther) {
  ClusterSecrets secrets(world_->visitor());
  const DatabaseRef shop = ref("shop-database", "url");
  const auto denied = postgres::resolve_url(shop, &secrets);
  EXPECT_CODE(denied, StatusCode::kPermissionDenied);
  EXPECT_THAT(denied.error().message(),
              AllOf(HasSubstr("Secret " + world_->ns() + "/shop-database"),
                    HasSubstr("the verb get on secrets in namespace " + world_->ns())));
  world_->kubectl({"create", "role", "one", "--verb=get", "--resource=secrets",
                   "--resource-name=shop-database"});
  world_->kubectl(
      {"create", "rolebinding", "one", "--role=one", std::string("--user=") + kVisitor});
  EXPECT_TRUE(eventually([&] { return postgres::resolve_url(shop, &secrets).has_value(); }));
}

TEST_F(ASecretUrl, NamesWhatIsMissingAndShowsNoValue) {
  ClusterSecrets secrets(world_->reach());
  const auto no_key = postgres::resolve_url(ref("shop-database", "uri"), &secrets);
  EXPECT_CODE(no_key, StatusCode::kFailedPrecondition);
  EXPECT_EQ(no_key.error().reason(), "SecretKeyNotFound");
  EXPECT_THAT(no_key.error().message(),
              AllOf(HasSubstr("/shop-database: it has no key 'uri'"), Not(HasSubstr("hunter2"))));
  const auto absent = postgres::resolve_url(ref("absent", "url"), &secrets);
  EXPECT_CODE(absent, StatusCode::kFailedPrecondition);
  EXPECT_EQ(absent.error().reason(), "SecretNotFound");
}

TEST(ASecretUrlWithoutACluster, IsRefusedWithWhatToUse) {
  DatabaseRef ref;
  ref.url_secret = SecretKeyRef{"a", "b", "c"};
  const auto refused = postgres::resolve_url(ref);
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.error().reason(), "OnlyOnKubernetes");
  EXPECT_THAT(refused.error().message(), HasSubstr("use urlFrom.env or urlFrom.file"));
}

}  // namespace
}  // namespace ripcord
