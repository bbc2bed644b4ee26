// SPDX-License-Identifier: Apache-2.0
// Who acts, and who must not any more.
#include "tests/integration/cluster/running_on_cluster.h"

#include <deque>
#include <iostream>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

class Leadership : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTROL_PLANE(); }
  static std::string admin() { return ClusterNamespace::plane().kubeconfig(); }
};

// Waits until exactly one of them leads.
RunningOnCluster& leader_of(std::deque<RunningOnCluster>& replicas) {
  RunningOnCluster* leader = nullptr;
  const bool found = eventually([&] {
    int leaders = 0;
    for (RunningOnCluster& replica : replicas) {
      if (replica.running() && replica.leads()) {
        leader = &replica;
        ++leaders;
      }
    }
    return leaders == 1;
  });
  if (!found) {
    throw std::runtime_error("nobody, or more than one, leads");
  }
  return *leader;
}

TEST_F(Leadership, AfterAKilledLeaderAnotherDoesThePendingMigrationExactlyOnce) {
  const ClusterNamespace ns;
  const TempDir directory;
  const std::string database = directory / "app.db";
  sqlite(database, "create table other (x)");
  std::deque<RunningOnCluster> replicas;
  for (int i = 0; i < 3; ++i) {
    replicas.emplace_back(admin(), ns.name());
  }
  RunningOnCluster& first = leader_of(replicas);
  // Somebody writes to the database for long, so the leader is killed in the middle.
  ChildProcess writer({.argv = {"sqlite3", database}, .pipe_stdin = true});
  writer.write_stdin("begin immediate; insert into other values (1); select 'begun';\n");
  ASSERT_EQ(writer.read_line(), "begun");
  ns.apply(migration_manifest("shop", database, 2));
  ASSERT_TRUE(eventually([&] {
    return ns.get("migrationversion/shop")["status"].value("observedGeneration", -1) == 1;
  })) << first.log();
  first.kill9();
  writer.write_stdin("commit;\n.quit\n");
  ASSERT_EQ(writer.wait(), 0);
  ns.await_ready("migrationversion/shop");
  EXPECT_NE(&leader_of(replicas), &first);
  EXPECT_EQ(sqlite(database, "select what from runs"), "up 1\nup 2\n");
}

TEST_F(Leadership, ACleanStopHandsOverWithoutWaitingForTheLease) {
  const ClusterNamespace ns;
  const std::vector<std::string> an_hour = {"--leader-elect-lease-duration=1h",
                                            "--leader-elect-renew-deadline=50m"};
  std::deque<RunningOnCluster> replicas;
  replicas.emplace_back(admin(), ns.name(), an_hour);
  replicas.emplace_back(admin(), ns.name(), an_hour);
  RunningOnCluster& first = leader_of(replicas);
  EXPECT_EQ(first.terminate(), 0) << first.log();
  EXPECT_NE(&leader_of(replicas), &first);
  ns.apply_flag("checkout");
  ns.await_ready("featureflag/checkout");
}

// Changes one flag over and over until it is destroyed, so that a leader always has something to
// write.
class Traffic {
 public:
  explicit Traffic(const ClusterNamespace& ns)
      : thread_([&ns](const std::stop_token& stop) {
          for (bool on = true; !stop.stop_requested(); on = !on) {
            ns.request("PATCH", "featureflags/checkout",
                       on ? R"({"spec":{"enabled":true}})" : R"({"spec":{"enabled":false}})");
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          }
        }) {}

 private:
  std::jthread thread_;
};

nlohmann::json lease_of(const ClusterNamespace& ns) {
  return ns.get("lease/ripcord-leader")["spec"];
}

// What the server has, once nothing changes it any more.
nlohmann::json settled(const ClusterNamespace& ns) {
  nlohmann::json last;
  EXPECT_TRUE(eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return std::exchange(last, ns.get("featureflag/checkout")) == ns.get("featureflag/checkout");
  }));
  return last;
}

TEST_F(Leadership, AStoppedLeaderThatGoesOnAfterItsLeaseWritesNothing) {
  const unsigned seed = std::random_device{}();
  std::minstd_rand random(seed);
  std::cout << "seed " << seed << "\n";
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  const std::string token = ClusterNamespace::plane().token();
  const FaultProxy proxies[] = {{ClusterNamespace::plane(), plain_client()},
                                {ClusterNamespace::plane(), plain_client()}};
  RunningOnCluster replicas[] = {{proxies[0].kubeconfig(token), ns.name()},
                                 {proxies[1].kubeconfig(token), ns.name()}};
  for (int round = 0; round < 3; ++round) {
    auto traffic = std::make_unique<Traffic>(ns);
    ASSERT_TRUE(eventually([&] { return replicas[0].leads() != replicas[1].leads(); }));
    const nlohmann::json lease = lease_of(ns);
    const std::size_t stopped = replicas[0].leads() ? 0 : 1;
    const double leading = monotonic_seconds();
    RunningOnCluster& old = replicas[stopped];
    ASSERT_TRUE(eventually([&] {
      return proxies[stopped].count(leading, [](const auto& request) {
        return request.writes() && !request.is_of_lease();
      }) > 0;
    })) << "nothing is being written";
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 700));
    old.pause();
    ASSERT_TRUE(eventually([&] { return replicas[1 - stopped].leads(); })) << "seed " << seed;
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    // The new leader has the last word on what there is, and nobody changes it any more.
    traffic.reset();
    ns.await_ready("featureflag/checkout");
    const nlohmann::json last_word = settled(ns);
    const nlohmann::json next_lease = lease_of(ns);
    EXPECT_NE(next_lease["holderIdentity"], lease["holderIdentity"]);
    EXPECT_EQ(next_lease["leaseTransitions"].get<int>(), lease["leaseTransitions"].get<int>() + 1);
    const double resumed = monotonic_seconds();
    old.resume();
    ASSERT_TRUE(eventually([&] { return !old.leads() && old.health("/readyz").status == 200; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    for (const SeenRequest& request : proxies[stopped].requests()) {
      EXPECT_FALSE(request.start >= resumed && request.writes() && !request.is_of_lease())
          << "seed " << seed << ", round " << round << ": " << request.method << " " << request.path
          << " " << request.start - resumed << " s after it went on, answered " << request.status;
    }
    // Version and managed fields too: nothing of it has arrived.
    EXPECT_EQ(ns.get("featureflag/checkout"), last_word) << "seed " << seed;
    EXPECT_EQ(lease_of(ns)["holderIdentity"], next_lease["holderIdentity"]);
    EXPECT_EQ(lease_of(ns)["leaseTransitions"], next_lease["leaseTransitions"]);
  }
}

TEST_F(Leadership, ALeaderWhoseConnectionsDieWithoutAWordGoesOnLeading) {
  const ClusterNamespace ns;
  FaultProxy proxy(ClusterNamespace::plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(ClusterNamespace::plane().token()), ns.name(),
                           {"--leader-elect-lease-duration=12s", "--leader-elect-renew-deadline=8s",
                            "--leader-elect-retry-period=500ms"});
  ASSERT_TRUE(eventually([&] { return replica.leads(); }));
  const nlohmann::json lease = lease_of(ns);
  proxy.freeze_connections();
  const double frozen = monotonic_seconds();
  // The renewal that was lost costs its timeout of 4 s; the next one takes another connection.
  EXPECT_TRUE(eventually([&] {
    return proxy.count(frozen, [](const auto& request) {
      return request.is_of_lease() && request.writes() && request.status == 200;
    }) >= 3;
  }));
  EXPECT_TRUE(replica.leads()) << replica.log();
  EXPECT_EQ(replica.log().find("not leading any more"), std::string::npos) << replica.log();
  EXPECT_EQ(lease_of(ns)["holderIdentity"], lease["holderIdentity"]);
  EXPECT_EQ(lease_of(ns)["leaseTransitions"], lease["leaseTransitions"]);
}

TEST_F(Leadership, ALeaderWhoseRenewalsVanishStepsDownWithoutExitAndLeadsAgain) {
  const ClusterNamespace ns;
  ns.apply_flag("checkout");
  FaultProxy proxy(ClusterNamespace::plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(ClusterNamespace::plane().token()), ns.name());
  ns.await_ready("featureflag/checkout");
  const pid_t before = replica.pid();
  const int hole = proxy.add_rule(R"({"method":"PUT","path":"/leases/","swallow":"request"})");
  ASSERT_TRUE(eventually([&] { return !replica.leads(); })) << replica.log();
  const double lost = monotonic_seconds();
  ns.patch("featureflag/checkout", R"({"spec":{"enabled":false}})");
  // It serves what is wanted, and leaves the telling to a leader.
  EXPECT_TRUE(eventually([&] { return replica.flag("checkout") == "false"; }));
  EXPECT_EQ(replica.health("/readyz").status, 200);
  EXPECT_EQ(
      proxy.count(lost,
                  [](const auto& request) { return request.writes() && !request.is_of_lease(); }),
      0U);
  proxy.remove_rule(hole);
  ns.await_ready("featureflag/checkout");
  EXPECT_TRUE(eventually([&] { return replica.leads(); }));
  EXPECT_TRUE(replica.running());
  EXPECT_EQ(replica.pid(), before);
  EXPECT_EQ(ns.get("featureflag/checkout")["status"]["observedGeneration"], 2);
}

}  // namespace
}  // namespace ripcord
