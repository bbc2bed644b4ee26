// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/shares.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace ripcord::haproxy {
namespace {

TEST(Shares, ABlueGreenSideGetsTheFullWeight) {
  const auto weights = distribute({{"blue", 100}, {"green", 0}}, {{"blue", 2}, {"green", 3}});
  EXPECT_EQ(weights.at("blue"), (std::vector<std::int32_t>{256, 256}));
  EXPECT_FALSE(weights.contains("green"));
}

TEST(Shares, NinetyToTenIsNinetyToTen) {
  const auto weights = distribute({{"blue", 90}, {"green", 10}}, {{"blue", 1}, {"green", 1}});
  EXPECT_EQ(weights.at("blue"), (std::vector<std::int32_t>{252}));
  EXPECT_EQ(weights.at("green"), (std::vector<std::int32_t>{28}));
}

TEST(Shares, TheNumberOfServersDoesNotChangeThePercentage) {
  const auto weights = distribute({{"blue", 90}, {"green", 10}}, {{"blue", 1}, {"green", 4}});
  EXPECT_EQ(weights.at("green"), (std::vector<std::int32_t>{7, 7, 7, 7}));
}

TEST(Shares, EveryDivisionIsExactWithinHaproxysRange) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    const auto first = static_cast<std::int32_t>(random() % 101);
    const auto second = static_cast<std::int32_t>(random() % (101U - static_cast<unsigned>(first)));
    const TrafficWeights shares = {{"a", first}, {"b", second}, {"c", 100 - first - second}};
    const std::map<std::string, std::size_t> servers = {
        {"a", 1 + random() % 20}, {"b", 1 + random() % 20}, {"c", 1 + random() % 20}};
    std::map<std::string, std::int64_t> totals;
    for (const auto& [name, weights] : distribute(shares, servers)) {
      ASSERT_EQ(weights.size(), servers.at(name)) << "seed " << seed;
      const auto [least, most] = std::minmax_element(weights.begin(), weights.end());
      ASSERT_GE(*least, 0);
      ASSERT_LE(*most, kMaxWeight) << "seed " << seed;
      ASSERT_LE(*most - *least, 1);
      totals[name] = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    }
    const std::int64_t sum = totals["a"] + totals["b"] + totals["c"];
    for (const auto& [name, share] : shares) {
      ASSERT_EQ(totals[name] * 100, share * sum) << "seed " << seed;
      ASSERT_EQ(percentages(totals).at(name), share) << "seed " << seed;
    }
  }
}

TEST(Shares, PercentagesAddUpToAHundredOrToNothing) {
  EXPECT_EQ(percentages({{"a", 1}, {"b", 1}, {"c", 1}}),
            (TrafficWeights{{"a", 34}, {"b", 33}, {"c", 33}}));
  EXPECT_EQ(percentages({{"a", 26}, {"b", 230}}), (TrafficWeights{{"a", 10}, {"b", 90}}));
  EXPECT_EQ(percentages({{"a", 0}, {"b", 0}}), (TrafficWeights{{"a", 0}, {"b", 0}}));
  EXPECT_TRUE(percentages({}).empty());
}

}  // namespace
}  // namespace ripcord::haproxy
