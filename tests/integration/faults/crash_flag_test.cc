// SPDX-License-Identifier: Apache-2.0
// kill -9 of the controller at every write of its store while a flag is turned off: what the next
// process serves, from its first answer on, is what the store says.
#include "tests/integration/faults/controller_life.h"
#include "tests/support/process.h"

#include <csignal>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

Resource flag(bool enabled) {
  Resource object = make_resource(Kind::kFeatureFlag, "new-checkout");
  auto& spec = std::get<FeatureFlagSpec>(object.spec);
  spec.key = "new_checkout";
  spec.enabled = enabled;
  spec.variants = {{"on", "true"}, {"off", "false"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  return object;
}

// 128 + SIGKILL when it died.
int flip(const std::string& data, int point) {
  return run_forked([&] {
    ControllerLife life(data, killing_at(point));
    life.serve_flags();
    life.apply(flag(false));
    life.settle(flag(false).key());
    return life.served("new_checkout") == "false" ? 0 : 1;
  });
}

TEST(FlagCrash, WhatIsServedAfterAKillIsWhatIsStored) {
  TempDir directory;
  int point = 1;
  bool seen[2] = {false, false};
  for (;; ++point) {
    SCOPED_TRACE(testing::Message() << "killed at point " << point);
    const std::string data = directory / std::to_string(point);
    ASSERT_EQ(run_forked([&] {
                ControllerLife life(data, {});
                life.serve_flags();
                life.apply(flag(true));
                life.settle(flag(true).key());
                return life.served("new_checkout") == "true" ? 0 : 1;
              }),
              0);
    const int ended = flip(data, point);
    if (ended == 0) {
      break;
    }
    ASSERT_EQ(ended, 128 + SIGKILL);
    const int next = run_forked([&] {
      ControllerLife life(data, {});
      const auto stored = life.store().get(flag(true).key());
      if (!stored) {
        return 10;
      }
      const bool enabled = std::get<FeatureFlagSpec>((*stored)->spec).enabled;
      life.serve_flags();
      const std::string first = life.served("new_checkout");
      life.settle(flag(true).key());
      const bool same =
          first == (enabled ? "true" : "false") && life.served("new_checkout") == first &&
          common((*life.store().get(flag(true).key()))->status).conditions.is_true(kReady);
      return same ? (enabled ? 1 : 0) : 11;
    });
    ASSERT_LE(next, 1);
    seen[next] = true;
    // The person who turned it off had no answer, and does it again.
    EXPECT_EQ(flip(data, 0), 0);
  }
  EXPECT_GT(point, 6) << "the points were not reached";
  EXPECT_TRUE(seen[0]) << "no kill came after the change was stored";
  EXPECT_TRUE(seen[1]) << "no kill came before the change was stored";
}

}  // namespace
}  // namespace ripcord
