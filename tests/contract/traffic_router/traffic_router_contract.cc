// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/traffic_router/traffic_router_contract.h"

#include <algorithm>
#include <set>

namespace ripcord {

std::unique_ptr<TrafficRouter> TrafficRouterContract::opened() {
  auto router = held_->routers().open(held_->spec());
  EXPECT_OK(router);
  return router ? std::move(*router) : nullptr;
}

RouterState TrafficRouterContract::state(TrafficRouter& router) {
  const auto read = router.read();
  EXPECT_OK(read);
  return read.value_or(RouterState{});
}

TrafficWeights shares(const RouterState& state) {
  TrafficWeights shares = state.weights;
  std::erase_if(shares, [](const auto& item) { return item.second == 0; });
  return shares;
}

TEST_P(TrafficRouterContract, EveryServerOfTheSpecIsReadWithItsEnvironment) {
  const auto router = opened();
  const RouterState read = state(*router);
  std::multiset<std::string> environments;
  for (const RouterServer& server : read.servers) {
    environments.insert(server.environment);
    EXPECT_FALSE(server.name.empty());
    EXPECT_FALSE(server.address.empty());
  }
  EXPECT_EQ(environments.count("blue"), 1U);
  EXPECT_EQ(environments.count("green"), 2U);
  EXPECT_EQ(environments.count("canary"), 3U);
  EXPECT_TRUE(read.missing.empty());
  EXPECT_FALSE(read.incarnation.empty());
}

TEST_P(TrafficRouterContract, SharesAreReadBackAsTheyWereGiven) {
  const auto router = opened();
  const std::vector<TrafficWeights> cases = {
      {{"green", 100}},
      {{"blue", 90}, {"green", 10}},
      {{"blue", 99}, {"canary", 1}},
      {{"blue", 1}, {"canary", 99}},
      {{"blue", 34}, {"green", 33}, {"canary", 33}},
      {{"blue", 100}},
      {{"canary", 50}, {"green", 50}},
  };
  for (const TrafficWeights& given : cases) {
    SCOPED_TRACE(testing::PrintToString(given));
    if (given.size() > 1 && !GetParam().shares) {
      const RouterState before = state(*router);
      EXPECT_CODE(router->apply(given), StatusCode::kInvalidArgument);
      EXPECT_EQ(state(*router), before);
      continue;
    }
    ASSERT_OK(router->apply(given));
    const RouterState read = state(*router);
    EXPECT_EQ(shares(read), given);
    EXPECT_TRUE(read.settled);
  }
}

TEST_P(TrafficRouterContract, ASharelessEnvironmentAcceptsNoTrafficAndTheOthersDo) {
  const auto router = opened();
  ASSERT_OK(router->apply({{"green", 100}}));
  for (const RouterServer& server : state(*router).servers) {
    if (!server.environment.empty()) {
      EXPECT_EQ(server.accepts_traffic, server.environment == "green") << server.name;
    }
  }
}

TEST_P(TrafficRouterContract, ApplyingTheSameAgainChangesNothing) {
  const auto router = opened();
  const TrafficWeights given = GetParam().shares ? TrafficWeights{{"blue", 70}, {"canary", 30}}
                                                 : TrafficWeights{{"canary", 100}};
  ASSERT_OK(router->apply(given));
  const RouterState once = state(*router);
  ASSERT_OK(router->apply(given));
  EXPECT_EQ(state(*router), once);
}

TEST_P(TrafficRouterContract, AShareOfZeroIsNoShare) {
  const auto router = opened();
  ASSERT_OK(router->apply({{"blue", 100}, {"green", 0}, {"canary", 0}}));
  EXPECT_EQ(shares(state(*router)), (TrafficWeights{{"blue", 100}}));
}

TEST_P(TrafficRouterContract, WhatOneOpenedRouterDidAnotherReads) {
  ASSERT_OK(opened()->apply({{"canary", 100}}));
  EXPECT_EQ(shares(state(*opened())), (TrafficWeights{{"canary", 100}}));
}

TEST_P(TrafficRouterContract, AnEnvironmentThatIsNotThereIsRefusedAndNothingMoves) {
  const auto router = opened();
  ASSERT_OK(router->apply({{"blue", 100}}));
  const RouterState before = state(*router);
  EXPECT_FALSE(router->apply({{"purple", 100}}).ok());
  EXPECT_EQ(state(*router), before);
}

TEST_P(TrafficRouterContract, ReadingChangesNothing) {
  const auto router = opened();
  const RouterState once = state(*router);
  EXPECT_EQ(state(*router), once);
}

}  // namespace ripcord
