// SPDX-License-Identifier: Apache-2.0
// The suite on a real HAProxy, and what only HAProxy can do wrong.
#include "tests/support/traffic/haproxy_instance.h"

#include "adapters/haproxy/haproxy_router.h"
#include "tests/contract/traffic_router/traffic_router_contract.h"

namespace ripcord {
namespace {

using testing::HasSubstr;

// Nothing listens behind it: HAProxy without checks takes every server for running.
class RealHaproxy final : public RouterUnderTest {
 public:
  TrafficRouters& routers() override { return routers_; }
  TrafficTargetSpec spec() override {
    TrafficTargetSpec spec;
    spec.environments = {{"blue", {"127.0.0.1:11"}, {}},
                         {"green", {"localhost:12", "127.0.0.1:13"}, {}},
                         {"canary", {"[0:0::1]:14", "127.0.0.1:15", "127.0.0.1:16"}, {}}};
    spec.active = "blue";
    spec.router.haproxy = HaproxyRouter{haproxy.socket(), "shop", haproxy.state_file()};
    return spec;
  }

  TempDir dir;
  HaproxyInstance haproxy{dir,
                          {{"b1", "127.0.0.1:11", ""},
                           {"g1", "localhost:12", ""},
                           {"g2", "127.0.0.1:13", "disabled"},
                           {"c1", "[::1]:14", "weight 7"},
                           {"c2", "127.0.0.1:15", ""},
                           {"c3", "127.0.0.1:16", ""},
                           {"stranger", "127.0.0.1:17", "weight 5"}}};
  haproxy::HaproxyRouters routers_;
};

INSTANTIATE_TEST_SUITE_P(Haproxy, TrafficRouterContract,
                         testing::Values(RouterFactory{
                             "Haproxy", [] { return std::make_unique<RealHaproxy>(); }}),
                         router_name);

std::unique_ptr<TrafficRouter> open(RealHaproxy& real, const TrafficTargetSpec& spec) {
  auto router = real.routers().open(spec);
  EXPECT_OK(router);
  return router ? std::move(*router) : nullptr;
}

TEST(HaproxyRouterOnly, AServerThatNoEnvironmentNamesIsLeftAlone) {
  RealHaproxy real;
  const auto router = open(real, real.spec());
  ASSERT_OK(router->apply({{"green", 100}}));
  EXPECT_EQ(real.haproxy.servers().back(), "stranger ready 5");
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->servers.back().environment, "");
}

TEST(HaproxyRouterOnly, OneDrainedServerOfSeveralIsNotSettled) {
  RealHaproxy real;
  const auto router = open(real, real.spec());
  ASSERT_OK(router->apply({{"green", 100}}));
  real.haproxy.command("set server shop/g2 state drain");
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->weights.at("green"), 100);
  EXPECT_FALSE(state->settled);
  ASSERT_OK(router->apply({{"green", 100}}));
  EXPECT_TRUE(router->read()->settled);
}

TEST(HaproxyRouterOnly, AnAddressThatNoServerHasHoldsUpOnlyItsOwnEnvironment) {
  RealHaproxy real;
  TrafficTargetSpec spec = real.spec();
  spec.environments[2].addresses.push_back("127.0.0.1:99");
  const auto router = open(real, spec);
  const auto state = router->read();
  ASSERT_OK(state);
  EXPECT_EQ(state->missing.at("canary"), "127.0.0.1:99");
  EXPECT_OK(router->apply({{"blue", 100}}));
  const Status refused = router->apply({{"canary", 100}});
  EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.reason(), "UnknownAddress");
  EXPECT_THAT(refused.message(), HasSubstr("127.0.0.1:99 of environment canary"));
  EXPECT_THAT(refused.message(), HasSubstr("b1 127.0.0.1:11"));
}

TEST(HaproxyRouterOnly, ADestinationThatHaproxySeesDownTakesNothingFromTheOthers) {
  TempDir dir;
  HaproxyInstance haproxy(dir, {{"b1", "127.0.0.1:11", ""},
                                {"g1", "127.0.0.1:12", "check inter 20ms fall 1 disabled"}});
  haproxy::HaproxyRouters routers;
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {"127.0.0.1:11"}, {}}, {"green", {"127.0.0.1:12"}, {}}};
  spec.router.haproxy = HaproxyRouter{haproxy.socket(), "shop", {}};
  const auto router = routers.open(spec);
  ASSERT_OK(router);
  // Out of maintenance it counts as up until its first check fails.
  haproxy.command("set server shop/g1 state drain");
  ASSERT_TRUE(eventually([&] {
    const auto state = (*router)->read();
    return state && haproxy.command("show stat shop 4 -1").find("L4CON") != std::string::npos;
  }));
  const Status refused = (*router)->apply({{"green", 100}});
  EXPECT_CODE(refused, StatusCode::kUnavailable);
  EXPECT_EQ(refused.reason(), "DestinationDown");
  EXPECT_THAT(refused.message(), HasSubstr("g1: ready weight 256, not running"));
  EXPECT_EQ(haproxy.servers().at(0), "b1 ready 1");
  EXPECT_THAT(haproxy.servers().at(1), HasSubstr("g1 drain"));  // and stays out when it recovers
}

struct WrongSpec {
  std::string why;
  std::function<void(TrafficTargetSpec&, RealHaproxy&)> spoil;
  StatusCode code;
  std::string reason;
  std::string says;
};

TEST(HaproxyRouterOnly, EachMistakeNamesItsFieldAndTheFix) {
  RealHaproxy real;
  const std::vector<WrongSpec> cases = {
      {"no such socket",
       [](auto& spec, auto& held) { spec.router.haproxy->socket = held.dir / "nobody.sock"; },
       StatusCode::kUnavailable, "RouterUnavailable", "no such socket; start HAProxy"},
      {"path too long",
       [](auto& spec, auto&) { spec.router.haproxy->socket = "/" + std::string(200, 'x'); },
       StatusCode::kInvalidArgument, "InvalidArgument", "a socket path has 1 to 107 bytes"},
      {"no such backend", [](auto& spec, auto&) { spec.router.haproxy->backend = "shopp"; },
       StatusCode::kFailedPrecondition, "UnknownBackend", "HAProxy has no backend 'shopp'"},
      {"injection",
       [](auto& spec, auto&) { spec.router.haproxy->backend = "shop; shutdown frontend web"; },
       StatusCode::kInvalidArgument, "InvalidName", "spec.router.haproxy.backend"},
      {"injection by line",
       [](auto& spec, auto&) { spec.router.haproxy->backend = "shop\nshow env"; },
       StatusCode::kInvalidArgument, "InvalidName", "spec.router.haproxy.backend"},
      {"address twice",
       [](auto& spec, auto&) { spec.environments[1].addresses.push_back("127.0.0.1:11"); },
       StatusCode::kInvalidArgument, "InvalidArgument", "is named by blue and by green"},
      {"relative state file", [](auto& spec, auto&) { spec.router.haproxy->state_file = "state"; },
       StatusCode::kInvalidArgument, "InvalidArgument", "write an absolute path"},
      {"no router", [](auto& spec, auto&) { spec.router.haproxy.reset(); },
       StatusCode::kInvalidArgument, "InvalidArgument", "spec.router: write haproxy"},
  };
  for (const WrongSpec& wrong : cases) {
    TrafficTargetSpec spec = real.spec();
    wrong.spoil(spec, real);
    const auto router = real.routers().open(spec);
    const Status status = router ? status_of((*router)->read()) : router.error();
    SCOPED_TRACE(wrong.why);
    EXPECT_CODE(status, wrong.code);
    EXPECT_EQ(status.reason(), wrong.reason);
    EXPECT_THAT(status.message(), HasSubstr(wrong.says));
  }
  EXPECT_THAT(real.haproxy.command("show info"), HasSubstr("Name: HAProxy"));
}

TEST(HaproxyRouterOnly, ASocketWithoutAdminLevelIsToldFromOneThatIsMissing) {
  TempDir dir;
  const std::string config = dir / "low.cfg";
  const std::string socket = dir / "low.sock";
  write_file(config,
             "global\n  stats socket " + socket +
                 " mode 600 level operator\ndefaults\n  timeout connect 1s\n  timeout "
                 "client 1s\n  timeout server 1s\nbackend shop\n  server b1 127.0.0.1:11\n");
  ChildProcess haproxy({{"haproxy", "-db", "-f", config}, {}, {}, {}, false});
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {"127.0.0.1:11"}, {}}};
  spec.router.haproxy = HaproxyRouter{socket, "shop", {}};
  haproxy::HaproxyRouters routers;
  const auto router = routers.open(spec);
  ASSERT_OK(router);
  ASSERT_TRUE(eventually([&] { return (*router)->read().has_value(); })) << haproxy.err();
  const Status refused = (*router)->apply({{"blue", 100}});
  EXPECT_CODE(refused, StatusCode::kPermissionDenied);
  EXPECT_THAT(refused.message(), HasSubstr("level admin"));
}

}  // namespace
}  // namespace ripcord
