// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/object_references.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using To = Reference::To;
using References = std::set<Reference>;

Resource traffic_target() {
  Resource object = make_resource(Kind::kTrafficTarget, "shop", "team");
  auto& spec = std::get<TrafficTargetSpec>(object.spec);
  for (const std::string name : {"blue", "green"}) {
    Environment environment{name, {}, {}};
    environment.backend = EnvironmentBackend{"shop-" + name};
    spec.environments.push_back(environment);
  }
  return object;
}

TEST(ObjectReferences, OfATrafficTargetAreWhatItSwitchesAndTheEndpointsBehindIt) {
  Resource object = traffic_target();
  auto& router = std::get<TrafficTargetSpec>(object.spec).router;
  router.kubernetes_service = KubernetesServiceRouter{"web", "version"};
  EXPECT_EQ(references_of(object), (References{{To::kService, "team", "web"},
                                               {To::kEndpointSlices, "team", "shop-blue"},
                                               {To::kEndpointSlices, "team", "shop-green"}}));
  router = {};
  router.http_route = HttpRouteRouter{"web"};
  EXPECT_EQ(references_of(object), (References{{To::kHttpRoute, "team", "web"},
                                               {To::kEndpointSlices, "team", "shop-blue"},
                                               {To::kEndpointSlices, "team", "shop-green"}}));
}

TEST(ObjectReferences, OfATrafficTargetElsewhereAreNone) {
  Resource object = traffic_target();
  std::get<TrafficTargetSpec>(object.spec).router.haproxy =
      HaproxyRouter{"/run/h.sock", "shop", {}};
  EXPECT_EQ(references_of(object), References());
}

TEST(ObjectReferences, OfADatabaseAreItsSecretAndItsMigrations) {
  Resource object = make_resource(Kind::kMigrationVersion, "shop", "team");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database.url_secret = SecretKeyRef{"database", "url"};
  spec.source.config_map = ConfigMapRef{"migrations"};
  EXPECT_EQ(references_of(object), (References{{To::kSecret, "team", "database"},
                                               {To::kConfigMap, "team", "migrations"}}));
}

}  // namespace
}  // namespace ripcord
