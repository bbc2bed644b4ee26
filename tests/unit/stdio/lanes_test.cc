// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/lanes.h"

#include "tests/support/process.h"

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

codec::Message message() {
  return *codec::decode_message(R"({"type":"restore","msg_id":1,"backup":"b"})");
}

TEST(Lanes, MakeTheSenderWaitWhenOneIsFullAndLoseNothing) {
  std::promise<void> go_on;
  const std::shared_future<void> may_go_on(go_on.get_future());
  std::atomic<int> pushed = 0, done = 0;
  Lanes lanes(
      2,
      [&](const codec::Message&, std::stop_token) {
        may_go_on.wait();
        ++done;
      },
      2);
  std::jthread sender([&] {
    for (int i = 0; i < 10; ++i) {
      lanes.push(0, message());
      ++pushed;
    }
  });
  ASSERT_TRUE(eventually([&] { return pushed >= 3; }));  // one at work, two waiting
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(pushed, 3);
  go_on.set_value();
  sender.join();
  lanes.finish();
  EXPECT_EQ(done, 10);
}

TEST(Lanes, LetASenderGoThatWaitsWhenTheyStop) {
  std::promise<void> go_on;
  const std::shared_future<void> may_go_on(go_on.get_future());
  std::atomic<int> pushed = 0;
  Lanes lanes(
      1, [&](const codec::Message&, std::stop_token) { may_go_on.wait(); }, 1);
  std::jthread sender([&] {
    for (int i = 0; i < 5; ++i) {
      lanes.push(0, message());
      ++pushed;
    }
  });
  ASSERT_TRUE(eventually([&] { return pushed >= 2; }));
  lanes.request_stop();
  EXPECT_TRUE(eventually([&] { return pushed == 5; }));
  go_on.set_value();
}

}  // namespace
}  // namespace ripcord::stdio
