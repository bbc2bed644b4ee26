// SPDX-License-Identifier: Apache-2.0
// Every way to be known to a real API server, and what it says to those it does not know.
#include "adapters/kubernetes/cluster_client.h"

#include "adapters/http/client.h"
#include "adapters/kubernetes/remote_object_store.h"
#include "adapters/process/child_runner.h"
#include "tests/support/control_plane.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <filesystem>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ClusterClientOnAServer : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROL_PLANE();
    plane_ = &shared_control_plane();
  }
  // A kubeconfig for the server with `user` as its user's mapping, in flow style.
  std::unique_ptr<ClusterClient> client_as(const std::string& user,
                                           const std::string& cluster = {}) {
    write_file(
        folder_ / "config",
        fmt::format("current-context: x\n"
                    "clusters: [{{name: c, cluster: {{server: '{}', {}}}}}]\n"
                    "users: [{{name: u, user: {{{}}}}}]\n"
                    "contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n",
                    plane_->url(),
                    cluster.empty() ? fmt::format("certificate-authority: '{}'", plane_->ca_file())
                                    : cluster,
                    user));
    return client_of(folder_ / "config");
  }
  std::unique_ptr<ClusterClient> client_of(const std::string& kubeconfig) {
    AccessOptions options;
    options.kubeconfig = kubeconfig;
    const auto access = find_cluster_access(options);
    EXPECT_OK(access);
    return std::make_unique<ClusterClient>(
        std::make_shared<Credentials>(access.value_or(ClusterAccess{}), clock_, &runner_),
        http::make_http_clients, clock_);
  }
  static Result<HttpResponse> get(ClusterClient& client,
                                  const std::string& path = "/api/v1/nodes") {
    HttpRequest request;
    request.url = path;
    return client.send(request);
  }
  static std::string plugin_printing(const std::string& folder, const std::string& token) {
    const std::string path = folder + "/plugin";
    write_file(path,
               fmt::format("#!/bin/sh\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                           "\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{}\"}}}}'\n",
                           token));
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, "
           "interactiveMode: Never}";
  }

  TempDir folder_;
  SystemClock clock_;
  ChildRunner runner_;
  ControlPlane* plane_ = nullptr;
};

TEST_F(ClusterClientOnAServer, IsKnownByEveryKindOfCredential) {
  write_file(folder_ / "token", plane_->token() + "\n");
  const std::string users[] = {
      "token: '" + plane_->token() + "'",
      "tokenFile: token",
      fmt::format("client-certificate: '{}', client-key: '{}'", plane_->client_certificate_file(),
                  plane_->client_key_file()),
      plugin_printing(folder_.path().string(), plane_->token()),
  };
  for (const std::string& user : users) {
    SCOPED_TRACE(user);
    const auto client = client_as(user);
    const auto response = get(*client);
    ASSERT_OK(response);
    EXPECT_EQ(response->status, 200) << response->body;
  }
  const auto shipped = get(*client_of(plane_->kubeconfig()));
  ASSERT_OK(shipped);
  EXPECT_EQ(shipped->status, 200);
}

TEST_F(ClusterClientOnAServer, SaysWhatIsWrongWithItsCredentials) {
  const auto store_error = [](ClusterClient& client) {
    RemoteObjectStore store(client, client, client.server());
    const auto found = store.get(sample_flag("absent").key());
    return found ? Status() : found.error();
  };
  const auto unknown = client_as("token: s3cr3t");
  EXPECT_EQ(get(*unknown)->status, 401);
  EXPECT_CODE(store_error(*unknown), StatusCode::kPermissionDenied);
  EXPECT_THAT(store_error(*unknown).message(),
              AllOf(HasSubstr("nauthorized"), Not(HasSubstr("s3cr3t"))));

  const auto visitor = client_as(fmt::format("token: {}", kVisitorToken));
  EXPECT_EQ(get(*visitor)->status, 403);
  EXPECT_CODE(store_error(*visitor), StatusCode::kPermissionDenied);
  EXPECT_THAT(store_error(*visitor).message(),
              AllOf(HasSubstr("featureflags"), HasSubstr(kVisitor)));
}

TEST_F(ClusterClientOnAServer, RunsAPluginAgainWhenItsTokenIsRefused) {
  const std::string user = plugin_printing(folder_.path().string(), "stale");
  const auto client = client_as(user);
  EXPECT_EQ(get(*client)->status, 401);
  plugin_printing(folder_.path().string(), plane_->token());
  // A plugin whose credential was refused twice rests for some seconds.
  EXPECT_TRUE(eventually([&] { return get(*client)->status == 200; }));
}

TEST_F(ClusterClientOnAServer, TrustsTheServerOnlyByItsOwnCa) {
  const std::string user = "token: '" + plane_->token() + "'";
  const auto distrusting = get(*client_as(
      user, "tls-server-name: wrong.example, certificate-authority: '" + plane_->ca_file() + "'"));
  EXPECT_CODE(distrusting, StatusCode::kUnavailable);
  EXPECT_THAT(distrusting.error().message(), HasSubstr("not for 'wrong.example'"));
  HttpRequest request;
  request.url = plane_->url() + "/version";
  const auto system = http::make_http_client()->send(request);
  EXPECT_CODE(system, StatusCode::kUnavailable);
  EXPECT_THAT(system.error().message(), HasSubstr("not trusted"));
}

TEST_F(ClusterClientOnAServer, WaitsForAServerThatRestarts) {
  ControlPlane own;
  plane_ = &own;
  const auto client = client_as("token: '" + own.token() + "'");
  EXPECT_EQ(get(*client)->status, 200);
  own.stop();
  HttpRequest hurried;
  hurried.url = "/version";
  hurried.timeout = std::chrono::milliseconds(300);
  EXPECT_CODE(client->send(hurried), StatusCode::kUnavailable);
  own.start();
  EXPECT_TRUE(eventually([&] {
    const auto response = get(*client);
    return response && response->status == 200;
  }));
}

}  // namespace
}  // namespace ripcord::kubernetes
