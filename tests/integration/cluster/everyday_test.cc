// SPDX-License-Identifier: Apache-2.0
// What a person with kubectl sees.
#include "tests/integration/cluster/running_on_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class OnACluster : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
  static std::string admin() { return ClusterNamespace::plane().kubeconfig(); }
};

TEST_F(OnACluster, AFlagAppliedByKubectlBecomesReadyAndIsServedByEveryReplica) {
  const ClusterNamespace ns;
  RunningOnCluster one(admin(), ns.name());
  RunningOnCluster two(admin(), ns.name());
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");
  EXPECT_TRUE(eventually([&] { return one.flag("checkout") == "true"; })) << one.log();
  EXPECT_TRUE(eventually([&] { return two.flag("checkout") == "true"; })) << two.log();
  EXPECT_TRUE(eventually([&] { return one.leads() || two.leads(); }));
  EXPECT_NE(one.leads(), two.leads());
  EXPECT_THAT(two.health("/readyz?verbose").body + one.health("/readyz?verbose").body,
              HasSubstr("leader (this replica)"));
}

TEST_F(OnACluster, AnOverrideByKubectlPatchReachesEveryReplicaAndTheStatus) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  RunningOnCluster one(admin(), ns.name());
  RunningOnCluster two(admin(), ns.name());
  ns.await_ready("featureflag/checkout");
  ns.patch("featureflag/checkout",
           R"({"spec":{"override":{"enabled":false,"reason":"INC-231","by":"alice"}}})");
  ns.await_ready("featureflag/checkout");
  EXPECT_TRUE(eventually([&] { return one.flag("checkout") == "false"; }));
  EXPECT_TRUE(eventually([&] { return two.flag("checkout") == "false"; }));
  const json flag = ns.get("featureflag/checkout");
  EXPECT_EQ(flag["status"]["observedGeneration"], flag["metadata"]["generation"]);
  bool ready = false;
  for (const json& condition : flag["status"]["conditions"]) {
    EXPECT_EQ(condition["observedGeneration"], flag["metadata"]["generation"]) << condition;
    ready = ready || (condition["type"] == "Ready" && condition["status"] == "True");
  }
  EXPECT_TRUE(ready) << flag["status"].dump(1);
}

TEST_F(OnACluster, AReplicaIsNotReadyBeforeItServesFlags) {
  const ClusterNamespace ns;
  FaultProxy proxy(ClusterNamespace::plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(ClusterNamespace::plane().token()), ns.name(),
                           {"--no-leader-elect"});
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");
  replica.terminate();
  const int busy = proxy.add_rule(R"({"method":"GET","path":"/featureflags","status":503})");
  replica.start_without_waiting();
  EXPECT_TRUE(proxy.applied(busy, 3));
  const auto verbose = [&] { return replica.health("/readyz?verbose").body; };
  EXPECT_TRUE(eventually([&] {
    return verbose().find("[+]MigrationVersion synced") != std::string::npos;
  })) << verbose();
  EXPECT_EQ(replica.health("/readyz").status, 500) << verbose();
  EXPECT_THAT(verbose(), HasSubstr("[-]FeatureFlag not synced"));
  proxy.remove_rule(busy);
  EXPECT_TRUE(eventually([&] { return replica.health("/readyz").status == 200; })) << verbose();
  EXPECT_EQ(replica.flag("checkout"), "true");
}

TEST_F(OnACluster, WhatHappensAgainIsOneEventWithASeries) {
  const ClusterNamespace ns;
  RunningOnCluster replica(admin(), ns.name());
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");
  for (int i = 0; i < 3; ++i) {
    ns.patch("featureflag/checkout", R"({"spec":{"suspend":true}})");
    ns.kubectl({"wait",
                "--for=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}=Suspended",
                "featureflag/checkout", "--timeout=30s"});
    ns.patch("featureflag/checkout", R"({"spec":{"suspend":false}})");
    ns.await_ready("featureflag/checkout");
  }
  json events;
  const auto suspensions = [&] {
    events = json::parse(ns.kubectl({"get", "events.v1.events.k8s.io", "-o", "json"}))["items"];
    json found = json::array();
    for (const json& event : events) {
      if (event["reason"] == "Suspended") {
        found.push_back(event);
      }
    }
    return found;
  };
  // The third time is told with the next patch of the series, half a minute later.
  EXPECT_TRUE(eventually([&] {
    const json found = suspensions();
    return found.size() == 1 && found[0].contains("series") && found[0]["series"]["count"] == 2;
  })) << events.dump(1);
  const json event = suspensions()[0];
  EXPECT_EQ(event["regarding"]["name"], "checkout");
  EXPECT_EQ(event["regarding"]["uid"], ns.get("featureflag/checkout")["metadata"]["uid"]);
  EXPECT_THAT(ns.kubectl({"describe", "featureflag", "checkout"}), HasSubstr("Suspended"));
}

TEST_F(OnACluster, AMissingDefinitionIsNamedAndItsComingHeals) {
  const ClusterNamespace ns;
  ns.kubectl({"delete", "crd", "restorerequests.ripcord.dev"});
  RunningOnCluster replica(admin(), ns.name());
  // Before the server has answered at all, it is not synced for another reason.
  const auto named = [&] {
    const std::string text = replica.health("/readyz?verbose").body;
    return text.find("[-]RestoreRequest not synced: ") != std::string::npos &&
           text.find("apply crds/") != std::string::npos;
  };
  EXPECT_TRUE(eventually(named)) << replica.health("/readyz?verbose").body;
  EXPECT_EQ(replica.metric(R"(ripcord_kind_followed{kind="RestoreRequest"})"), 0);
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");  // the others run
  ClusterNamespace::apply_crds();
  EXPECT_TRUE(eventually([&] {
    return replica.health("/readyz?verbose").body.find("[+]RestoreRequest synced") !=
           std::string::npos;
  })) << replica.health("/readyz?verbose").body;
  EXPECT_TRUE(eventually(
      [&] { return replica.metric(R"(ripcord_kind_followed{kind="RestoreRequest"})") == 1; }));
}

constexpr const char* kRoleWithoutOneWatch = R"(apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ripcord}
rules:
- {apiGroups: [ripcord.dev], resources: [featureflags, traffictargets, restorerequests], verbs: [get, list, watch]}
- {apiGroups: [ripcord.dev], resources: [migrationversions], verbs: [get, list]}
- {apiGroups: [ripcord.dev], resources: ["*/status"], verbs: [update, patch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ripcord}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ripcord}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: visitor}]
)";

TEST_F(OnACluster, AMissingRightIsNamedWithVerbAndKindAndItsGrantHeals) {
  const ClusterNamespace ns;
  ns.apply(kRoleWithoutOneWatch);
  RunningOnCluster replica(ClusterNamespace::plane().kubeconfig_for("visitor", kVisitorToken),
                           ns.name());
  const auto verbose = [&] { return replica.health("/readyz?verbose").body; };
  EXPECT_TRUE(eventually([&] {
    const std::string text = verbose();
    return text.find("cannot watch resource \"migrationversions\"") != std::string::npos;
  })) << verbose();
  EXPECT_THAT(replica.log(), HasSubstr("cannot watch resource"));
  const std::string followed = R"(ripcord_kind_followed{kind="MigrationVersion"})";
  EXPECT_EQ(replica.metric(followed), 0) << replica.metrics();
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");
  EXPECT_EQ(replica.flag("checkout"), "true");
  ns.kubectl({"patch", "role", "ripcord", "--type=json", "-p",
              R"([{"op":"add","path":"/rules/1/verbs/-","value":"watch"}])"});
  EXPECT_TRUE(eventually([&] {
    return verbose().find("[+]MigrationVersion synced") != std::string::npos;
  })) << verbose();
  EXPECT_TRUE(eventually([&] { return replica.metric(followed) == 1; }));
}

}  // namespace
}  // namespace ripcord
