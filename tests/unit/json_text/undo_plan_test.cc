// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/undo_plan.h"

#include "controller/codec/json_text.h"

#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

TEST(UndoPlan, OfAnEmptyScriptIsAnEmptyList) {
  EXPECT_EQ(undo_plan_json({}), "[]");
}

TEST(UndoPlan, NamesLineEffectAndTransactionOfEachStatement) {
  EXPECT_EQ(undo_plan_json({{"DROP TABLE \"t\"", 2, false, DataEffect::kLossy},
                            {"VACUUM", 5, true, DataEffect::kLossless}}),
            R"([{"line": 2, "effect": "Lossy", "needs_no_transaction": false, "statement": )"
            R"("DROP TABLE \"t\""}, {"line": 5, "effect": "Lossless", "needs_no_transaction": )"
            R"(true, "statement": "VACUUM"}])");
}

TEST(UndoPlan, IsWellFormedWhateverTheStatementHolds) {
  const std::string plan = undo_plan_json({{"SELECT '\xff\\\n\x01 \xc3\xa9'", 1, false, {}}});
  EXPECT_TRUE(is_json_object("{\"plan\": " + plan + "}")) << plan;
}

}  // namespace
}  // namespace ripcord::codec
