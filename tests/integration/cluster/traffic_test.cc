// SPDX-License-Identifier: Apache-2.0
// A server that is slow, busy or lies, and others who write as well: the same end as without.
#include "adapters/http/client.h"
#include "adapters/kubernetes/cluster_client.h"
#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/support/paths/paths.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <map>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

bool writes_status(const SeenRequest& request) {
  return request.writes() && request.path.ends_with("/status");
}

class BehindAProxy : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
  static ControlPlane& plane() { return ClusterNamespace::plane(); }
};

TEST_F(BehindAProxy, AChangeOfAFlagCostsOneStatusAndOneEvent) {
  constexpr int kFlags = 10;
  const ClusterNamespace ns;
  for (int i = 0; i < kFlags; ++i) {
    ns.apply_flag(fmt::format("f{}", i));
  }
  FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ns.kubectl({"wait", "--for=condition=Ready", "featureflag", "--all", "--timeout=30s"});
  const double began = monotonic_seconds();
  for (int i = 0; i < kFlags; ++i) {
    ns.request("PATCH", fmt::format("featureflags/f{}", i), R"({"spec":{"enabled":false}})");
  }
  ns.kubectl({"wait", "--for=condition=Ready", "featureflag", "--all", "--timeout=30s"});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(replica.flag("f0"), "false");
  std::map<std::string, int> writes;
  for (const SeenRequest& request : proxy.requests()) {
    if (request.start >= began && request.writes()) {
      ++writes[request.is_event() ? "events" : request.method + " " + request.path];
    }
  }
  EXPECT_LE(std::exchange(writes["events"], 0), kFlags);
  std::erase_if(writes, [](const auto& write) { return write.second == 0; });
  EXPECT_EQ(writes.size(), std::size_t{kFlags}) << "no other object is written";
  for (const auto& [write, times] : writes) {
    EXPECT_TRUE(write.ends_with("/status")) << write;
    EXPECT_EQ(times, 1) << write;
  }
}

constexpr double kOursASecond = 5;

TEST_F(BehindAProxy, ASecondWriterOfTheStatusCostsBoundedWritesAndWinsNothing) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  FaultProxy proxy(plane(), plain_client());
  // A status that somebody else wrote is not what anybody declared, and is put right by the resync.
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(),
                           {"--no-leader-elect", "--resync=1s"});
  ns.await_ready("featureflag/checkout");
  const double began = monotonic_seconds();
  std::size_t others = 0;
  for (int i = 0; i < 150; ++i) {  // at most 50 a second
    const auto next = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    const std::string status = fmt::format(
        R"({{"status":{{"conditions":[{{"type":"Ready","status":"False","reason":"Storm",)"
        R"("message":"{}","lastTransitionTime":"2026-01-01T00:00:00Z"}}]}}}})",
        i);
    others += ns.request("PATCH", "featureflags/checkout/status", status).status == 200 ? 1 : 0;
    std::this_thread::sleep_until(next);
  }
  EXPECT_GT(others, 100U);
  const double stopped = monotonic_seconds();
  EXPECT_TRUE(eventually([&] {
    const std::string status = ns.get("featureflag/checkout")["status"].dump();
    return status.find("Storm") == std::string::npos;
  })) << ns.get("featureflag/checkout")["status"].dump(1);
  ns.await_ready("featureflag/checkout");
  // Nobody is woken by a status, so it is a resync that finds it: there are as many of ours as
  // seconds, and those that met a conflict.
  const std::size_t after_it = proxy.count(stopped, writes_status);
  const std::size_t during = proxy.count(began, writes_status) - after_it;
  EXPECT_LE(during, kOursASecond * (stopped - began + 1));
  EXPECT_LE(after_it, 2U) << "one, and one that met the last conflict";
  const double after = monotonic_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(proxy.count(after, writes_status), 0U);
}

TEST_F(BehindAProxy, AChangeThereAndBackThatIsNeverSeenLeavesNoTrace) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ns.await_ready("featureflag/checkout");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const int dropped = proxy.add_rule(R"({"drop":"checkout","frames":2})");
  ns.patch("featureflag/checkout", R"({"spec":{"enabled":false}})");
  ns.patch("featureflag/checkout", R"({"spec":{"enabled":true}})");
  EXPECT_NE(ns.get("featureflag/checkout")["metadata"]["generation"],
            ns.get("featureflag/checkout")["status"]["observedGeneration"]);
  proxy.remove_rule(dropped);
  // Any later event brings the newest state.
  ns.kubectl({"annotate", "featureflag/checkout", "looked-at=yes"});
  ns.await_ready("featureflag/checkout");
  EXPECT_EQ(replica.flag("checkout"), "true");
  EXPECT_EQ(ns.get("featureflag/checkout")["status"]["observedGeneration"], 3);
}

TEST_F(BehindAProxy, OwnWritesThatComeBackLateCauseNoSecondAction) {
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  FaultProxy proxy(plane(), plain_client());
  proxy.add_rule(R"({"method":"GET","path":"migrationversions.*watch=1","hold":2})");
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ns.apply(migration_manifest("shop", database, 2));
  ns.await_ready("migrationversion/shop");
  ns.patch("migrationversion/shop", R"({"spec":{"version":1}})");
  ns.await_ready("migrationversion/shop");
  ns.patch("migrationversion/shop", R"({"spec":{"version":2}})");
  ns.await_ready("migrationversion/shop");
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // all has come back
  EXPECT_EQ(sqlite(database, "select what from runs"), "up 1\nup 2\ndown 2\nup 2\n");
  EXPECT_EQ(proxy.count(0, [](const auto& r) { return writes_status(r) && r.status == 409; }), 0U);
}

TEST_F(BehindAProxy, ATokenThatRotatesFiveTimesASecondFailsNoReconcile) {
  const TempDir directory;
  const std::string file = directory / "token";
  // As a server does, the proxy takes the token of before for a while.
  ControlPlane own({.users = {{"r", "token-0", "system:masters"},
                              {"r", "token-1", "system:masters"},
                              {"r", "token-2", "system:masters"}}});
  own.must_kubectl({"apply", "-f", source_dir() + "/crds"});
  own.must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"});
  write_file(file, "token-0");
  FaultProxy proxy(own, plain_client());
  RunningOnCluster replica(proxy.kubeconfig_with_token_file(file), "default",
                           {"--no-leader-elect"});
  int rotations = 0;
  {
    const std::jthread rotate([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const std::string next = fmt::format("token-{}", ++rotations % 3);
        proxy.add_rule(fmt::format(R"({{"only_token":"{}"}})", next));
        write_file(file + ".new", next);
        std::filesystem::rename(file + ".new", file);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
      }
    });
    for (int i = 0; i < 40; ++i) {
      const std::string name = fmt::format("f{}", i % 4);
      own.must_kubectl({"apply", "-f", "-"},
                       fmt::format("{{apiVersion: ripcord.dev/v1alpha1, kind: FeatureFlag, "
                                   "metadata: {{name: {0}}}, spec: {{key: {0}, enabled: {1}}}}}",
                                   name, i / 4 % 2 == 0));
    }
  }
  own.must_kubectl({"wait", "--for=condition=Ready", "featureflag", "--all", "--timeout=30s"});
  EXPECT_GT(rotations, 10);
  EXPECT_GT(proxy.count(0, [](const auto& request) { return request.status == 401; }), 0U)
      << "no token was refused";
  EXPECT_EQ(
      replica.metric(R"(controller_runtime_reconcile_errors_total{controller="feature_flag"})"), 0)
      << replica.log();
}

TEST_F(BehindAProxy, ConnectionsThatDiedWithoutAWordCostOneTimeoutAndNotOneEach) {
  constexpr int kConnections = 8;
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  FaultProxy proxy(plane(), plain_client());
  SystemClock clock;
  kubernetes::AccessOptions access;
  access.kubeconfig = proxy.kubeconfig(plane().token());
  kubernetes::ClusterClient client(
      std::make_shared<kubernetes::Credentials>(kubernetes::find_cluster_access(access).value(),
                                                clock, nullptr),
      http::make_http_clients, clock);
  HttpRequest write;
  write.method = "PATCH";
  write.url = "/apis/ripcord.dev/v1alpha1/namespaces/" + ns.name() + "/featureflags/checkout";
  write.headers["content-type"] = "application/merge-patch+json";
  write.body = R"({"spec":{"enabled":true}})";
  const int slow = proxy.add_rule(R"({"delay":0.3})");
  {
    std::vector<std::jthread> at_once;
    for (int i = 0; i < kConnections; ++i) {
      at_once.emplace_back([&] { EXPECT_OK(client.send(write)); });
    }
  }
  proxy.remove_rule(slow);
  proxy.freeze_connections();
  write.timeout = std::chrono::seconds(2);
  const double began = monotonic_seconds();
  EXPECT_CODE(client.send(write), StatusCode::kDeadlineExceeded);
  for (int i = 0; i < kConnections; ++i) {
    const auto answer = client.send(write);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->status, 200);
  }
  EXPECT_LT(monotonic_seconds() - began, 4);
}

TEST_F(BehindAProxy, ADeletionThatWasMissedEndsTheServingOfTheFlag) {
  const ClusterNamespace ns;
  ns.apply_flag("stays");
  ns.apply_flag("goes");
  FaultProxy proxy(plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ns.await_ready("featureflag/goes");
  ASSERT_EQ(replica.flag("goes"), "true");
  // No stream comes through while it happens, and the server forgets the versions of before.
  proxy.add_rule(R"({"path":"watch=1","status":503})");
  proxy.cut_streams();
  ns.kubectl({"delete", "featureflag", "goes"});
  ns.forget_versions_of_flags();
  EXPECT_EQ(replica.flag("goes"), "true");
  proxy.remove_rules();
  EXPECT_TRUE(eventually([&] { return replica.flag("goes") == "status 404"; }));
  EXPECT_EQ(replica.flag("stays"), "true");
  EXPECT_TRUE(eventually([&] {
    return ns.kubectl({"get", "events.v1.events.k8s.io", "-o", "json"}).find("Released") !=
           std::string::npos;
  }));
}

// Near to what etcd takes at all (1.5 MiB), and in pieces that end anywhere.
TEST_F(BehindAProxy, AnObjectOfMoreThanAMegabyteIsFollowedAndConverged) {
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  std::string remark = "-- ";
  remark.append(600'000, 'x');
  nlohmann::json object = nlohmann::json::parse(
      fmt::format(R"({{"apiVersion":"ripcord.dev/v1alpha1","kind":"MigrationVersion",)"
                  R"("metadata":{{"name":"shop"}},"spec":{{"version":2,)"
                  R"("policy":{{"down":"Allow","dataLoss":"Approve"}},)"
                  R"("approval":{{"version":1,"by":"alice","dataLoss":true}},)"
                  R"("database":{{"engine":"SQLite","path":"{}"}},"source":{{"inline":[]}}}}}})",
                  database));
  for (int version = 1; version <= 2; ++version) {
    object["spec"]["source"]["inline"].push_back(
        {{"version", version},
         {"name", fmt::format("v{}", version)},
         {"up", fmt::format("create table t{} (a int);\n{}", version, remark)},
         {"down", fmt::format("drop table t{}", version)}});
  }
  FaultProxy proxy(plane(), plain_client());
  proxy.add_rule(R"({"method":"GET","path":"migrationversions","piece":1000})");
  RunningOnCluster replica(proxy.kubeconfig(plane().token()), ns.name(), {"--no-leader-elect"});
  ASSERT_EQ(ns.request("POST", "migrationversions", object.dump(), "application/json").status, 201);
  ns.await_ready("migrationversion/shop");
  ns.patch("migrationversion/shop", R"({"spec":{"suspend":true}})");
  replica.terminate();
  replica.start();  // and in a list
  ns.patch("migrationversion/shop", R"({"spec":{"suspend":false,"version":1}})");
  ns.await_ready("migrationversion/shop");
  EXPECT_EQ(sqlite(database, "select name from sqlite_master where name like 't_'"), "t1\n");
}

// The same work each time: two flags, one overridden, and a migration there and back. What is left
// then.
std::string end_state(const std::vector<std::string>& rules) {
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  FaultProxy proxy(ClusterNamespace::plane(), plain_client());
  for (const std::string& rule : rules) {
    proxy.add_rule(rule);
  }
  RunningOnCluster replica(proxy.kubeconfig(ClusterNamespace::plane().token()), ns.name(),
                           {"--no-leader-elect"});
  ns.apply_flag("checkout");
  ns.apply_flag("search");
  ns.apply(migration_manifest("shop", database, 2));
  ns.await_ready("featureflag/checkout");
  ns.await_ready("migrationversion/shop");
  ns.patch("featureflag/checkout",
           R"({"spec":{"override":{"enabled":false,"reason":"größer als 1 ∂ 😀","by":"Ünal"}}})");
  ns.patch("migrationversion/shop", R"({"spec":{"version":1}})");
  ns.await_ready("featureflag/search");
  ns.await_ready("featureflag/checkout");
  ns.await_ready("migrationversion/shop");
  if (!eventually([&] { return replica.flag("checkout") == "false"; })) {
    return "checkout is " + replica.flag("checkout") + "\n" + replica.log();
  }
  std::string state = ns.state_of("featureflag") + ns.state_of("migrationversion") +
                      sqlite(database, "select what from runs") + replica.flag("search");
  for (std::size_t at = 0; (at = state.find(database, at)) != std::string::npos;) {
    state.replace(at, database.size(), "DATABASE");
  }
  if (!rules.empty() &&
      proxy.count(0, [](const auto& request) { return request.rule != 0; }) == 0) {
    return "no rule was applied";
  }
  return state;
}

struct Lie {
  const char* name;
  std::vector<std::string> rules;
};

class ALyingServer : public ::testing::TestWithParam<Lie> {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
};

TEST_P(ALyingServer, LeadsToTheSameEndAsAnHonestOne) {
  static const std::string undisturbed = end_state({});
  ASSERT_THAT(undisturbed, HasSubstr("größer"));
  EXPECT_EQ(end_state(GetParam().rules), undisturbed);
}

INSTANTIATE_TEST_SUITE_P(
    Cluster, ALyingServer,
    testing::Values(
        Lie{"TooBusyForWrites", {R"({"method":"PUT","status":429,"retry_after":1,"times":4})"}},
        Lie{"TooBusyForReads", {R"({"method":"GET","status":429,"retry_after":1,"times":5})"}},
        Lie{"StartingUp", {R"({"status":503,"times":6})"}},
        Lie{"LosesAnswers", {R"({"method":"PUT","path":"status$","cut":100,"times":3})"}},
        Lie{"FailsInside",
            {R"({"method":"PUT","path":"status$","status":500,"times":3})",
             R"({"path":"watch=1","status":500,"times":8})"}},
        Lie{"TimesOut", {R"({"method":"PUT","path":"status$","status":504,"times":3})"}},
        Lie{"NeverAnswersAWriteThatItDid",
            {R"({"method":"PUT","path":"status$","swallow":"answer","skip":1,"times":1})"}},
        Lie{"NeverGetsAWrite",
            {R"({"method":"PUT","path":"status$","swallow":"request","skip":1,"times":1})"}},
        Lie{"SendsBytesOneByOne", {R"({"method":"GET","piece":1})"}},
        Lie{"IsSlow", {R"({"delay":0.15})"}},
        Lie{"IsLateWithEvents", {R"({"method":"GET","path":"watch=1","hold":0.7})"}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ripcord
