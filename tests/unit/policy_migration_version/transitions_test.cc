// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/transitions.h"

#include <functional>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::seconds;

Transition named(const std::string& name, std::int64_t expand,
                 std::optional<std::int64_t> contract) {
  Transition transition;
  transition.name = name;
  transition.expand = expand;
  transition.contract = contract;
  transition.sync = TransitionSync{"users", "email", "address", "", ""};
  return transition;
}

std::vector<std::string> names(const std::vector<Transition>& all) {
  std::vector<std::string> found;
  for (const Transition& each : all) {
    found.push_back(each.name);
  }
  return found;
}

using Names = std::vector<std::string>;

TEST(Transitions, AreOpenFromTheirExpandUntilTheirContract) {
  const Transition transition = named("email", 3, 5);
  EXPECT_FALSE(is_open(transition, std::nullopt));
  EXPECT_FALSE(is_open(transition, 2));
  EXPECT_TRUE(is_open(transition, 3));
  EXPECT_TRUE(is_open(transition, 4));
  EXPECT_FALSE(is_open(transition, 5));
  EXPECT_FALSE(is_open(transition, 6));
  EXPECT_TRUE(is_open(named("email", 3, std::nullopt), 6));
}

TEST(Transitions, BeginAndEndWithTheStepThatCrossesTheirBorder) {
  const std::vector<Transition> all = {named("email", 3, 5), named("later", 5, std::nullopt),
                                       named("early", 1, 3)};
  const auto edges = [&](SchemaVersion from, SchemaVersion to) { return edges_of(all, from, to); };
  EXPECT_EQ(names(edges(2, 3).begin), Names{"email"});
  EXPECT_EQ(names(edges(2, 3).end), Names{"early"});
  EXPECT_TRUE(edges(3, 4).empty());
  EXPECT_EQ(names(edges(4, 5).end), Names{"email"});
  EXPECT_EQ(names(edges(4, 5).begin), Names{"later"});
  EXPECT_EQ(names(edges(5, 4).begin), Names{"email"});
  EXPECT_EQ(names(edges(5, 4).forget), Names{"later"});
  EXPECT_EQ(names(edges(3, 2).forget), Names{"email"});
  EXPECT_EQ(names(edges(3, 2).begin), Names{"early"});
  EXPECT_EQ(names(edges(1, std::nullopt).forget), Names{"early"});
  EXPECT_EQ(names(edges(std::nullopt, 1).begin), Names{"early"});
  EXPECT_EQ(names(edges(2, 7).end), (Names{"email", "early"})) << "also one that is crossed whole";
  EXPECT_EQ(names(edges(2, 7).begin), Names{"later"});
}

TEST(Transitions, StandWhereTheDatabaseSays) {
  const Transition transition = named("email", 3, 5);
  TransitionState state;
  EXPECT_EQ(phase_of(transition, 2, state), TransitionPhase::kWaiting);
  EXPECT_EQ(phase_of(transition, 3, state), TransitionPhase::kBackfilling);
  state.begun = state.finished = state.validated = true;
  EXPECT_EQ(phase_of(transition, 3, state), TransitionPhase::kBackfilling) << "no trigger";
  state.synced = true;
  EXPECT_EQ(phase_of(transition, 3, state), TransitionPhase::kComplete);
  state.validated = false;
  EXPECT_EQ(phase_of(transition, 3, state), TransitionPhase::kValidating);
  EXPECT_EQ(phase_of(transition, 5, state), TransitionPhase::kContracted);
}

TEST(Transitions, WhatIsLeftIsToldByTheRowsLookedAt) {
  TransitionState state;
  state.rows_total = 1000;
  state.scanned = 400;
  BackfillPace pace{.rows = 10, .scanned = 200, .took = seconds(4)};
  EXPECT_DOUBLE_EQ(pace.rows_per_second(), 2.5);
  EXPECT_DOUBLE_EQ(pace.seconds_left(state).value(), 12);
  state.scanned = 1200;  // the estimate was low
  EXPECT_DOUBLE_EQ(pace.seconds_left(state).value(), 0);
  state.rows_total = 0;
  EXPECT_FALSE(pace.seconds_left(state));
  EXPECT_FALSE(BackfillPace{}.seconds_left(state));
  TransitionStatus status;
  status.rows = 10;
  EXPECT_EQ(progress_text(status, 200), "200 rows looked at, 10 changed");
  status.rows_total = 1000;
  status.rows_per_second = 2.5;
  status.eta_seconds = 12;
  EXPECT_EQ(progress_text(status, 200),
            "200 of about 1000 rows looked at, 10 changed, 2 a second, about 12 s left");
}

TEST(Transitions, AreOtherOnesWhenOtherValuesComeOfThem) {
  Transition transition = named("email", 3, 5);
  transition.backfill = TransitionBackfill{.table = "users", .set = "a = b", .key = "id"};
  const std::string before = work_digest(transition);
  Transition faster = transition;
  faster.backfill->batch_size = 7;
  faster.backfill->pause = seconds(1);
  faster.backfill->max_lag = seconds(1);
  faster.contract = 9;
  faster.validations.push_back({.query = "select 1", .min = 1});
  EXPECT_EQ(work_digest(faster), before);
  EXPECT_NE(validation_digest(faster), validation_digest(transition));
  for (const auto& change : std::vector<std::function<void(Transition&)>>{
           [](Transition& t) { t.backfill->where = "c"; },
           [](Transition& t) { t.backfill->key = "uid"; },
           [](Transition& t) { t.sync->to_old = "lower(address)"; },
           [](Transition& t) { std::swap(t.sync->to_old, t.sync->table); },
           [](Transition& t) { t.expand = 4; }, [](Transition& t) { t.sync.reset(); }}) {
    Transition other = transition;
    change(other);
    EXPECT_NE(work_digest(other), before);
  }
}

}  // namespace
}  // namespace ripcord
