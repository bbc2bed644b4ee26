// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_claims.h"

#include <map>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

class Table final : public FlagServing {
 public:
  void set(FlagAnswerPtr answer) override { served[answer->key] = answer->value; }
  void remove(const std::string& key) override { served.erase(key); }
  std::map<std::string, std::string> served;
};

// For each key, who claims it in the order of their right, and what is wanted.
using Model = std::map<std::string, std::map<std::pair<WallTime, ObjectKey>, std::string>>;

void expect_same(const Table& table, const FlagClaims& claims, const Model& model) {
  std::map<std::string, std::string> expected;
  for (const auto& [key, claimants] : model) {
    if (!claimants.empty()) {
      expected[key] = claimants.begin()->second;
    }
  }
  ASSERT_EQ(table.served, expected);
  ASSERT_EQ(claims.served(), expected.size());
}

TEST(FlagClaims, ServesTheOldestOfAnyNumberOfClaimants) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Table table;
  FlagClaims claims(table);
  Model model;
  for (int i = 0; i < 20'000; ++i) {
    const ObjectKey owner{Kind::kFeatureFlag, "n", "o" + std::to_string(random() % 12)};
    for (auto& [key, claimants] : model) {
      std::erase_if(claimants, [&](const auto& one) { return one.first.second == owner; });
    }
    if (random() % 4 == 0) {
      claims.release(owner);
    } else {
      const std::string key =
          "a key that is longer than a short string " + std::to_string(random() % 3);
      const WallTime created{std::chrono::seconds(random() % 3)};
      const std::string value = std::to_string(random() % 5);
      auto& claimants = model[key];
      claimants[{created, owner}] = value;
      const FlagClaims::Ruling ruling =
          claims.claim({owner, created, {key, value, "v", "STATIC"}}, {});
      EXPECT_EQ(ruling.winner, claimants.begin()->first.second);
      EXPECT_EQ(ruling.won, ruling.winner == owner);
    }
    expect_same(table, claims, model);
  }
}

}  // namespace
}  // namespace ripcord
