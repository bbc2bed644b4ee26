// SPDX-License-Identifier: Apache-2.0
// What is shipped for Kubernetes, given to a real API server: it takes it without a warning, and
// the rights that come with it are enough and no more.

#include "tests/support/control_plane.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kManifests = source_dir() + "/manifests/";
constexpr const char* kRipcord = "system:serviceaccount:ripcord-system:ripcord";

// An empty namespace is all of them; a name follows the resource after a colon.
struct Right {
  const char* verb;
  const char* group;
  const char* resource;
  const char* ns;

  std::string text() const { return fmt::format("{} {} {} {}", verb, group, resource, ns); }
  std::string review() const {
    const std::string whole = resource;
    const std::size_t colon = std::min(whole.find(':'), whole.size());
    const std::string kind = whole.substr(0, colon);
    const std::size_t slash = std::min(kind.find('/'), kind.size());
    return fmt::format(
        "---\napiVersion: authorization.k8s.io/v1\nkind: SubjectAccessReview\nspec:\n"
        "  user: {}\n  groups: [\"system:serviceaccounts\", "
        "\"system:serviceaccounts:ripcord-system\", \"system:authenticated\"]\n"
        "  resourceAttributes: {{verb: \"{}\", group: \"{}\", resource: \"{}\", "
        "subresource: \"{}\", name: \"{}\", namespace: \"{}\"}}\n",
        kRipcord, verb, group, kind.substr(0, slash),
        slash < kind.size() ? kind.substr(slash + 1) : "",
        colon < whole.size() ? whole.substr(colon + 1) : "", ns);
  }
};

// Installed once, with a team's namespace `shop` beside it.
class Installed : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROL_PLANE();
    static const bool kInstalled = install();
    ASSERT_TRUE(kInstalled);
  }

  static ControlPlane& plane() { return shared_control_plane(); }
  static bool install() {
    plane().must_kubectl({"create", "namespace", "shop"});
    plane().must_kubectl({"apply", "--server-side", "-k", kManifests + "install"});
    plane().must_kubectl(
        {"wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=ripcord"});
    plane().must_kubectl({"apply", "--server-side", "-k", kManifests + "overlays/shop-namespace"});
    // What the Prometheus Operator reads.
    const std::string monitoring = source_dir() + "/tests/support/prometheus_operator/crds.yaml";
    plane().must_kubectl({"apply", "--server-side", "-f", monitoring});
    plane().must_kubectl({"wait", "--for=condition=Established", "-f", monitoring});
    plane().must_kubectl({"create", "secret", "generic", "shop-database", "-n", "shop",
                          "--from-literal=url=postgresql://shop@db/shop"});
    plane().must_kubectl(
        {"apply", "-f", "-"},
        "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: checkout, "
        "namespace: shop}\nspec: {enabled: true}\n");
    return true;
  }
  // What `kubectl auth can-i` asks, of rights that need not exist: true or false for each.
  static std::vector<bool> allowed(const std::vector<Right>& rights) {
    std::string reviews;
    for (const Right& right : rights) {
      reviews += right.review();
    }
    const std::string answers = plane().must_kubectl(
        {"create", "-f", "-", "-o", "jsonpath={.status.allowed}{\"\\n\"}"}, reviews);
    std::vector<bool> all;
    std::istringstream lines(answers);
    for (std::string line; std::getline(lines, line);) {
      all.push_back(line == "true");
    }
    return all;
  }
  static std::string token_of(const std::string& account, const std::string& ns) {
    const std::string made =
        plane().must_kubectl({"create", "token", account, "-n", ns, "--duration=1h"});
    return made.substr(0, made.find('\n'));
  }
  // kubectl with a real token of the ServiceAccount and nothing else.
  static RunResult as_ripcord(std::vector<std::string> args, const std::string& input = {}) {
    static const std::string kToken = token_of("ripcord", "ripcord-system");
    args.insert(args.begin(), {"--token", kToken});
    return plane().kubectl(args, input);
  }
  static void takes(const std::string& what, const std::string& manifests) {
    const RunResult taken = plane().kubectl({"apply", "--server-side", "--force-conflicts",
                                             "--dry-run=server", "--validate=strict", "-f", "-"},
                                            manifests);
    EXPECT_EQ(taken.exit_code, 0) << what << ": " << taken.err;
    EXPECT_THAT(taken.err, Not(HasSubstr("Warning"))) << what;
  }
};

TEST_F(Installed, TakesEveryOverlayWithoutAWarning) {
  for (const char* folder : {"install", "overlays/single-namespace", "overlays/shop-namespace",
                             "overlays/databases", "overlays/monitoring"}) {
    takes(folder, plane().must_kubectl({"kustomize", kManifests + folder}));
  }
}

TEST_F(Installed, WouldBeToldOfAWrongServiceMonitorOrRule) {
  const std::string good = plane().must_kubectl({"kustomize", kManifests + "overlays/monitoring"});
  const std::pair<std::string, std::string> mistakes[] = {
      {"honorLabels: true", "honourLabels: true"},
      {"interval: 15s", "interval: fifteen"},
      {"alert: RipcordRollbackFailed", "alarm: RipcordRollbackFailed"},
      {"for: 5m", "for: soon"}};
  for (const auto& [right, wrong] : mistakes) {
    std::string bad = good;
    const std::size_t at = bad.find(right);
    ASSERT_NE(at, std::string::npos) << right;
    bad.replace(at, right.size(), wrong);
    const RunResult taken = plane().kubectl({"apply", "--server-side", "--force-conflicts",
                                             "--dry-run=server", "--validate=strict", "-f", "-"},
                                            bad);
    EXPECT_NE(taken.exit_code, 0) << wrong;
    EXPECT_THAT(taken.err, HasSubstr("." + wrong.substr(0, wrong.find(':')))) << wrong;
  }
}

// Nothing when helm was not built.
std::optional<std::string> helm() {
  const RunResult found = run({.argv = {source_dir() + "/tests/helm/build", "--find"}});
  if (found.exit_code != 0) {
    EXPECT_FALSE(control_plane_is_required()) << found.err;
    return std::nullopt;
  }
  return found.out.substr(0, found.out.find('\n')) + "/helm";
}

const std::string kChart = source_dir() + "/helm/ripcord";

TEST_F(Installed, TakesTheChartWithoutAWarning) {
  const std::optional<std::string> program = helm();
  if (!program) {
    GTEST_SKIP() << "helm is not built: run tests/helm/build";
  }
  const std::vector<std::vector<std::string>> variants = {
      {},
      {"--set", "watchNamespace=shop"},
      {"--set", "rbac.drivers.kubernetesService={shop},rbac.drivers.httpRoute={shop}"},
      {"--set", "rbac.references[0].namespace=shop,rbac.references[0].secrets={a}"},
      {"--set", "podDisruptionBudget.minAvailable=50%,dashboard.enabled=true"},
      {"--set", "serviceMonitor.enabled=true,alerts.enabled=true,dashboard.enabled=true"}};
  for (const auto& variant : variants) {
    std::vector<std::string> argv = {*program, "template", "release",
                                     kChart,   "-n",       "ripcord-system"};
    argv.insert(argv.end(), variant.begin(), variant.end());
    const RunResult rendered = run({.argv = argv});
    ASSERT_EQ(rendered.exit_code, 0) << rendered.err;
    takes(fmt::format("{}", fmt::join(variant, " ")), rendered.out);
  }
}

// On a server of its own: the other one has the CRDs already.
TEST(Chart, InstallsUpgradesAndUninstallsAndLeavesTheObjects) {
  REQUIRE_CONTROL_PLANE();
  const std::optional<std::string> program = helm();
  if (!program) {
    GTEST_SKIP() << "helm is not built: run tests/helm/build";
  }
  const ControlPlane plane;
  const TempDir home;
  const auto call = [&](std::vector<std::string> args) {
    args.insert(args.begin(), *program);
    args.insert(args.end(), {"-n", "tools", "--kubeconfig", plane.kubeconfig()});
    const RunResult done =
        run({.argv = args, .env = {{"HOME", home.path().string()}}}, {}, std::chrono::minutes(2));
    EXPECT_EQ(done.exit_code, 0) << fmt::format("{}", fmt::join(args, " ")) << "\n" << done.err;
    return done.out;
  };
  EXPECT_THAT(call({"install", "rip", kChart, "--create-namespace"}),
              HasSubstr("rip-ripcord.tools.svc:8016"));
  EXPECT_EQ(plane.must_kubectl({"get", "validatingadmissionpolicybinding", "-o", "name"}),
            "validatingadmissionpolicybinding.admissionregistration.k8s.io/"
            "featureflags.ripcord.dev\n");
  plane.must_kubectl({"apply", "-f", "-"},
                     "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: "
                     "checkout, namespace: tools}\nspec: {}\n");
  call({"upgrade", "rip", kChart, "--set", "replicas=1"});
  EXPECT_EQ(plane.must_kubectl({"get", "deployment", "rip-ripcord", "-n", "tools", "-o",
                                "jsonpath={.spec.replicas}"}),
            "1");
  EXPECT_THAT(plane.must_kubectl({"get", "pdb", "-n", "tools", "-o", "name"}), testing::IsEmpty());
  call({"uninstall", "rip"});
  EXPECT_EQ(plane.must_kubectl({"get", "featureflags", "-n", "tools", "-o", "name"}),
            "featureflag.ripcord.dev/checkout\n");
}

TEST_F(Installed, GetsItsPodsPastTheRestrictedStandard) {
  REQUIRE_CONTROLLERS();
  std::string pods;
  EXPECT_TRUE(eventually(
      [&] {
        pods = plane().must_kubectl({"get", "pods", "-n", "ripcord-system", "-o", "name"});
        return std::count(pods.begin(), pods.end(), '\n') == 2;
      },
      std::chrono::minutes(1)))
      << pods << plane().must_kubectl({"get", "events", "-n", "ripcord-system"});
}

constexpr const char* kOurs = "ripcord.dev";
constexpr const char* kLeases = "coordination.k8s.io";
constexpr const char* kCrds = "apiextensions.k8s.io";

TEST_F(Installed, MayDoWhatItNeeds) {
  const std::vector<Right> rights = {
      {"list", kOurs, "featureflags", ""},
      {"watch", kOurs, "traffictargets", ""},
      {"watch", kOurs, "migrationversions", ""},
      {"watch", kOurs, "restorerequests", ""},
      {"patch", kOurs, "featureflags/status", ""},
      {"update", kOurs, "traffictargets/status", ""},
      {"patch", kOurs, "migrationversions/status", ""},
      {"update", kOurs, "restorerequests/status", ""},
      {"create", "events.k8s.io", "events", ""},
      {"patch", "events.k8s.io", "events", ""},
      {"get", kCrds, "customresourcedefinitions:featureflags.ripcord.dev", ""},
      {"get", kCrds, "customresourcedefinitions:restorerequests.ripcord.dev", ""},
      {"create", kLeases, "leases", "ripcord-system"},
      {"get", kLeases, "leases:ripcord-leader", "ripcord-system"},
      {"update", kLeases, "leases:ripcord-leader", "ripcord-system"},
      // Of the drivers, in the namespace that bound them.
      {"patch", "", "services", "shop"},
      {"list", "", "services", "shop"},
      {"watch", "", "services", "shop"},
      {"list", "discovery.k8s.io", "endpointslices", "shop"},
      {"watch", "discovery.k8s.io", "endpointslices", "shop"},
      {"get", "gateway.networking.k8s.io", "httproutes", "shop"},
      {"list", "gateway.networking.k8s.io", "httproutes", "shop"},
      {"watch", "gateway.networking.k8s.io", "httproutes", "shop"},
      {"patch", "gateway.networking.k8s.io", "httproutes", "shop"},
      {"create", "", "configmaps", "shop"},
      {"patch", "", "configmaps", "shop"},
      {"get", "", "secrets:shop-database", "shop"},
      {"watch", "", "secrets:shop-database", "shop"},
      {"watch", "", "configmaps:shop-migrations", "shop"},
  };
  const std::vector<bool> answers = allowed(rights);
  ASSERT_EQ(answers.size(), rights.size());
  for (std::size_t i = 0; i < rights.size(); ++i) {
    EXPECT_TRUE(answers[i]) << rights[i].text();
  }
}

TEST_F(Installed, MayDoNothingElse) {
  const std::vector<Right> rights = {
      {"*", "*", "*", ""},
      {"get", "", "secrets", ""},
      {"list", "", "secrets", ""},
      {"watch", "", "secrets", ""},
      {"list", "", "secrets", "ripcord-system"},
      {"list", "", "secrets", "shop"},
      {"get", "", "secrets:another", "shop"},
      {"patch", "", "secrets:shop-database", "shop"},
      {"list", "", "configmaps", ""},
      {"list", "", "configmaps", "shop"},
      {"delete", "", "configmaps", "shop"},
      {"patch", "", "configmaps", "default"},
      {"patch", "", "services", ""},
      {"patch", "", "services", "default"},
      {"create", "", "services", "shop"},
      {"delete", "", "services", "shop"},
      {"update", "", "services", "shop"},
      {"watch", "", "services", ""},
      {"watch", "", "services", "default"},
      {"watch", "discovery.k8s.io", "endpointslices", "default"},
      {"patch", "discovery.k8s.io", "endpointslices", "shop"},
      {"patch", "gateway.networking.k8s.io", "httproutes", "default"},
      {"create", "gateway.networking.k8s.io", "httproutes", "shop"},
      {"update", kOurs, "featureflags", ""},
      {"patch", kOurs, "traffictargets", ""},
      {"create", kOurs, "restorerequests", ""},
      {"delete", kOurs, "migrationversions", ""},
      {"list", "events.k8s.io", "events", ""},
      {"delete", "events.k8s.io", "events", ""},
      {"update", kLeases, "leases:another", "ripcord-system"},
      {"delete", kLeases, "leases:ripcord-leader", "ripcord-system"},
      {"create", kLeases, "leases", "kube-system"},
      {"list", kCrds, "customresourcedefinitions", ""},
      {"get", kCrds, "customresourcedefinitions:another.example.com", ""},
      {"patch", kCrds, "customresourcedefinitions:featureflags.ripcord.dev", ""},
      {"create", "", "pods", "ripcord-system"},
      {"create", "", "pods/exec", "ripcord-system"},
      {"list", "", "pods", ""},
      {"patch", "apps", "deployments", "ripcord-system"},
      {"create", "rbac.authorization.k8s.io", "clusterrolebindings", ""},
      {"bind", "rbac.authorization.k8s.io", "clusterroles", ""},
      {"impersonate", "", "users", ""},
      {"create", "", "serviceaccounts/token", "ripcord-system"},
      {"list", "", "nodes", ""},
      {"list", "", "namespaces", ""},
  };
  const std::vector<bool> answers = allowed(rights);
  ASSERT_EQ(answers.size(), rights.size());
  for (std::size_t i = 0; i < rights.size(); ++i) {
    EXPECT_FALSE(answers[i]) << rights[i].text();
  }
}

TEST_F(Installed, WritesAStatusAndNoSpecWithItsToken) {
  const RunResult status = as_ripcord(
      {"patch", "featureflag", "checkout", "-n", "shop", "--subresource=status", "--type=merge",
       "--dry-run=server", "-p", R"({"status":{"observedGeneration":1,"variant":"on"}})"});
  EXPECT_EQ(status.exit_code, 0) << status.err;
  const RunResult spec = as_ripcord({"patch", "featureflag", "checkout", "-n", "shop",
                                     "--type=merge", "-p", R"({"spec":{"enabled":false}})"});
  EXPECT_NE(spec.exit_code, 0);
  EXPECT_THAT(spec.err, HasSubstr("forbidden"));
}

// What a Lease's holder does: create it, then update it by name.
TEST_F(Installed, HoldsItsLeaseWithItsToken) {
  const auto lease = [](const std::string& name) {
    return "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: " + name +
           ", namespace: ripcord-system}\nspec: {holderIdentity: a, leaseDurationSeconds: 15}\n";
  };
  EXPECT_EQ(as_ripcord({"create", "-f", "-"}, lease("ripcord-leader")).exit_code, 0);
  EXPECT_EQ(as_ripcord({"replace", "-f", "-"}, lease("ripcord-leader")).exit_code, 0);
  EXPECT_EQ(as_ripcord({"create", "-f", "-"}, lease("another")).exit_code, 0);
  EXPECT_THAT(as_ripcord({"replace", "-f", "-"}, lease("another")).err, HasSubstr("forbidden"));
}

// docs/rbac.md: what people write is taken with the roles for people; installing is an
// administrator's.
TEST_F(Installed, TakesTheObjectsOfPeopleWithTheRolesForPeople) {
  plane().must_kubectl({"create", "serviceaccount", "developer", "-n", "shop"});
  for (const std::string role : {"ripcord-view", "ripcord-edit"}) {
    plane().must_kubectl({"create", "rolebinding", "developer-" + role, "-n", "shop",
                          "--clusterrole=" + role, "--serviceaccount=shop:developer"});
  }
  const std::string token = token_of("developer", "shop");
  const auto apply = [&](const std::string& how, const std::string& what, const std::string& ns) {
    return plane().kubectl({"--token", token, "apply", "--server-side", "--dry-run=server",
                            "--validate=strict", how, what, "-n", ns});
  };
  for (const char* file :
       {"feature_flag/valid/all_fields.yaml", "traffic_target/valid/blue_green.yaml",
        "migration_version/valid/secret.yaml", "restore_request/valid/swap.yaml"}) {
    const std::string path = source_dir() + "/tests/golden/" + file;
    RunResult taken;
    EXPECT_TRUE(eventually([&] {  // the server hears of new bindings a little later
      taken = apply("-f", path, "shop");
      return taken.exit_code == 0;
    })) << taken.err;
    EXPECT_THAT(taken.err, Not(HasSubstr("Warning"))) << file;
    EXPECT_THAT(apply("-f", path, "default").err, HasSubstr("forbidden")) << file;
    EXPECT_THAT(
        as_ripcord({"apply", "--server-side", "--dry-run=server", "-f", path, "-n", "shop"}).err,
        HasSubstr("forbidden"))
        << file;
  }
  EXPECT_THAT(apply("-k", kManifests + "install", "ripcord-system").err, HasSubstr("forbidden"));
}

// Watching a single name needs `list` on that name only, when it is asked by the field selector.
TEST_F(Installed, ReadsANamedSecretAndNoOther) {
  const RunResult named = as_ripcord({"get", "secrets", "-n", "shop", "-o", "name",
                                      "--field-selector=metadata.name=shop-database"});
  EXPECT_EQ(named.out, "secret/shop-database\n") << named.err;
  EXPECT_THAT(as_ripcord({"get", "secrets", "-n", "shop"}).err, HasSubstr("forbidden"));
}

// docs/gitops.md: a server-side apply that does not name the override leaves it to its writer.
TEST_F(Installed, KeepsAnOverrideBesideAServerSideApplyFromGit) {
  const std::string from_git =
      "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: gitops, namespace: "
      "shop}\nspec: {enabled: true, defaultVariant: \"on\"}\n";
  const std::vector<std::string> sync = {
      "apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller", "-f",
      "-"};
  plane().must_kubectl(sync, from_git);
  plane().must_kubectl({"patch", "featureflag", "gitops", "-n", "shop", "--type=merge",
                        "--field-manager=oncall", "-p",
                        R"({"spec":{"override":{"enabled":false,"by":"alice"}}})"});
  plane().must_kubectl(sync, from_git);
  const std::string by =
      plane().must_kubectl({"get", "featureflag", "gitops", "-n", "shop", "-o",
                            "jsonpath={.spec.override.by} {.metadata.managedFields[*].manager}"});
  EXPECT_THAT(by, HasSubstr("alice "));
  EXPECT_THAT(by, HasSubstr("oncall"));
}

}  // namespace
}  // namespace ripcord
