// SPDX-License-Identifier: Apache-2.0
// What a leader decided and sends late, after the next one has looked: the server refuses it, also
// where the next one found everything as it should be. (Here the one of before is not stopped, so
// it reads again and tries again; a real one is held back by the fence.)
#include "adapters/kubernetes/config_map_sink.h"
#include "adapters/kubernetes/http_route_router.h"
#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using kubernetes::ClusterReach;
using kubernetes::ConfigMapSink;
using kubernetes::HttpRouteRouters;
using kubernetes::ServiceRouters;

class Led final : public kubernetes::WriteFence {
 public:
  explicit Led(std::string name) : name_(std::move(name)) {}
  Duration left() const override { return Duration::max(); }
  std::string leadership() const override { return name_; }

 private:
  const std::string name_;
};

class TheNextLeader : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTROLLERS();
    world_ = std::make_unique<ClusterWorld>();
  }
  ClusterReach of(const Led& leader) {
    ClusterReach reach = world_->reach();
    reach.fence = &leader;
    return reach;
  }
  std::string mark(const std::string& object) {
    return world_->look(object, R"({.metadata.annotations.ripcord\.dev/led-by})");
  }

  const Led first_{"first_1/0"};
  const Led next_{"next_1/1"};
  std::unique_ptr<ClusterWorld> world_;
};

TEST_F(TheNextLeader, TurnsALateSwitchOfAServiceDownByLookingAtIt) {
  TrafficTargetSpec spec = three_environments(*world_);
  spec.router.kubernetes_service = KubernetesServiceRouter{"shop", "version", {}};
  ServiceRouters next_routers(of(next_), world_->clock());
  const auto next = next_routers.open(located(spec, world_->ns()));
  int writes = 0;
  ServiceRouters first_routers(of(first_), world_->clock(), {.trace = [&](std::string_view point) {
                                 if (point == "before patching the selector" && ++writes == 1) {
                                   EXPECT_OK((*next)->read());
                                   EXPECT_EQ(mark("service/shop"), "next_1/1");
                                 }
                               }});
  const auto first = first_routers.open(located(spec, world_->ns()));
  ASSERT_OK((*first)->read());
  EXPECT_EQ(mark("service/shop"), "first_1/0");
  ASSERT_OK((*first)->apply({{"green", 100}}));
  EXPECT_EQ(writes, 2);
}

TEST_F(TheNextLeader, MarksAServiceOnceAndChangesNothingElse) {
  TrafficTargetSpec spec = three_environments(*world_);
  spec.router.kubernetes_service = KubernetesServiceRouter{"shop", "version", {}};
  ServiceRouters routers(of(next_), world_->clock());
  const auto next = routers.open(located(spec, world_->ns()));
  const std::string before = world_->look("service/shop", "{.spec}{.metadata.labels}");
  ASSERT_OK((*next)->read());
  const std::string marked = world_->look("service/shop", "{.metadata.resourceVersion}");
  ASSERT_OK((*next)->read());
  EXPECT_EQ(world_->look("service/shop", "{.metadata.resourceVersion}"), marked);
  EXPECT_EQ(world_->look("service/shop", "{.spec}{.metadata.labels}"), before);
}

TEST_F(TheNextLeader, TurnsLateWeightsOfARouteDownByLookingAtIt) {
  install_gateway_api(shared_control_plane());
  TrafficTargetSpec spec = three_environments(*world_);
  spec.router.http_route = HttpRouteRouter{"shop", {}};
  make_route(*world_);
  const SimulatedGateway gateway(*world_);
  HttpRouteRouters next_routers(of(next_), world_->clock());
  const auto next = next_routers.open(located(spec, world_->ns()));
  int writes = 0;
  HttpRouteRouters first_routers(of(first_), world_->clock(),
                                 {.trace = [&](std::string_view point) {
                                   if (point == "before patching the weights" && ++writes == 1) {
                                     EXPECT_OK((*next)->read());
                                     EXPECT_EQ(mark("httproute/shop"), "next_1/1");
                                   }
                                 }});
  const auto first = first_routers.open(located(spec, world_->ns()));
  ASSERT_OK((*first)->read());
  ASSERT_OK((*first)->apply({{"green", 100}}));
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(world_->look("httproute/shop", "{.metadata.annotations.note}"), "kept");
}

TEST_F(TheNextLeader, TurnsALateFileOfFlagsDownByLookingAtIt) {
  const FlagFilesPlace place{world_->ns(), "flags"};
  const auto files = [](bool on) {
    return std::map<std::string, FlagFile>{
        {"flags.json",
         {{"checkout", {true, {{"on", "true"}, {"off", "false"}}, on ? "on" : "off"}}}}};
  };
  ConfigMapSink next(of(next_));
  int writes = 0;
  ConfigMapSink first(of(first_), [&](std::string_view point) {
    if (point == "config map: apply" && ++writes == 2) {
      const auto looked = next.write(place, files(true));
      EXPECT_OK(looked);
      EXPECT_FALSE(looked.value_or(true)) << "it is as it should be";
      EXPECT_EQ(mark("configmap/flags"), "next_1/1");
    }
  });
  ASSERT_OK(first.write(place, files(true)));
  EXPECT_EQ(mark("configmap/flags"), "first_1/0");
  ASSERT_OK(first.write(place, files(false)));
  EXPECT_EQ(writes, 3);
  const auto again = first.write(place, files(false));
  EXPECT_FALSE(again.value_or(true));
  EXPECT_EQ(writes, 3) << "nothing is written without a reason";
}

}  // namespace
}  // namespace ripcord
