// SPDX-License-Identifier: Apache-2.0
// The container of the Deployment as the manifests have it: its own arguments and user, a root that
// cannot be written, the files that a kubelet mounts, and the rights of its ServiceAccount.
#include "tests/integration/cluster_drivers/shipped_shop.h"
#include "tests/support/paths/paths.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace ripcord {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// In a mount namespace of its own: $1 becomes the ServiceAccount's files, $2 the program.
constexpr const char* kKubelet = R"(set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
cp "$1"/* /var/run/secrets/kubernetes.io/serviceaccount
cp "$2" /run/program
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
user=$3 group=$4
shift 4
exec setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs --bounding-set=-all \
  --inh-caps=-all env -i PATH="$PATH" KUBERNETES_SERVICE_HOST="$HOST" \
  KUBERNETES_SERVICE_PORT="$PORT" /run/program "$@")";

// By the folder of manifests/ that is installed.
class ADeployment : public ShippedShop, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (ripcord::run({.argv = {"unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/run"}})
            .exit_code != 0) {
      GTEST_SKIP() << "Skipped, because it mounts files as a kubelet does, and this user may not";
    }
    ShippedShop::SetUp();
  }
  void TearDown() override {
    pod_.reset();
    ShippedShop::TearDown();
  }

  void install(const std::string& folder) {
    const std::string manifests = source_dir() + "/manifests/" + folder;
    plane().must_kubectl({"apply", "--server-side", "-k", manifests});
    deployment_ = json::parse(plane().must_kubectl(
        {"get", "deployment", "ripcord", "-n", "ripcord-system", "-o", "json"}));
  }
  const json& pod_spec() const { return deployment_["spec"]["template"]["spec"]; }
  const json& container() const { return pod_spec()["containers"][0]; }
  // The loopback port that stands for a named one of the container.
  std::uint16_t port(const json& name) const { return ports_.at(name.get<std::string>()); }

  void start() {
    std::vector<std::string> args = container()["args"];
    for (const json& declared : container()["ports"]) {
      const std::uint16_t free = free_port();
      const std::string everywhere = fmt::format("=:{}", declared["containerPort"].get<int>());
      int found = 0;
      for (std::string& arg : args) {
        if (arg.ends_with(everywhere)) {
          arg.replace(arg.size() - everywhere.size(), everywhere.size(),
                      fmt::format("=127.0.0.1:{}", free));
          ++found;
        }
      }
      ASSERT_EQ(found, 1) << "nothing listens on " << declared;
      ports_[declared["name"]] = free;
    }
    write_file(account_ / "token", token());
    write_file(account_ / "ca.crt", read_file(plane().ca_file()));
    write_file(account_ / "namespace", deployment_["metadata"]["namespace"]);
    const json& context = pod_spec()["securityContext"];
    const std::string authority = plane().url().substr(std::string("https://").size());
    const std::size_t colon = authority.find(':');
    std::vector<std::string> argv = {"unshare",
                                     "-m",
                                     "sh",
                                     "-c",
                                     kKubelet,
                                     "kubelet",
                                     account_.path().string(),
                                     bin_dir() + "/ripcord",
                                     context["runAsUser"].dump(),
                                     context["runAsGroup"].dump()};
    argv.insert(argv.end(), args.begin(), args.end());
    pod_ = std::make_unique<ChildProcess>(ProcessOptions{
        .argv = argv,
        .env = {{"HOST", authority.substr(0, colon)}, {"PORT", authority.substr(colon + 1)}}});
  }
  HttpResponse ask(const json& port_name, const std::string& path) {
    HttpRequest request;
    request.url = fmt::format("http://127.0.0.1:{}{}", port(port_name), path);
    request.timeout = std::chrono::seconds(3);
    return plain_client().send(request).value_or(HttpResponse{});
  }
  testing::AssertionResult passes(const char* probe) {
    const json& get = container()[probe]["httpGet"];
    HttpResponse answer;
    const bool passed = eventually([&] {
      answer = ask(get["port"], get["path"]);
      return answer.status == 200 || !pod_->running();
    });
    return passed && answer.status == 200
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << probe << ": " << answer.body << pod_->err();
  }
  // The reasons of the Events about one flag.
  std::vector<std::string> reasons(const std::string& flag) {
    std::vector<std::string> all;
    const json events = json::parse(kubectl({"get", "events.v1.events.k8s.io", "-o", "json"}));
    for (const json& event : events["items"]) {
      if (event["regarding"]["name"] == flag) {
        all.push_back(event["reason"]);
      }
    }
    return all;
  }
  std::string holder() {
    return plane().must_kubectl({"get", "lease", "ripcord-leader", "-n", "ripcord-system", "-o",
                                 "jsonpath={.spec.holderIdentity}"});
  }
  void flag(const std::string& name) {
    apply(
        fmt::format("apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\n"
                    "metadata: {{name: {}}}\nspec: {{enabled: true}}\n",
                    name));
  }

  json deployment_;
  TempDir account_;
  std::map<std::string, std::uint16_t> ports_;
  std::unique_ptr<ChildProcess> pod_;
};

TEST_P(ADeployment, LeadsServesAndTellsWithTheRightsThatComeWithIt) {
  install(GetParam());
  const bool one_namespace = std::string(GetParam()) != "install";
  if (one_namespace) {
    plane().must_kubectl({"delete", "clusterrolebinding", "ripcord-controller"});
  }
  ASSERT_NO_FATAL_FAILURE(start());
  for (const char* probe : {"startupProbe", "livenessProbe", "readinessProbe"}) {
    EXPECT_TRUE(passes(probe));
  }
  EXPECT_TRUE(eventually([&] {
    return ask("metrics", "/metrics")
               .body.find("leader_election_master_status{name=\"ripcord-leader\"} 1") !=
           std::string::npos;
  })) << pod_->err();
  EXPECT_NE(holder(), "");
  const std::string name = one_namespace ? "checkout-here" : "checkout";
  flag(name);
  EXPECT_TRUE(becomes("featureflag/" + name, "Ready", "True Serving: ")) << pod_->err();
  EXPECT_TRUE(eventually([&] { return !reasons(name).empty(); })) << pod_->err();
  // A clean stop, as a kubelet asks for it, within the time that the Deployment grants.
  pod_->signal(SIGTERM);
  EXPECT_EQ(
      pod_->wait(std::chrono::seconds(pod_spec()["terminationGracePeriodSeconds"].get<int>())), 0)
      << pod_->err();
  EXPECT_EQ(holder(), "");
  if (one_namespace) {
    plane().must_kubectl({"delete", "rolebinding", "ripcord-controller", "-n", "shop"});
    install("install");
  }
}

INSTANTIATE_TEST_SUITE_P(Of, ADeployment, testing::Values("install", "overlays/single-namespace"),
                         [](const auto& test) {
                           return std::string(test.param) == "install" ? "AllNamespaces"
                                                                       : "OneNamespace";
                         });

class TheChartsTest : public ShippedShop {
 protected:
  // The exit code of the script of its pod, with the Service's host replaced.
  static RunResult answers(const std::string& helm, std::uint16_t port) {
    const RunResult rendered =
        ripcord::run({.argv = {helm, "template", "ripcord", source_dir() + "/helm/ripcord", "-n",
                               "ripcord-system", "--show-only", "templates/tests/answers.yaml"}});
    EXPECT_EQ(rendered.exit_code, 0) << rendered.err;
    const json pod = json::parse(plane().must_kubectl(
        {"create", "--dry-run=client", "-o", "json", "-f", "-"}, rendered.out));
    std::vector<std::string> argv = pod["spec"]["containers"][0]["command"];
    std::string script = pod["spec"]["containers"][0]["args"][0];
    const std::string service = "ripcord.ripcord-system.svc/8016";
    const std::size_t at = script.find(service);
    EXPECT_NE(at, std::string::npos) << script;
    script.replace(at, service.size(), fmt::format("127.0.0.1/{}", port));
    argv.push_back(script);
    return ripcord::run({.argv = argv});
  }
};

TEST_F(TheChartsTest, PassesWhereFlagsAreAnsweredAndFailsWhereTheyAreNot) {
  const RunResult found = ripcord::run({.argv = {source_dir() + "/tests/helm/build", "--find"}});
  if (found.exit_code != 0) {
    ASSERT_FALSE(control_plane_is_required()) << found.err;
    GTEST_SKIP() << "helm is not built: run tests/helm/build";
  }
  const std::string helm = found.out.substr(0, found.out.find('\n')) + "/helm";
  run();
  const RunResult passed = answers(helm, ripcord().ofrep_port());
  EXPECT_EQ(passed.exit_code, 0) << passed.out << passed.err << ripcord().log();
  EXPECT_THAT(passed.out, HasSubstr("answers 200"));
  EXPECT_NE(answers(helm, ripcord().metrics_port()).exit_code, 0);
  ripcord().kill9();
  EXPECT_NE(answers(helm, ripcord().ofrep_port()).exit_code, 0);
}

}  // namespace
}  // namespace ripcord
