// SPDX-License-Identifier: Apache-2.0
// The control plane that the Kubernetes tests stand on: what they assume of it, asked of it.
#include "tests/support/control_plane.h"

#include "tests/support/paths/paths.h"

#include <string>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

class AControlPlane : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }

  static ControlPlane& plane() { return shared_control_plane(); }
  // The HTTP status and the body, "403 {...}".
  static std::string get(const std::string& path, const std::vector<std::string>& credentials) {
    std::vector<std::string> argv = {"curl", "-sS",           "--cacert", plane().ca_file(),
                                     "-w",   "\n%{http_code}"};
    argv.insert(argv.end(), credentials.begin(), credentials.end());
    argv.push_back(plane().url() + path);
    const RunResult result = run({.argv = std::move(argv)});
    const std::size_t cut = result.out.rfind('\n');
    return result.exit_code != 0 ? result.err
                                 : result.out.substr(cut + 1) + " " + result.out.substr(0, cut);
  }
  static std::vector<std::string> bearer(const std::string& token) {
    return {"-H", "Authorization: Bearer " + token};
  }
  static bool eventually_prints(const std::vector<std::string>& args, const std::string& wanted) {
    return eventually([&] { return plane().kubectl(args).out == wanted; }, std::chrono::minutes(1));
  }
};

std::string version_of_the_module() {
  const std::string file = read_file(source_dir() + "/tests/controlplane/go.mod");
  const std::string name = "k8s.io/kubernetes ";
  const std::size_t begin = file.find(name) + name.size();
  return file.substr(begin, file.find('\n', begin) - begin);
}

constexpr const char* kDeployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      nodeName: node-1
      containers: [{name: shop, image: shop}]
)";

constexpr const char* kServiceAndNode = R"(
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
)";

TEST_F(AControlPlane, IsReadyAndTellsItsRealVersion) {
  EXPECT_EQ(plane().must_kubectl({"get", "--raw", "/readyz"}), "ok");
  const std::string version = get("/version", bearer(plane().token()));
  EXPECT_EQ(version.substr(0, 4), "200 ") << version;
  EXPECT_NE(version.find("\"gitVersion\": \"v1."), std::string::npos) << version;
  if (plane().runs_controllers()) {
    const std::string client = plane().must_kubectl({"version", "--client", "-o", "json"});
    const std::string wanted = "\"gitVersion\": \"" + version_of_the_module() + "\"";
    EXPECT_NE(version.find(wanted), std::string::npos) << version;
    EXPECT_NE(client.find(wanted), std::string::npos) << client;
  }
}

TEST_F(AControlPlane, LetsTheAdministratorInByCertificateToo) {
  const std::string answer = get("/api/v1/nodes", {"--cert", plane().client_certificate_file(),
                                                   "--key", plane().client_key_file()});
  EXPECT_EQ(answer.substr(0, 4), "200 ") << answer;
}

TEST_F(AControlPlane, RefusesAUserWithoutRightsUntilARoleIsBound) {
  const std::string ns = fresh_namespace(plane());
  const std::string path = "/api/v1/namespaces/" + ns + "/configmaps";
  EXPECT_EQ(get(path, bearer("nobody-has-this")).substr(0, 4), "401 ");
  const std::string refused = get(path, bearer(kVisitorToken));
  EXPECT_EQ(refused.substr(0, 4), "403 ") << refused;
  EXPECT_NE(refused.find("\"reason\": \"Forbidden\""), std::string::npos) << refused;

  plane().must_kubectl({"create", "role", "see", "-n", ns, "--verb=list", "--resource=configmaps"});
  plane().must_kubectl(
      {"create", "rolebinding", "see", "-n", ns, "--role=see", std::string("--user=") + kVisitor});
  EXPECT_TRUE(eventually([&] { return get(path, bearer(kVisitorToken)).substr(0, 4) == "200 "; }));
  const RunResult write =
      plane().kubectl({"--kubeconfig", plane().kubeconfig_for(kVisitor, kVisitorToken), "create",
                       "configmap", "x", "-n", ns});
  EXPECT_NE(write.err.find("forbidden"), std::string::npos) << write.err;
}

TEST_F(AControlPlane, GivesTokensToServiceAccounts) {
  const std::string ns = fresh_namespace(plane());
  plane().must_kubectl({"create", "serviceaccount", "robot", "-n", ns});
  std::string token = plane().must_kubectl({"create", "token", "robot", "-n", ns});
  token.erase(token.find_last_not_of('\n') + 1);
  EXPECT_EQ(plane().must_kubectl({"--kubeconfig", plane().kubeconfig_for("robot", token), "auth",
                                  "whoami", "-o", "jsonpath={.status.userInfo.username}"}),
            "system:serviceaccount:" + ns + ":robot");
}

TEST_F(AControlPlane, FinishesTheDeletionOfANamespace) {
  REQUIRE_CONTROLLERS();
  const std::string ns = fresh_namespace(plane());
  plane().must_kubectl({"create", "configmap", "inside", "-n", ns});
  plane().must_kubectl({"delete", "namespace", ns, "--timeout=50s"});
  const RunResult gone = plane().kubectl({"get", "namespace", ns});
  EXPECT_NE(gone.err.find("NotFound"), std::string::npos) << gone.out << gone.err;
}

TEST_F(AControlPlane, CollectsWhatADeletedOwnerOwned) {
  REQUIRE_CONTROLLERS();
  const std::string ns = fresh_namespace(plane());
  plane().must_kubectl({"create", "configmap", "owner", "-n", ns});
  const std::string uid = plane().must_kubectl(
      {"get", "configmap", "owner", "-n", ns, "-o", "jsonpath={.metadata.uid}"});
  plane().must_kubectl({"apply", "-n", ns, "-f", "-"},
                       R"({apiVersion: v1, kind: ConfigMap, metadata: {name: owned, ownerReferences:
                       [{apiVersion: v1, kind: ConfigMap, name: owner, uid: )" +
                           uid + "}]}}");
  plane().must_kubectl({"delete", "configmap", "owner", "-n", ns});
  EXPECT_TRUE(eventually_prints({"get", "configmap", "owned", "-n", ns, "--ignore-not-found"}, ""));
}

TEST_F(AControlPlane, MakesPodsOfADeploymentAndEndpointsOfReadyPods) {
  REQUIRE_CONTROLLERS();
  const std::string ns = fresh_namespace(plane());
  plane().must_kubectl({"apply", "-n", ns, "-f", "-"}, kServiceAndNode);
  plane().must_kubectl({"apply", "-n", ns, "-f", "-"}, kDeployment);
  EXPECT_TRUE(eventually_prints(
      {"get", "replicasets", "-n", ns, "-o", "jsonpath={.items[*].spec.replicas}"}, "2"));
  ASSERT_TRUE(eventually_prints(
      {"get", "pods", "-n", ns, "-l", "app=shop", "-o", "jsonpath={.items[*].status.phase}"},
      "Pending Pending"));
  // A kubelet's part.
  const std::string pod =
      plane().must_kubectl({"get", "pods", "-n", ns, "-o", "jsonpath={.items[0].metadata.name}"});
  plane().must_kubectl(
      {"patch", "pod", pod, "-n", ns, "--subresource=status", "--type=merge", "-p",
       R"({"status":{"phase":"Running","podIP":"10.1.0.7","podIPs":[{"ip":"10.1.0.7"}],
           "conditions":[{"type":"Ready","status":"True"}]}})"});
  EXPECT_TRUE(eventually_prints(
      {"get", "endpointslices", "-n", ns, "-l", "kubernetes.io/service-name=shop", "-o",
       "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}"},
      "10.1.0.7"))
      << plane().kubectl({"get", "endpointslices", "-n", ns, "-o", "yaml"}).out;
  EXPECT_TRUE(eventually_prints(
      {"get", "deployment", "shop", "-n", ns, "-o", "jsonpath={.status.readyReplicas}"}, "1"));
}

TEST_F(AControlPlane, KeepsItsObjectsAndItsAddressAcrossARestartAndACrash) {
  ControlPlane own;
  const std::string url = own.url();
  own.must_kubectl({"create", "configmap", "kept", "--from-literal=a=b"});
  const auto kept = [&] {
    return own.must_kubectl({"get", "configmap", "kept", "-o", "jsonpath={.data.a}"});
  };
  own.stop();
  EXPECT_NE(own.kubectl({"get", "--raw", "/readyz"}).exit_code, 0);
  own.start();
  EXPECT_EQ(kept(), "b");
  own.kill9();
  own.start();
  EXPECT_EQ(kept(), "b");
  EXPECT_EQ(own.url(), url);
}

TEST_F(AControlPlane, CanCompactItsHistory) {
  const std::string ns = fresh_namespace(plane());
  const std::string made = plane().must_kubectl(
      {"create", "configmap", "a", "-n", ns, "-o", "jsonpath={.metadata.resourceVersion}"});
  plane().must_kubectl({"create", "configmap", "b", "-n", ns});
  const std::string now = plane().must_kubectl(
      {"get", "configmap", "b", "-n", ns, "-o", "jsonpath={.metadata.resourceVersion}"});
  const RunResult compacted =
      run({.argv = {"curl", "-sSf", "-d", R"({"revision":")" + now + R"("})",
                    plane().etcd_url() + "/v3/kv/compaction"}});
  ASSERT_EQ(compacted.exit_code, 0) << compacted.err;
  const RunResult read =
      run({.argv = {"curl", "-sS", "-d", R"({"key":"Lw==","revision":")" + made + R"("})",
                    plane().etcd_url() + "/v3/kv/range"}});
  EXPECT_NE(read.out.find("has been compacted"), std::string::npos) << read.out;
}

}  // namespace
}  // namespace ripcord
