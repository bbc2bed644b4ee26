// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/simulated_world.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

std::string world(const std::string& spec) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: SimulatedWorld\nmetadata: {{name: w}}\nspec:\n{}",
      spec);
}

TEST(SimulatedWorldCodec, ReadsEveryField) {
  const auto spec = decode_simulated_world(
      world("  databases: [{name: a, initialVersion: 7, upCost: 1s, downCost: 2m}]\n"
            "  routers:\n"
            "  - {name: r, active: x, switchCost: 1s, environments: [{name: x, addresses: ['h:1'], "
            "healthy: false}]}\n"
            "  backups: [{name: 'b*', rows: 1, bytes: 2, cost: 3s}]\n"
            "  flags: {unknown: Create, declared: [f]}\n"));
  ASSERT_OK(spec);
  using std::chrono::seconds;
  SimulatedWorldSpec want;
  want.name = "w";
  want.databases = {{"a", 7, seconds(1), seconds(120)}};
  want.routers = {{"r", {{"x", {"h:1"}, false}}, "x", seconds(1)}};
  want.backups = {{"b*", 1, 2, seconds(3)}};
  want.flags = {true, {"f"}};
  EXPECT_EQ(*spec, want);
}

struct Case {
  std::string spec;
  std::string message;
};
class RefusedWorld : public testing::TestWithParam<Case> {};

TEST_P(RefusedWorld, NamesLineAndField) {
  const auto spec = decode_simulated_world(world(GetParam().spec));
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(spec.error().message().find(GetParam().message), std::string::npos)
      << spec.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedWorld,
    testing::Values(
        Case{"  dbs: []\n", "line 5: spec.dbs: unknown field; known are databases, routers"},
        Case{"  databases: 5\n", "spec.databases: must be a list"},
        Case{"  databases: [{name: a}]\n", "spec.databases[0].initialVersion: is missing"},
        Case{"  databases: [{name: a, initialVersion: -1}]\n", "must be a whole number from 0"},
        Case{"  databases: [{name: a, initialVersion: 1, upCost: -5s}]\n",
             "spec.databases[0].upCost: must be a duration"},
        Case{"  databases: [{name: a, initialVersion: 1}, {name: a, initialVersion: 1}]\n",
             "name 'a' is there twice"},
        Case{"  routers: [{name: r, active: y, environments: [{name: x, addresses: ['h:1']}]}]\n",
             "spec.routers[0].active: must be the name of one of its environments"},
        Case{"  backups: [{name: b, name: c}]\n", "spec.backups[0].name: is there twice"},
        Case{"  flags: {unknown: Maybe}\n", "spec.flags.unknown: must be Create or Refuse"},
        Case{"  databases: [\n", "SimulatedWorld: "}));

}  // namespace
}  // namespace ripcord::codec
