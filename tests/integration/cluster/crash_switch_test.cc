// SPDX-License-Identifier: Apache-2.0
// The process dies around each of its writes while it switches a Service.
#include "tests/integration/cluster/running_on_cluster.h"
#include "tests/integration/cluster_drivers/cluster_world.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using nlohmann::json;

constexpr const char* kItsWrites =
    R"("method":"PUT|PATCH","path":"/traffictargets/shop/status$|/services/shop\\?")";

struct Outcome {
  std::string end;
  std::size_t writes = 0;
  std::size_t switches = 0;  // patches of the Service that the server took
  bool died = false;
};

bool is_its_write(const SeenRequest& request) {
  return request.writes() && (request.path.ends_with("/traffictargets/shop/status") ||
                              request.path.find("/services/shop?") != std::string::npos);
}

// An environment is switched to and back by an override. Dies around write number `at`: "before" it
// is sent or "after" it is done. Never without `when`.
Outcome switch_with_a_crash(std::size_t at, const std::string& when) {
  ClusterWorld world;
  const ClusterNamespace ns(world.ns());
  three_environments(world);
  FaultProxy proxy(ClusterNamespace::plane(), plain_client());
  RunningOnCluster replica(proxy.kubeconfig(ClusterNamespace::plane().token()), ns.name(),
                           {"--no-leader-elect"});
  if (!when.empty()) {
    proxy.add_rule(fmt::format(R"({{{},"skip":{},"times":1,"when":"{}","kill":{}}})", kItsWrites,
                               at, when, replica.pid()));
  }
  Outcome outcome;
  const auto becomes_ready = [&](const std::string& active) {
    const bool ready = eventually([&] {
      if (!replica.running()) {
        outcome.died = true;
        replica.start();
      }
      const json target = ns.get("traffictarget/shop");
      const json status = target.value("status", json::object());
      if (status.value("observedGeneration", -1) != target["metadata"]["generation"].get<int>()) {
        return false;
      }
      for (const json& condition : status.value("conditions", json::array())) {
        if (condition["type"] == "Ready") {
          return condition["status"] == "True" && status["active"] == active;
        }
      }
      return false;
    });
    if (!ready) {
      throw std::runtime_error("not ready: " + ns.state_of("traffictarget") + replica.log());
    }
  };
  ns.apply(target_manifest("blue"));
  becomes_ready("blue");
  ns.patch("traffictarget/shop", R"({"spec":{"override":{"active":"green","reason":"why"}}})");
  becomes_ready("green");
  ns.patch("traffictarget/shop", R"({"spec":{"override":null}})");
  becomes_ready("blue");
  outcome.end = ns.state_of("traffictarget") + world.look("service/shop", "{.spec.selector}");
  outcome.writes = proxy.count(0, is_its_write);
  outcome.switches = proxy.count(0, [](const auto& request) {
    return is_its_write(request) && request.method == "PATCH" && request.status == 200;
  });
  return outcome;
}

class ACrashInASwitch : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { REQUIRE_CONTROLLERS(); }
};

TEST_P(ACrashInASwitch, AroundAnyWriteLeadsToTheSameEndAsNone) {
  static const Outcome undisturbed = switch_with_a_crash(0, "");
  ASSERT_FALSE(undisturbed.died);
  ASSERT_EQ(undisturbed.switches, 2U);
  for (std::size_t at = 0; at < undisturbed.writes; ++at) {
    SCOPED_TRACE(fmt::format("killed {} write {}", GetParam(), at + 1));
    const Outcome run = switch_with_a_crash(at, GetParam());
    EXPECT_EQ(run.end, undisturbed.end);
    EXPECT_EQ(run.switches, undisturbed.switches) << "each takes effect once";
    // How many writes there are depends on what is coalesced; the last may not come.
    EXPECT_TRUE(run.died || at + 2 >= undisturbed.writes);
  }
}

INSTANTIATE_TEST_SUITE_P(Cluster, ACrashInASwitch, testing::Values("before", "after"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ripcord
