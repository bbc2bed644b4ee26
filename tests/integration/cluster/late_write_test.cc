// SPDX-License-Identifier: Apache-2.0
// A write of a leader that was frozen in the act of sending it arrives when another leads. The
// fence cannot hold it back any more, so the server has to refuse it; judged by what the server
// has.
#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/integration/cluster_drivers/cluster_world.h"

#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;

// Two replicas, each behind a proxy of its own. The write of the leader that a rule parks stands
// for one that is sent late.
class TwoReplicas {
 public:
  explicit TwoReplicas(const std::string& ns)
      : ns_(ns),
        proxies_{{ClusterNamespace::plane(), plain_client()},
                 {ClusterNamespace::plane(), plain_client()}},
        replicas_{{proxies_[0].kubeconfig(ClusterNamespace::plane().token()), ns},
                  {proxies_[1].kubeconfig(ClusterNamespace::plane().token()), ns}} {
    const bool one_leads = eventually([&] { return replicas_[0].leads() != replicas_[1].leads(); });
    EXPECT_TRUE(one_leads);
    old_ = replicas_[0].leads() ? 0 : 1;
    lease_ = lease();
  }

  void park(const std::string& rule) { parked_ = proxies_[old_].add_rule(rule); }
  // Returns when the leader is frozen with its write on the way.
  void freeze() {
    ASSERT_TRUE(proxies_[old_].applied(parked_)) << replicas_[old_].log();
    replicas_[old_].pause();
  }
  void await_next() {
    EXPECT_TRUE(eventually([&] { return replicas_[1 - old_].leads(); }))
        << replicas_[1 - old_].log();
    const json now = lease();
    EXPECT_NE(now["spec"]["holderIdentity"], lease_["spec"]["holderIdentity"]);
    EXPECT_EQ(now["spec"]["leaseTransitions"].get<int>(),
              lease_["spec"]["leaseTransitions"].get<int>() + 1);
    lease_ = now;
  }
  // The late write goes out; what the server said to it.
  int arrive() {
    proxies_[old_].remove_rule(parked_);
    return proxies_[old_].ended(parked_).status;
  }
  // The frozen one goes on and finds that it is no leader.
  void thaw() {
    replicas_[old_].resume();
    EXPECT_TRUE(eventually([&] {
      return !replicas_[old_].leads() && replicas_[old_].health("/readyz").status == 200;
    }));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    EXPECT_EQ(lease()["spec"]["holderIdentity"], lease_["spec"]["holderIdentity"]);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], lease_["spec"]["leaseTransitions"]);
  }

 private:
  json lease() const {
    return json::parse(ClusterNamespace::plane().must_kubectl(
        {"-n", ns_, "get", "lease", "ripcord-leader", "-o", "json"}));
  }

  const std::string ns_;
  FaultProxy proxies_[2];
  RunningOnCluster replicas_[2];
  std::size_t old_ = 0;
  int parked_ = 0;
  json lease_;
};

TEST(ALateWrite, OfAStatusIsRefusedOnceTheNextLeaderHasActed) {
  REQUIRE_CONTROL_PLANE();
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  TwoReplicas replicas(ns.name());
  ns.await_ready("featureflag/checkout");
  replicas.park(R"({"method":"PUT","path":"featureflags/checkout/status$","times":1,"park":1})");
  ns.patch("featureflag/checkout",
           R"({"spec":{"override":{"enabled":false,"reason":"of the old leader's time"}}})");
  replicas.freeze();
  ns.patch("featureflag/checkout", R"({"spec":{"override":null}})");
  replicas.await_next();
  ns.await_ready("featureflag/checkout");
  const json written = ns.get("featureflag/checkout");
  EXPECT_EQ(replicas.arrive(), 409);
  replicas.thaw();
  // Version and managed fields too.
  EXPECT_EQ(ns.get("featureflag/checkout"), written);
}

class ALateSwitch : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    REQUIRE_CONTROLLERS();
    ClusterNamespace::apply_crds();
  }
};

// Where the next leader finds the Service as it is wanted, it has nothing to switch: its mark is
// all that keeps the late switch out.
TEST_P(ALateSwitch, OfAServiceIsRefused) {
  const bool next_switches_too = GetParam();
  ClusterWorld world;
  const ClusterNamespace ns(world.ns());
  three_environments(world);
  TwoReplicas replicas(world.ns());
  const auto lift_override = [&] {
    ns.patch("traffictarget/shop", R"({"spec":{"override":null}})");
  };
  ns.apply(target_manifest("blue"));
  ns.await_ready("traffictarget/shop");
  replicas.park(R"({"method":"PATCH","path":"services/shop","times":1,"park":1})");
  ns.patch("traffictarget/shop",
           R"({"spec":{"override":{"active":"green","reason":"of the old leader's time"}}})");
  replicas.freeze();
  if (!next_switches_too) {
    lift_override();
  }
  replicas.await_next();
  ns.await_ready("traffictarget/shop");
  if (next_switches_too) {
    EXPECT_EQ(world.look("service/shop", "{.spec.selector.version}"), "green");
    lift_override();
    ns.await_ready("traffictarget/shop");
  }
  ASSERT_EQ(world.look("service/shop", "{.spec.selector.version}"), "blue");
  const json written = ns.get("service/shop");
  EXPECT_EQ(replicas.arrive(), 409);
  replicas.thaw();
  EXPECT_EQ(ns.get("service/shop"), written);
}

INSTANTIATE_TEST_SUITE_P(Cluster, ALateSwitch, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "AfterThatOfTheNextLeader" : "WhenTheNextLeaderHasNone");
});

}  // namespace
}  // namespace ripcord
