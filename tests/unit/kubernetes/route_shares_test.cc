// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/route_shares.h"

#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::kubernetes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

std::vector<Environment> environments(const std::vector<std::string>& names,
                                      std::int32_t port = 0) {
  std::vector<Environment> out;
  for (const std::string& name : names) {
    Environment environment;
    environment.name = name;
    environment.backend = EnvironmentBackend{name, port, 1};
    out.push_back(environment);
  }
  return out;
}

// Rules as lists of backendRefs.
codec::RouteView route_of(const std::string& rules) {
  auto route =
      codec::decode_route(R"({"metadata":{"namespace":"shop"},"spec":{"rules":)" + rules + "}}");
  EXPECT_OK(route);
  return route.value_or(codec::RouteView{});
}

TEST(RouteShares, AreWholePercentsOfOurBackendsOnly) {
  const codec::RouteView route = route_of(
      R"([{"backendRefs":[{"name":"a","weight":1},{"name":"b","weight":1},{"name":"c","weight":1},
                          {"name":"x","weight":50}]}])");
  const auto ours = environments({"a", "b", "c"});
  const RouteShares shares = match_route(route, ours);
  EXPECT_EQ(shares.weights, (TrafficWeights{{"a", 34}, {"b", 33}, {"c", 33}}));
  EXPECT_FALSE(shares.settled);
  EXPECT_EQ(changes_for(shares, shares.weights).size(), 3U);
}

TEST(RouteShares, NoWeightAtAllIsNoShare) {
  const codec::RouteView route =
      route_of(R"([{"backendRefs":[{"name":"a","weight":0},{"name":"b","weight":0}]}])");
  const auto ours = environments({"a", "b"});
  const RouteShares shares = match_route(route, ours);
  EXPECT_EQ(shares.weights, (TrafficWeights{{"a", 0}, {"b", 0}}));
  EXPECT_TRUE(shares.settled);
}

TEST(RouteShares, AnAbsentWeightIsOne) {
  const codec::RouteView route = route_of(R"([{"backendRefs":[{"name":"a"},{"name":"b"}]}])");
  const auto ours = environments({"a", "b"});
  EXPECT_EQ(match_route(route, ours).weights, (TrafficWeights{{"a", 50}, {"b", 50}}));
}

TEST(RouteShares, LeaveOtherNamespacesKindsAndPortsAlone) {
  const codec::RouteView route = route_of(
      R"([{"backendRefs":[{"name":"a","port":80,"weight":100},{"name":"b","port":80,"weight":0},
                          {"name":"a","port":81,"weight":9},
                          {"name":"a","port":80,"namespace":"elsewhere","weight":9},
                          {"name":"a","port":80,"namespace":"shop","kind":"Service","weight":0},
                          {"name":"b","group":"example.com","kind":"Service","weight":9}]}])");
  const auto ours = environments({"a", "b"}, 80);
  const RouteShares shares = match_route(route, ours);
  EXPECT_EQ(shares.backends.size(), 3U);
  EXPECT_EQ(shares.weights, (TrafficWeights{{"a", 100}, {"b", 0}}));
  EXPECT_TRUE(shares.settled);
}

TEST(RouteShares, ARuleOfOneEnvironmentIsPinnedAndOneOfSomeLacksTheOthers) {
  const codec::RouteView route = route_of(
      R"([{"backendRefs":[{"name":"a","weight":1}]},
          {"backendRefs":[{"name":"a","weight":100},{"name":"b","weight":0}]}])");
  const auto ours = environments({"a", "b", "c"});
  const RouteShares shares = match_route(route, ours);
  EXPECT_EQ(shares.backends.size(), 2U);
  EXPECT_THAT(shares.missing, ElementsAre(Pair("c", "c in rule 2")));
}

TEST(RouteShares, RulesThatDisagreeAreNotSettled) {
  const codec::RouteView route = route_of(
      R"([{"backendRefs":[{"name":"a","weight":100},{"name":"b","weight":0}]},
          {"backendRefs":[{"name":"a","weight":0},{"name":"b","weight":100}]}])");
  const auto ours = environments({"a", "b"});
  const RouteShares shares = match_route(route, ours);
  EXPECT_FALSE(shares.settled);
  const auto changes = changes_for(shares, {{"a", 100}});
  EXPECT_EQ(
      codec::encode_weight_patch(changes, ""),
      R"([{"op":"test","path":"/spec/rules/1/backendRefs/0","value":{"name":"a","weight":0}},)"
      R"({"op":"test","path":"/spec/rules/1/backendRefs/1","value":{"name":"b","weight":100}},)"
      R"({"op":"add","path":"/spec/rules/1/backendRefs/0/weight","value":100},)"
      R"({"op":"add","path":"/spec/rules/1/backendRefs/1/weight","value":0}])");
  EXPECT_THAT(codec::encode_weight_patch(changes, "a_1/3"),
              StartsWith(R"([{"op":"test","path":"/metadata/annotations/ripcord.dev~1led-by",)"
                         R"("value":"a_1/3"},{"op":"test","path":"/spec/rules/1/)"));
}

TEST(RouteShares, ARouteOfSomebodyElseHasNothingOfOurs) {
  const codec::RouteView route = route_of(R"([{"backendRefs":[{"name":"x"}]},{"matches":[]}])");
  const auto ours = environments({"a", "b"});
  EXPECT_THAT(match_route(route, ours).backends, IsEmpty());
}

}  // namespace
}  // namespace ripcord::kubernetes
