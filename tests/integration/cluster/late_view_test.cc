// SPDX-License-Identifier: Apache-2.0
// A process starts and is shown an older state of the objects than there is, as by a server that is
// behind. What was done since is not done again, and a successor of the same name gets nothing that
// was meant for its predecessor; long before the server has caught up.
#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/integration/cluster_drivers/cluster_world.h"

#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLongEnough{4};  // to act wrongly: the resync is a second

enum class Since { kChangedBack, kMadeAnew };

std::string named(const testing::TestParamInfo<Since>& test) {
  return test.param == Since::kChangedBack ? "ChangedBackSince" : "MadeAnewSince";
}

// One replica behind a proxy.
class Shown {
 public:
  explicit Shown(std::string ns)
      : ns_(std::move(ns)), proxy(ClusterNamespace::plane(), plain_client()) {}

  void start() {
    replica = std::make_unique<RunningOnCluster>(
        proxy.kubeconfig(ClusterNamespace::plane().token()), ns_,
        std::vector<std::string>{"--no-leader-elect", "--resync=1s"});
  }
  // Of these objects the next process sees what there is now.
  void remember(const std::string& kind) {
    kind_ = kind;
    view_ = proxy.record(fmt::format("/apis/ripcord.dev/v1alpha1/namespaces/{}/{}", ns_, kind),
                         ClusterNamespace::plane().token());
  }
  void restart_with_the_old_view() {
    replica->kill9();
    start_with_the_old_view();
  }
  void start_with_the_old_view() {
    const int rule = proxy.add_rule(
        fmt::format(R"({{"method":"GET","path":"/{}\\?","replay":{}}})", kind_, view_));
    restarted = monotonic_seconds();
    if (replica) {
      replica->start();
    } else {
      start();
    }
    EXPECT_TRUE(proxy.applied(rule));
    std::this_thread::sleep_for(kLongEnough);
  }
  void catch_up() {
    proxy.remove_rules();
    EXPECT_TRUE(eventually([&] {
      return proxy.count(restarted, [&](const auto& seen) {
        return seen.watches() && seen.path.find("/" + kind_) != std::string::npos &&
               seen.rule == 0 && seen.status == 200;
      }) >= 1;
    }));
    std::this_thread::sleep_for(kLongEnough);
  }
  // How the writes of statuses since the restart were answered.
  std::vector<int> answers(const std::string& object) const {
    std::vector<int> all;
    for (const SeenRequest& seen : proxy.requests()) {
      if (seen.start >= restarted && seen.method == "PUT" &&
          seen.path.ends_with(object + "/status")) {
        all.push_back(seen.status);
      }
    }
    return all;
  }

 private:
  const std::string ns_;
  std::string kind_;
  int view_ = 0;

 public:
  FaultProxy proxy;
  std::unique_ptr<RunningOnCluster> replica;
  double restarted = 0;
};

// The end of a flag that was made anew while no process ran, with what somebody sees of it.
std::string flag_made_anew(bool old_view) {
  const ClusterNamespace ns;
  Shown shown(ns.name());
  ns.apply_flag("checkout");
  shown.start();
  ns.await_ready("featureflag/checkout");
  shown.replica->kill9();
  ns.patch("featureflag/checkout",
           R"({"spec":{"override":{"enabled":false,"reason":"of the one before"}}})");
  shown.remember("featureflags");
  const std::string predecessor = ns.get("featureflag/checkout")["metadata"]["uid"];
  ns.kubectl({"delete", "featureflag", "checkout"});
  ns.apply_flag("checkout");
  const std::string events_of_before = ns.kubectl({"get", "events.v1.events.k8s.io", "-o", "name"});
  if (!old_view) {
    shown.replica->start();
    ns.await_ready("featureflag/checkout");
    return ns.state_of("featureflag") + shown.replica->flag("checkout");
  }
  shown.start_with_the_old_view();
  // It found out by its own write, which the successor does not take.
  const std::vector<int> answers = shown.answers("featureflags/checkout");
  EXPECT_FALSE(answers.empty());
  EXPECT_EQ(answers.empty() ? 0 : answers.front(), 409);
  ns.await_ready("featureflag/checkout");
  EXPECT_EQ(shown.replica->flag("checkout"), "true");
  const json written = ns.get("featureflag/checkout");
  shown.catch_up();
  EXPECT_EQ(ns.get("featureflag/checkout"), written);
  for (const json& event :
       json::parse(ns.kubectl({"get", "events.v1.events.k8s.io", "-o", "json"}))["items"]) {
    EXPECT_TRUE(event["regarding"]["uid"] != predecessor ||
                events_of_before.find(event["metadata"]["name"].get<std::string>()) !=
                    std::string::npos)
        << event.dump(1);
  }
  EXPECT_EQ(shown.proxy.count(0,
                              [](const auto& seen) {
                                return (seen.method == "POST" || seen.method == "DELETE") &&
                                       seen.path.find("/featureflags") != std::string::npos;
                              }),
            0U);
  return ns.state_of("featureflag") + shown.replica->flag("checkout");
}

TEST(AnOlderView, OfAFlagThatWasMadeAnewEndsAsTheNewestWould) {
  REQUIRE_CONTROL_PLANE();
  const std::string undisturbed = flag_made_anew(false);
  EXPECT_THAT(undisturbed, Not(HasSubstr("of the one before")));
  EXPECT_EQ(flag_made_anew(true), undisturbed);
}

class AnOlderViewOfAMigration : public testing::TestWithParam<Since> {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
};

// In the old view the down has just been decided, approved and put on record. It was done since,
// and another up.
TEST_P(AnOlderViewOfAMigration, RunsNoWayDownASecondTime) {
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  Shown shown(ns.name());
  shown.start();
  ns.apply(migration_manifest("shop", database, 2));
  ns.await_ready("migrationversion/shop");
  const int second = shown.proxy.add_rule(
      R"({"method":"PUT","path":"migrationversions/shop/status$","skip":1,"times":1,"park":1})");
  ns.patch("migrationversion/shop", R"({"spec":{"version":1}})");
  ASSERT_TRUE(shown.proxy.applied(second));
  shown.remember("migrationversions");
  shown.proxy.remove_rules();
  ns.await_ready("migrationversion/shop");
  ASSERT_EQ(sqlite(database, "select what from runs"), "up 1\nup 2\ndown 2\n");
  if (GetParam() == Since::kMadeAnew) {
    ns.kubectl({"delete", "migrationversion", "shop"});
  }
  ns.apply(migration_manifest("shop", database, 2));
  ns.await_ready("migrationversion/shop");
  const std::string runs = "up 1\nup 2\ndown 2\nup 2\n";
  ASSERT_EQ(sqlite(database, "select what from runs"), runs);
  const json before = ns.get("migrationversion/shop");

  shown.restart_with_the_old_view();
  EXPECT_EQ(sqlite(database, "select what from runs"), runs);
  EXPECT_THAT(shown.answers("migrationversions/shop"), Each(409));
  EXPECT_FALSE(shown.answers("migrationversions/shop").empty()) << "it was not tempted";
  shown.catch_up();
  EXPECT_EQ(sqlite(database, "select what from runs"), runs);
  EXPECT_EQ(ns.get("migrationversion/shop"), before);
}

INSTANTIATE_TEST_SUITE_P(Cluster, AnOlderViewOfAMigration,
                         testing::Values(Since::kChangedBack, Since::kMadeAnew), named);

TEST(AnOlderView, OfARestoreThatWasUnderWayTakesNothingBackASecondTime) {
  REQUIRE_CONTROL_PLANE();
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  sqlite(database, "create table users (name text); insert into users values ('of the backup')");
  sqlite(database, ".backup " + directory / "monday.db");
  sqlite(database, "insert into users values ('lost by the restore')");
  Shown shown(ns.name());
  const int second = shown.proxy.add_rule(
      R"({"method":"PUT","path":"restorerequests/undo/status$","skip":1,"times":1,"park":1})");
  shown.start();
  ns.apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: RestoreRequest
metadata: {{name: undo}}
spec:
  database: {{engine: SQLite, path: {}}}
  backup: monday
  catalog: {{directory: {}}}
  approval: {{backup: monday, by: alice}}
)",
                       database, directory.path().string()));
  ASSERT_TRUE(shown.proxy.applied(second));
  shown.remember("restorerequests");
  shown.proxy.remove_rules();
  ns.await_ready("restorerequest/undo");
  sqlite(database, "insert into users values ('after the restore')");
  const std::string users = "of the backup\nafter the restore\n";
  ASSERT_EQ(sqlite(database, "select name from users"), users);
  const json before = ns.get("restorerequest/undo");

  shown.restart_with_the_old_view();
  EXPECT_EQ(sqlite(database, "select name from users"), users);
  shown.catch_up();
  EXPECT_EQ(sqlite(database, "select name from users"), users);
  EXPECT_EQ(ns.get("restorerequest/undo"), before);
}

struct OldSwitch {
  const char* name;
  bool under_way;  // in the old view, else completed
  Since since;
};

class AnOlderViewOfATarget : public testing::TestWithParam<OldSwitch> {
 protected:
  void SetUp() override { REQUIRE_CONTROLLERS(); }
};

TEST_P(AnOlderViewOfATarget, SendsNoTrafficWhereItWasOnce) {
  ClusterWorld world;
  const ClusterNamespace ns(world.ns());
  three_environments(world);
  Shown shown(world.ns());
  shown.start();
  const auto wants = [&](const std::string& active) {
    ns.apply(target_manifest(active));
    ns.await_ready("traffictarget/shop");
  };
  wants("blue");
  if (GetParam().under_way) {
    const int patch =
        shown.proxy.add_rule(R"({"method":"PATCH","path":"services/shop","times":1,"park":1})");
    ns.apply(target_manifest("green"));
    ASSERT_TRUE(shown.proxy.applied(patch));
    shown.remember("traffictargets");
    shown.proxy.remove_rules();
  }
  wants("green");
  if (!GetParam().under_way) {
    shown.remember("traffictargets");
  }
  if (GetParam().since == Since::kMadeAnew) {
    ns.kubectl({"delete", "traffictarget", "shop"});
  }
  wants("blue");
  ASSERT_EQ(world.look("service/shop", "{.spec.selector.version}"), "blue");
  const json service = ns.get("service/shop");
  const json target = ns.get("traffictarget/shop");

  shown.restart_with_the_old_view();
  EXPECT_EQ(ns.get("service/shop"), service);
  EXPECT_FALSE(shown.answers("traffictargets/shop").empty()) << "it was not tempted";
  shown.catch_up();
  EXPECT_EQ(ns.get("service/shop"), service);
  EXPECT_EQ(ns.get("traffictarget/shop"), target);
}

INSTANTIATE_TEST_SUITE_P(
    Cluster, AnOlderViewOfATarget,
    testing::Values(OldSwitch{"UnderWayAndChangedBackSince", true, Since::kChangedBack},
                    OldSwitch{"UnderWayAndMadeAnewSince", true, Since::kMadeAnew},
                    OldSwitch{"CompletedAndChangedBackSince", false, Since::kChangedBack},
                    OldSwitch{"CompletedAndMadeAnewSince", false, Since::kMadeAnew}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ripcord
