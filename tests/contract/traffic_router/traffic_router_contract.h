// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every TrafficRouter has to do, as parameterised tests. An adapter joins with one file that
// instantiates the suite with its factory:
//
//   INSTANTIATE_TEST_SUITE_P(Haproxy, TrafficRouterContract, testing::Values(RouterFactory{...}),
//                            router_name);

#include "controller/ports/traffic_router.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace ripcord {

// A router with whatever it stands on.
class RouterUnderTest {
 public:
  virtual ~RouterUnderTest() = default;
  virtual TrafficRouters& routers() = 0;
  // Environments blue (one server), green (two) and canary (three).
  virtual TrafficTargetSpec spec() = 0;
};

struct RouterFactory {
  std::string name;
  std::function<std::unique_ptr<RouterUnderTest>()> make;
  bool shares = true;                    // false: all the traffic or nothing
  std::function<void()> set_up = [] {};  // may skip the test
};

inline void PrintTo(const RouterFactory& factory, std::ostream* out) {
  *out << factory.name;
}
inline std::string router_name(const testing::TestParamInfo<RouterFactory>& tested) {
  return tested.param.name;
}

class TrafficRouterContract : public testing::TestWithParam<RouterFactory> {
 protected:
  void SetUp() override {
    GetParam().set_up();
    if (!IsSkipped() && !HasFatalFailure()) {
      held_ = GetParam().make();
    }
  }
  std::unique_ptr<TrafficRouter> opened();
  RouterState state(TrafficRouter& router);

  std::unique_ptr<RouterUnderTest> held_;
};

}  // namespace ripcord
