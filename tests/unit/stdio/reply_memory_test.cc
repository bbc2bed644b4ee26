// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/reply_memory.h"

#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

codec::Message message(std::string src, std::string id, std::string content = "{}") {
  codec::Message out;
  out.enveloped = true;
  out.src = std::move(src);
  out.msg_id = std::move(id);
  out.content = std::move(content);
  return out;
}

TEST(ReplyMemory, TellsMessagesApartBySenderIdAndContent) {
  ReplyMemory memory(10, 100000);
  memory.remember(message("a", "1", "x"), {"first", {}});
  EXPECT_EQ(memory.find(message("a", "1", "x"))->type, "first");
  EXPECT_FALSE(memory.find(message("b", "1", "x")));
  EXPECT_FALSE(memory.find(message("a", "2", "x")));
  EXPECT_FALSE(memory.find(message("a", "1", "y")));
  EXPECT_FALSE(memory.find(message("", "a1", "x")));
  EXPECT_FALSE(memory.find(message("a1", "", "x")));
}

TEST(ReplyMemory, ForgetsWhatWasLongestNotAskedFor) {
  ReplyMemory memory(2, 100000);
  memory.remember(message("a", "1"), {"1", {}});
  memory.remember(message("a", "2"), {"2", {}});
  EXPECT_TRUE(memory.find(message("a", "1")));
  memory.remember(message("a", "3"), {"3", {}});
  EXPECT_TRUE(memory.find(message("a", "1")));
  EXPECT_FALSE(memory.find(message("a", "2")));
  EXPECT_TRUE(memory.find(message("a", "3")));
}

TEST(ReplyMemory, StaysWithinItsBytes) {
  ReplyMemory memory(1000, 10000);
  for (int i = 0; i < 100; ++i) {
    memory.remember(message("a", std::to_string(i), std::string(1000, 'x')), {"r", {}});
  }
  int kept = 0;
  for (int i = 0; i < 100; ++i) {
    kept += memory.find(message("a", std::to_string(i), std::string(1000, 'x'))) ? 1 : 0;
  }
  EXPECT_GT(kept, 2);
  EXPECT_LT(kept, 10);
}

}  // namespace
}  // namespace ripcord::stdio
