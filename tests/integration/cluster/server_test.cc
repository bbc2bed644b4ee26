// SPDX-License-Identifier: Apache-2.0
// What the API server and its definitions may do to us: restart, change, go.
#include "tests/integration/cluster/running_on_cluster.h"

#include <map>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

class TheApiServer : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
  static ControlPlane& plane() { return ClusterNamespace::plane(); }
};

bool writes_anything(const SeenRequest& request) {
  return request.writes() && !request.is_of_lease();
}

// Full lists of a kind since then. A streaming list that was not answered is no list.
std::map<std::string, int> lists(const FaultProxy& proxy, double since) {
  std::map<std::string, int> of_kind;
  for (const SeenRequest& request : proxy.requests()) {
    if (request.start >= since && request.lists() && request.status == 200) {
      ++of_kind[request.path.substr(0, request.path.find('?'))];
    }
  }
  return of_kind;
}

TEST_F(TheApiServer, ThatRestartsIsListedAtMostOnceMoreAKindWhileFlagsAreServed) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  const FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ns.await_ready("featureflag/checkout");
  const double before = monotonic_seconds();
  plane().stop();
  EXPECT_EQ(replica.flag("checkout"), "true");
  EXPECT_EQ(replica.health("/readyz").status, 200);
  plane().start();
  EXPECT_EQ(replica.flag("checkout"), "true");
  ns.patch("featureflag/checkout", R"({"spec":{"enabled":false}})");
  ns.await_ready("featureflag/checkout");
  EXPECT_TRUE(eventually([&] { return replica.flag("checkout") == "false"; }));
  EXPECT_TRUE(eventually([&] {
    return replica.health("/readyz?verbose").body.find("watch interrupted") == std::string::npos;
  })) << replica.health("/readyz?verbose").body;
  for (const auto& [kind, times] : lists(proxy, before)) {
    EXPECT_LE(times, 1) << kind;
  }
}

TEST_F(TheApiServer, WhoseDefinitionIsEditedIsListedOnceAndUnchangedObjectsAreLeftAlone) {
  const ClusterNamespace ns;
  const FaultProxy proxy(plane(), plain_client());
  for (const std::string name : {"a", "b", "c"}) {
    ns.apply_flag(name);
  }
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(),
                           {"--no-leader-elect", "--resync=10m"});
  for (const std::string name : {"a", "b", "c"}) {
    ns.await_ready("featureflag/" + name);
  }
  const auto reconciles = [&] {
    return replica.metric(
        R"(controller_runtime_reconcile_total{controller="feature_flag",result="success"})");
  };
  ASSERT_GE(reconciles(), 3) << replica.metrics();
  // What the statuses that were just written bring is looked at first.
  double settled = -1;
  ASSERT_TRUE(eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return std::exchange(settled, reconciles()) == reconciles();
  }));
  const double edited = monotonic_seconds();
  ns.kubectl({"patch", "crd", "featureflags.ripcord.dev", "--type=json", "-p",
              R"([{"op":"add","path":"/spec/names/shortNames/-","value":"oneflag"}])"});
  ASSERT_TRUE(eventually([&] { return lists(proxy, edited).size() == 1; })) << replica.log();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(reconciles(), settled);
  for (const auto& [kind, times] : lists(proxy, edited)) {
    EXPECT_EQ(times, 1) << kind;
  }
  EXPECT_EQ(proxy.count(edited, writes_anything), 0U);
  ns.patch("featureflag/a", R"({"spec":{"enabled":false}})");
  ns.await_ready("featureflag/a");
  ClusterNamespace::apply_crds();
}

TEST_F(TheApiServer, WhoseDefinitionIsRemovedLeavesFlagsServed) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  RunningOnCluster replica(plane().kubeconfig(), ns.name(), {"--no-leader-elect"});
  ns.await_ready("featureflag/checkout");
  ASSERT_EQ(replica.flag("checkout"), "true");
  ns.kubectl({"delete", "crd", "featureflags.ripcord.dev"});
  ASSERT_TRUE(eventually([&] {
    return replica.health("/readyz?verbose").body.find("knows no featureflags") !=
           std::string::npos;
  })) << replica.health("/readyz?verbose").body;
  EXPECT_EQ(replica.flag("checkout"), "true");
  EXPECT_EQ(replica.health("/readyz").status, 200);
  // What is there afterwards counts again, also that something is not.
  ClusterNamespace::apply_crds();
  ns.apply_flag("another");
  ns.await_ready("featureflag/another");
  EXPECT_TRUE(eventually([&] { return replica.flag("checkout") == "status 404"; }));
  EXPECT_EQ(replica.flag("another"), "true");
}

constexpr std::chrono::seconds kQuiet{10};

TEST_F(TheApiServer, HearsNothingButTheLeaseOnceAllIsAsDeclared) {
  const ClusterNamespace ns;
  const TempDir directory;
  const FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name());
  for (int i = 0; i < 20; ++i) {
    ns.request("POST", "featureflags",
               fmt::format(R"({{"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",)"
                           R"("metadata":{{"name":"f{0}"}},"spec":{{"key":"f{0}"}}}})",
                           i),
               "application/json");
  }
  ns.apply(migration_manifest("shop", directory / "app.db", 2));
  ns.kubectl({"wait", "--for=condition=Ready", "featureflag", "--all", "--timeout=30s"});
  ns.await_ready("migrationversion/shop");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double converged = monotonic_seconds();
  std::this_thread::sleep_for(kQuiet);
  for (const SeenRequest& request : proxy.requests()) {
    const bool goes_on = request.is_of_lease() || request.path.find("watch=1") != std::string::npos;
    EXPECT_TRUE(request.start < converged || goes_on) << request.method << " " << request.path;
    EXPECT_FALSE(request.start >= converged && request.lists()) << request.path;
  }
  EXPECT_GT(proxy.count(converged, [](const auto& request) { return request.is_of_lease(); }), 0U);
}

// Whatever is written gets a label, and each flag a field of its spec back that its owner left to
// the default.
constexpr const char* kRedefaulting = R"yaml(apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: redefaulting}}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
    - apiGroups: [ripcord.dev]
      apiVersions: [v1alpha1]
      operations: [CREATE, UPDATE]
      resources: [featureflags, featureflags/status]
    - {{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}}
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{{op: "add", path: "/metadata/labels", value: {{"by": "policy"}}}}] +
        (object.kind == "FeatureFlag"
        ? [JSONPatch{{op: "add", path: "/spec/whenDisabled", value: "CodeDefault"}}] : [])
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: redefaulting}}
spec:
  policyName: redefaulting
  matchResources:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {}}}}}
)yaml";

TEST_F(TheApiServer, ThatRedefaultsWhatIsWrittenIsNotFoughtWith) {
  const ClusterNamespace ns;
  ns.apply(fmt::format(kRedefaulting, ns.name()));
  ASSERT_TRUE(eventually([&] {  // a policy is in force some time after it was accepted
    ns.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: probe}}");
    const bool in_force = ns.get("configmap/probe")["metadata"].contains("labels");
    ns.kubectl({"delete", "configmap", "probe"});
    return in_force;
  }));
  const FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(),
                           {"--no-leader-elect", "--resync=1s"});
  ns.apply(R"(apiVersion: ripcord.dev/v1alpha1
kind: FeatureFlag
metadata: {name: checkout}
spec: {enabled: false, sinks: [{configMap: {name: flags, key: flags.json}}]}
)");
  ns.kubectl({"wait", "--for=condition=SinksWritten", "featureflag/checkout", "--timeout=30s"});
  ns.await_ready("featureflag/checkout");
  EXPECT_EQ(ns.get("featureflag/checkout")["spec"]["whenDisabled"], "CodeDefault");
  EXPECT_EQ(ns.get("configmap/flags")["metadata"]["labels"]["by"], "policy");
  const auto reconciles = [&] {
    return replica.metric(
        R"(controller_runtime_reconcile_total{controller="feature_flag",result="success"})");
  };
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double converged = monotonic_seconds();
  const double before = reconciles();
  ASSERT_TRUE(eventually([&] { return reconciles() >= before + 3; })) << replica.metrics();
  for (const SeenRequest& request : proxy.requests()) {
    EXPECT_FALSE(request.start >= converged && request.writes())
        << request.method << " " << request.path;
  }
  ns.kubectl(
      {"delete", "mutatingadmissionpolicies,mutatingadmissionpolicybindings", "redefaulting"});
}

TEST_F(TheApiServer, MayHoldAnObjectThatBreaksOurRulesWhichIsStalledAndChangesNothing) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  RunningOnCluster replica(plane().kubeconfig(), ns.name(), {"--no-leader-elect"});
  ns.await_ready("featureflag/checkout");
  // Somebody removed the policy that guards what a schema cannot say.
  ns.kubectl({"delete", "validatingadmissionpolicybinding", "--all"});
  ASSERT_TRUE(eventually([&] {
    return ns.request("PATCH", "featureflags/checkout",
                      R"({"spec":{"defaultVariant":"green","enabled":true}})")
               .status == 200;
  }));
  ns.kubectl({"wait", "--for=condition=Stalled", "featureflag/checkout", "--timeout=30s"});
  const std::string status = ns.get("featureflag/checkout")["status"].dump();
  EXPECT_THAT(status, HasSubstr("\"Invalid\""));
  EXPECT_THAT(status, HasSubstr("spec.defaultVariant"));
  EXPECT_EQ(replica.flag("checkout"), "true");
  ns.patch("featureflag/checkout", R"({"spec":{"defaultVariant":"on"}})");
  ns.await_ready("featureflag/checkout");
  ClusterNamespace::apply_crds();
}

}  // namespace
}  // namespace ripcord
