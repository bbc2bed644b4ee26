// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/flag_table.h"

#include "adapters/ofrep/answer_text.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord::ofrep {
namespace {

TEST(FlagTable, ServesTheLastAnswerUntilItIsRemoved) {
  FlagTable table;
  EXPECT_EQ(table.find("k"), nullptr);
  table.set(share({"k", "true", "on", "STATIC"}));
  EXPECT_EQ(*table.find("k"), (FlagAnswer{"k", "true", "on", "STATIC"}));
  const std::uint64_t before = table.revision();
  table.set(share({"k", "false", "off", "STATIC"}));
  EXPECT_GT(table.revision(), before);
  EXPECT_EQ(*table.find("k"), (FlagAnswer{"k", "false", "off", "STATIC"}));
  table.remove("k");
  table.remove("never there");
  EXPECT_EQ(table.find("k"), nullptr);
}

TEST(EvaluationObject, KeepsTheValueAsItWasWritten) {
  EXPECT_EQ(evaluation_object({"ten", "10.0", "a\"b", "STATIC"}),
            R"({"key":"ten","reason":"STATIC","value":10.0,"variant":"a\"b","metadata":{}})");
}

TEST(EvaluationObject, LeavesOutTheValueWhenTheApplicationDecides) {
  EXPECT_EQ(evaluation_object({"k", "", "", "DISABLED"}),
            R"({"key":"k","reason":"DISABLED","metadata":{}})");
}

TEST(FlagTable, ListsAllByKey) {
  FlagTable table;
  for (int i = 0; i < 10'000; ++i) {
    table.set(share({fmt::format("flag-{}", (i * 7919) % 10'000), "1", "one", "STATIC"}));
  }
  const auto all = table.all();
  ASSERT_EQ(all.size(), 10'000u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a->key < b->key; }));
}

TEST(FlagTable, ShowsReadersOnlyWholeAnswersWhileWritersWork) {
  FlagTable table;
  std::atomic<bool> torn{false};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 3000; ++i) {
          const std::string n = std::to_string(i % 2);
          table.set(share({"k" + std::to_string(i % 5), n, "v" + n, "STATIC"}));
        }
      });
    }
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20'000; ++i) {
          if (const auto flag = table.find("k" + std::to_string(i % 5))) {
            torn = torn || flag->variant != "v" + flag->value;
          }
        }
      });
    }
  }
  EXPECT_FALSE(torn);
}

}  // namespace
}  // namespace ripcord::ofrep
