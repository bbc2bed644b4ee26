// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cluster_access.h"

#include "adapters/kubernetes/kubeconfig.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <filesystem>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string minimal(const std::string& name) {
  return fmt::format(R"(current-context: {0}
clusters: [{{name: {0}, cluster: {{server: "https://{0}:6443/"}}}}]
users: [{{name: {0}, user: {{token: token-of-{0}}}}}]
contexts: [{{name: {0}, context: {{cluster: {0}, user: {0}, namespace: ns-{0}}}}}]
)",
                     name);
}

class ClusterAccessTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_file(path, text);
    return path;
  }
  void expect_refused(const std::string& config, const std::string& why) {
    AccessOptions options;
    options.kubeconfig = file("refused", config);
    const auto access = find_cluster_access(options);
    EXPECT_CODE(access, StatusCode::kInvalidArgument);
    EXPECT_THAT(access.error().message(),
                AllOf(HasSubstr(why), HasSubstr(options.kubeconfig), Not(HasSubstr("s3cr3t"))));
  }
  TempDir folder_;
};

TEST_F(ClusterAccessTest, TakesFlagThenVariableThenPodThenHome) {
  AccessOptions options;
  EXPECT_CODE(find_cluster_access(options), StatusCode::kFailedPrecondition);
  options.home = folder_.path();
  const auto none = find_cluster_access(options);
  EXPECT_CODE(none, StatusCode::kFailedPrecondition);
  EXPECT_THAT(none.error().message(),
              AllOf(HasSubstr("KUBERNETES_SERVICE_HOST"), HasSubstr(folder_ / ".kube/config")));

  file(".kube/config", minimal("home"));
  EXPECT_EQ(find_cluster_access(options)->server, "https://home:6443");

  options.service_host = "10.0.0.1";
  options.service_port = "443";
  options.service_account = folder_ / "account";
  EXPECT_EQ(find_cluster_access(options)->server, "https://home:6443") << "there is no token yet";
  file("account/token", "pod-token\n");
  file("account/namespace", "shop\n");
  const auto pod = find_cluster_access(options);
  ASSERT_OK(pod);
  EXPECT_EQ(pod->server, "https://10.0.0.1:443");
  EXPECT_EQ(pod->ns, "shop");
  EXPECT_EQ(pod->token.file, folder_ / "account/token");
  EXPECT_EQ(pod->ca.file, folder_ / "account/ca.crt");

  options.kubeconfig_list = file("listed", minimal("listed"));
  EXPECT_EQ(find_cluster_access(options)->server, "https://listed:6443");
  options.kubeconfig = file("flag", minimal("flag"));
  const auto flag = find_cluster_access(options);
  ASSERT_OK(flag);
  EXPECT_EQ(flag->server, "https://flag:6443");
  EXPECT_EQ(flag->ns, "ns-flag");
  EXPECT_EQ(flag->token.text, "token-of-flag");

  options.kubeconfig = folder_ / "absent";
  EXPECT_CODE(find_cluster_access(options), StatusCode::kNotFound);
}

TEST_F(ClusterAccessTest, PutsAnIpv6AddressOfThePodIntoBrackets) {
  file("account/token", "t");
  AccessOptions options;
  options.service_host = "fd00::1";
  options.service_port = "6443";
  options.service_account = folder_ / "account";
  EXPECT_EQ(find_cluster_access(options)->server, "https://[fd00::1]:6443");
}

TEST_F(ClusterAccessTest, GoesPastThePodWhenAContextIsAskedFor) {
  file("account/token", "t");
  file(".kube/config", minimal("home"));
  AccessOptions options;
  options.home = folder_.path();
  options.service_host = "10.0.0.1";
  options.service_port = "443";
  options.service_account = folder_ / "account";
  options.context = "home";
  EXPECT_EQ(find_cluster_access(options)->server, "https://home:6443");
}

TEST_F(ClusterAccessTest, MergesAListSoThatTheFirstFileWithANameWinsWhole) {
  const std::string first = file("first", R"(
clusters: [{name: c, cluster: {server: "https://first"}}]
users: [{name: u, user: {token: first}}]
)");
  const std::string second = file("second", R"(
current-context: x
clusters:
- {name: c, cluster: {server: "https://second", tls-server-name: second}}
- {name: d, cluster: {server: "https://d"}}
users: [{name: u, user: {token: second, client-certificate: c.crt, client-key: c.key}}]
contexts:
- {name: x, context: {cluster: c, user: u}}
- {name: z, context: {cluster: d, user: u}}
)");
  AccessOptions options;
  options.kubeconfig_list = fmt::format("{}/absent:{}::{}", folder_.path().string(), first, second);
  const auto access = find_cluster_access(options);
  ASSERT_OK(access);
  EXPECT_EQ(access->server, "https://first");
  EXPECT_EQ(access->server_name, "");
  EXPECT_EQ(access->token.text, "first");
  EXPECT_FALSE(access->certificate.given());
  options.context = "z";
  EXPECT_EQ(find_cluster_access(options)->server, "https://d");
  options.kubeconfig_list = folder_ / "absent";
  EXPECT_CODE(find_cluster_access(options), StatusCode::kNotFound);
}

TEST_F(ClusterAccessTest, TakesPathsRelativeToTheFileAndDataBeforePaths) {
  const std::string path = file("deep/config", R"(
current-context: x
clusters: [{name: c, cluster: {server: "https://c", certificate-authority: ../ca.crt}}]
users:
- name: u
  user:
    tokenFile: token
    client-certificate: /abs/u.crt
    client-key: ignored.key
    client-key-data: S0VZ
    exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/get}
- {name: v, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: get}}}
contexts: [{name: x, context: {cluster: c, user: u}}, {name: z, context: {cluster: c, user: v}}]
)");
  const auto access = read_kubeconfig({path}, "");
  ASSERT_OK(access);
  EXPECT_EQ(access->ca.file, folder_ / "ca.crt");
  EXPECT_EQ(access->token.file, folder_ / "deep/token");
  EXPECT_EQ(access->certificate.file, "/abs/u.crt");
  EXPECT_EQ(access->key.file, "");
  EXPECT_EQ(access->key.text, "KEY");
  EXPECT_EQ(access->exec->command, folder_ / "deep/bin/get");
  EXPECT_EQ(read_kubeconfig({path}, "z")->exec->command, "get") << "looked up in PATH";
}

TEST_F(ClusterAccessTest, RefusesWhatCannotWorkAndSaysWhy) {
  const auto config = [](const std::string& cluster, const std::string& user) {
    return fmt::format(
        "current-context: x\nclusters: [{{name: c, cluster: {{{}}}}}]\n"
        "users: [{{name: u, user: {{{}}}}}]\n"
        "contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n",
        cluster, user);
  };
  expect_refused("", "current-context is not set");
  expect_refused("current-context: x\ncontexts: [{name: z}]", "no context 'x'; there is 'z'");
  expect_refused("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
                 "no cluster 'c'; there is none");
  expect_refused(
      "current-context: x\nclusters: [{name: c, cluster: {server: 'https://c'}}]\n"
      "contexts: [{name: x, context: {cluster: c, user: u}}]",
      "no user 'u'");
  expect_refused(config("", ""), "has no server");
  expect_refused(config("server: 'ftp://c'", ""), "must start with https://");
  expect_refused(config("server: 'https://me:s3cr3t@c'", ""), "must not hold a user name");
  expect_refused(config("server: 'http://c'", "token: s3cr3t"), "plain text");
  expect_refused(
      config("server: 'https://c', certificate-authority: a, insecure-skip-tls-verify: true", ""),
      "exclude each other");
  expect_refused(config("server: 'https://c'", "client-certificate: a"), "come together");
  expect_refused(config("server: 'https://c', proxy-url: 'http://p'", ""), "proxies are not");
  expect_refused(config("server: 'https://c'", "auth-provider: {name: oidc}"), "use exec");
  expect_refused(config("server: 'https://c'", "username: me, password: s3cr3t"), "passwords");
  expect_refused(config("server: 'https://c'", "as: admin"), "impersonation");
}

TEST_F(ClusterAccessTest, SendsATokenInPlainTextToLoopbackOnly) {
  const std::string path = file("local", R"(
current-context: x
clusters: [{name: c, cluster: {server: "http://127.0.0.1:8080"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
)");
  EXPECT_OK(read_kubeconfig({path}, ""));
}

}  // namespace
}  // namespace ripcord::kubernetes
