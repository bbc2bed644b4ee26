// SPDX-License-Identifier: Apache-2.0
// The strategy over a router in memory and on virtual time: orders, gates and reports.
#include "controller/codec/codec.h"
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/traffic/traffic_world.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::ElementsAre;

// One router, its probers, and a diary of what was asked of them.
struct FakeWorld final : TrafficRouters, TrafficProbers {
  struct Router final : TrafficRouter {
    explicit Router(FakeWorld& of) : world(of) {}
    Result<RouterState> read() override { return world.state; }
    Status apply(const TrafficWeights& weights) override {
      world.diary.push_back("apply " + describe_shares(weights));
      RETURN_IF_ERROR(world.refuses);
      world.state.weights = weights;
      world.state.settled = true;
      return ok_status();
    }
    FakeWorld& world;
  };
  struct Prober final : TrafficProber {
    explicit Prober(FakeWorld& of) : world(of) {}
    Report report() const override { return world.probe(describe_shares(world.state.weights)); }
    FakeWorld& world;
  };

  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec&) override {
    return std::make_unique<Router>(*this);
  }
  // Addresses are checked at the same time, from threads of the strategy.
  Status check(const std::string& address, const HealthCheck&, std::stop_token) override {
    const MutexLock lock(checking);
    diary.push_back("check " + address);
    return sick == address ? Status(StatusCode::kUnavailable, "503", "Unhealthy") : ok_status();
  }
  std::unique_ptr<TrafficProber> start(const TrafficVerification&) override {
    diary.push_back("probe");
    return std::make_unique<Prober>(*this);
  }

  RouterState state{{{"blue", 100}}, {}, "1", true, {}};
  Mutex checking;
  std::vector<std::string> diary;
  std::string sick;
  Status refuses;
  std::function<TrafficProber::Report(const std::string& side)> probe = [](const std::string&) {
    return TrafficProber::Report{5, 0, {}, {}};
  };
};

class TrafficStrategy : public testing::Test {
 protected:
  TrafficStrategy() {
    spec.environments = {{"blue", {"b:1"}, {}}, {"green", {"g:1"}, {}}};
    spec.active = "green";
    spec.verification.url = "http://127.0.0.1:1/";
    put_spec(store, spec);
  }
  TrafficTargetStatus status() { return loop.status(); }

  SimulatedClock clock;
  MemoryObjectStore store{clock};
  FakeWorld world;
  TrafficLoop loop{store, world, world, clock};
  TrafficTargetSpec spec;
};

TEST_F(TrafficStrategy, AsksTheDestinationThenMovesThenVerifies) {
  EXPECT_TRUE(std::holds_alternative<Done>(loop.settle()));
  EXPECT_THAT(world.diary, ElementsAre("check g:1", "probe", "apply green", "probe"));
  EXPECT_EQ(ready(status()), "Ready=True Serving");
  EXPECT_EQ(status().last_switch->to, "green");
  EXPECT_EQ(status().last_switch->downtime_seconds, 0);
}

TEST_F(TrafficStrategy, AConvergedTargetIsOnlyLookedAt) {
  loop.settle();
  world.diary.clear();
  const std::int64_t version = (*store.get(kShop))->meta.resource_version;
  EXPECT_TRUE(std::holds_alternative<Done>(loop.settle()));
  EXPECT_THAT(world.diary, ElementsAre());
  EXPECT_EQ((*store.get(kShop))->meta.resource_version, version);
}

TEST_F(TrafficStrategy, ARollbackIsAvailableWhileTheRouterKnowsAnotherEnvironment) {
  const auto available = [this] {
    return loop.metrics().sum("ripcord_rollback_available{traffic_target}");
  };
  EXPECT_EQ(available(), 0);
  loop.settle();
  EXPECT_EQ(available(), 1);
  world.state.missing["blue"] = "b:1";
  loop.settle();
  EXPECT_EQ(available(), 0);
  world.state.missing.clear();
  loop.settle();
  EXPECT_EQ(available(), 1);
  loop.strategy().forget(kShop);
  EXPECT_EQ(available(), 0);
}

TEST_F(TrafficStrategy, NamesEveryEnvironmentThatTheRouterDoesNotKnow) {
  world.state.missing["blue"] = "b:1";
  world.state.missing["canary"] = "c:1, c:2";
  loop.settle();
  const ResourcePtr object = *store.get(kShop);
  const Condition* condition = common(object->status).conditions.find("RollbackAvailable");
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->status, ConditionState::kFalse);
  EXPECT_EQ(condition->message,
            "the router has no server with address b:1 of environment blue, and no server with "
            "address c:1, c:2 of environment canary; traffic cannot be sent there");
}

TEST_F(TrafficStrategy, TheRoutersOwnWordHoldsASwitchBeforeAnythingIsPutOnRecord) {
  world.state.not_ready["green"] = "Service shop-green has no ready endpoint";
  loop.settle();
  EXPECT_THAT(world.diary, ElementsAre());
  const TrafficTargetStatus before = status();
  EXPECT_TRUE(before.history.empty());
  const Condition* held = before.conditions.find("DestinationUnhealthy");
  ASSERT_NE(held, nullptr);
  EXPECT_THAT(held->message, testing::HasSubstr("Service shop-green has no ready endpoint"));
  EXPECT_EQ(loop.metrics().sum("ripcord_rollback_available{traffic_target}"), 0);
  world.state.not_ready.clear();
  loop.settle();
  EXPECT_EQ(status().active, "green");
}

TEST_F(TrafficStrategy, WhatIsLeftNeedNotBeReady) {
  world.state.not_ready["blue"] = "Service shop-blue has no ready endpoint";
  EXPECT_TRUE(std::holds_alternative<Done>(loop.settle()));
  EXPECT_EQ(status().active, "green");
  loop.settle();
  EXPECT_EQ(loop.metrics().sum("ripcord_rollback_available{traffic_target}"), 0);
}

TEST_F(TrafficStrategy, APlanTouchesNothing) {
  const auto plan = loop.strategy().plan(**store.get(kShop), {});
  ASSERT_OK(plan);
  EXPECT_EQ(plan->to, "green");
  EXPECT_THAT(world.diary, ElementsAre("check g:1"));
}

TEST_F(TrafficStrategy, WithoutAUrlTheRoutersWordIsTheVerification) {
  spec.verification.url.clear();
  put_spec(store, spec);
  EXPECT_TRUE(std::holds_alternative<Done>(loop.settle()));
  EXPECT_THAT(world.diary, ElementsAre("check g:1", "apply green"));
  EXPECT_THAT(changes(status()), ElementsAre("blue>green Spec Succeeded"));
}

TEST_F(TrafficStrategy, DowntimeIsTheLongestGapLessOneIntervalAndOnlyWhenAProbeFailed) {
  spec.verification.max_failures = 10;
  put_spec(store, spec);
  world.probe = [](const std::string&) {
    return TrafficProber::Report{40, 2, std::chrono::milliseconds(350), "refused"};
  };
  loop.settle();
  EXPECT_DOUBLE_EQ(status().last_switch->downtime_seconds, 0.3);
  EXPECT_EQ(status().last_switch->failures, 2);
  EXPECT_EQ(loop.metrics().sum("ripcord_traffic_probe_failures_total"), 2);
  EXPECT_DOUBLE_EQ(loop.metrics().sum("ripcord_traffic_downtime_seconds"), 0.3);
  world.probe = [](const std::string&) {
    return TrafficProber::Report{40, 0, std::chrono::milliseconds(350), ""};
  };
  override_to(store, "blue");
  loop.settle();
  EXPECT_EQ(status().last_switch->downtime_seconds, 0);
}

TEST_F(TrafficStrategy, ARouterThatRefusesLeavesTheReasonAndTheIntent) {
  world.refuses = {StatusCode::kUnavailable, "no running server", "DestinationDown"};
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(loop.reconcile()));
  EXPECT_EQ(ready(status()), "Ready=False DestinationDown");
  EXPECT_EQ(status().active, "blue");
  EXPECT_THAT(changes(status()), ElementsAre("blue>green Spec "));
  world.refuses = ok_status();
  loop.settle();
  EXPECT_THAT(changes(status()), ElementsAre("blue>green Spec Succeeded"));
}

TEST_F(TrafficStrategy, FailuresOnTheNewSideSwitchBackOnceAndAreCounted) {
  world.probe = [](const std::string& side) {
    return TrafficProber::Report{3, side == "green" ? 2 : 0, {}, "502"};
  };
  EXPECT_TRUE(std::holds_alternative<Stalled>(loop.settle()));
  EXPECT_EQ(ready(status()), "Ready=False SwitchReverted");
  EXPECT_THAT(changes(status()),
              ElementsAre("green>blue Automatic Succeeded", "blue>green Spec RolledBack"));
  EXPECT_EQ(loop.metrics().count("ripcord_rollbacks_total{traffic_target,automatic,succeeded}"), 1);
}

TEST_F(TrafficStrategy, FailuresOnBothSidesDoNotSwingBackAndForth) {
  world.probe = [](const std::string&) { return TrafficProber::Report{3, 2, {}, "502"}; };
  EXPECT_TRUE(std::holds_alternative<Stalled>(loop.settle()));
  for (int resync = 0; resync < 3; ++resync) {
    loop.settle();
  }
  EXPECT_EQ(std::ranges::count(world.diary, "apply green"), 1);
  EXPECT_EQ(std::ranges::count(world.diary, "apply blue"), 1);
  EXPECT_EQ(ready(status()), "Ready=False SwitchReverted");
}

TEST_F(TrafficStrategy, AnAutomaticWayBackIsNotTakenIntoAnUnhealthyEnvironment) {
  world.sick = "b:1";
  world.probe = [](const std::string&) { return TrafficProber::Report{3, 2, {}, "502"}; };
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(loop.reconcile()));
  EXPECT_EQ(ready(status()), "Ready=False DestinationUnhealthy");
  EXPECT_EQ(std::ranges::count(world.diary, "apply blue"), 0);
  EXPECT_EQ(status().active, "green");
}

TEST_F(TrafficStrategy, AWriteInBetweenEndsTheReconcileBeforeAnyCommand) {
  // The object changes while its destination is asked for health.
  struct Nosy final : TrafficProbers {
    Nosy(FakeWorld& of, ObjectStore& in) : world(of), held(in) {}
    Status check(const std::string&, const HealthCheck&, std::stop_token) override {
      override_to(held, "blue");
      return ok_status();
    }
    std::unique_ptr<TrafficProber> start(const TrafficVerification& verification) override {
      return world.start(verification);
    }
    FakeWorld& world;
    ObjectStore& held;
  } nosy{world, store};
  TrafficLoop racing(store, world, nosy, clock);
  racing.reconcile();
  EXPECT_THAT(world.diary, ElementsAre());
  loop.settle();
  EXPECT_EQ(ready(status()), "Ready=True Overridden");
  EXPECT_THAT(world.diary, ElementsAre());
}

// Reads as a server that is behind would answer; writes go where they belong.
class AStoreThatIsBehind final : public ObjectStore {
 public:
  AStoreThatIsBehind(ObjectStore& store, ResourcePtr old) : store_(store), old_(std::move(old)) {}
  Result<ResourcePtr> get(const ObjectKey& /*key*/) const override { return old_; }
  Result<ObjectList> list(Kind kind, std::optional<std::string> ns) const override {
    return store_.list(kind, std::move(ns));
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind kind, std::int64_t from) const override {
    return store_.watch(kind, from);
  }
  Result<ResourcePtr> create(const Resource& object) override { return store_.create(object); }
  Result<ResourcePtr> update(const Resource& object) override { return store_.update(object); }
  Result<ResourcePtr> update_status(const Resource& object) override {
    return store_.update_status(object);
  }
  Status remove(const ObjectKey& key, const Preconditions& preconditions) override {
    return store_.remove(key, preconditions);
  }

 private:
  ObjectStore& store_;
  const ResourcePtr old_;
};

TEST_F(TrafficStrategy, AnOldCopyOfTheTargetMovesNothing) {
  world.refuses = Status(StatusCode::kUnavailable, "no answer", "RouterUnavailable");
  loop.settle(3);
  const ResourcePtr under_way = *store.get(kShop);
  world.refuses = ok_status();
  loop.settle();
  const ResourcePtr completed = *store.get(kShop);
  ASSERT_EQ(status().active, "green");
  spec.active = "blue";
  put_spec(store, spec);
  loop.settle();
  ASSERT_EQ(status().active, "blue");
  const ResourcePtr now = *store.get(kShop);
  for (const ResourcePtr& old : {under_way, completed}) {
    SCOPED_TRACE(old == completed ? "its switch looks like one that drifted"
                                  : "its switch looks like one that was cut short");
    world.diary.clear();
    AStoreThatIsBehind behind(store, old);
    TrafficLoop shown(behind, world, world, clock);
    shown.reconcile();
    EXPECT_EQ(std::ranges::count(world.diary, "apply green"), 0);
    EXPECT_EQ(world.state.weights, (TrafficWeights{{"blue", 100}}));
    EXPECT_EQ(**store.get(kShop), *now);
  }
}

TEST_F(TrafficStrategy, AStopInTheWindowLeavesAWindowThatIsWatchedAgain) {
  std::stop_source stop;
  world.probe = [&](const std::string&) {
    stop.request_stop();
    return TrafficProber::Report{1, 0, {}, ""};
  };
  loop.reconcile(stop.get_token());
  EXPECT_EQ(ready(status()), "Ready=False Verifying");
  world.diary.clear();
  loop.settle();
  EXPECT_THAT(world.diary, ElementsAre("probe"));
  EXPECT_THAT(changes(status()), ElementsAre("blue>green Spec Succeeded"));
}

TEST_F(TrafficStrategy, AnExpiredOverrideGivesTheTrafficBackToTheSpec) {
  TrafficOverride override;
  override.active = "blue";
  override.reason = "INC-1";
  override.until = clock.wall_now() + std::chrono::minutes(5);
  spec.override = override;
  put_spec(store, spec);
  loop.reconcile();
  EXPECT_EQ(status().active, "blue");
  clock.advance(std::chrono::minutes(6));
  loop.settle();
  EXPECT_EQ(status().active, "green");
  EXPECT_FALSE(status().overridden);
}

// The first example of the manual is a manifest that is read and converged.
TEST(TrafficDocs, TheExampleOfTheManualIsAccepted) {
  const std::string page = read_file(source_dir() + "/docs/traffictarget.md");
  const std::size_t begin = page.find("```yaml\n") + 8;
  const codec::ManifestFile file =
      codec::read_manifests(page.substr(begin, page.find("```", begin) - begin), "manual");
  ASSERT_TRUE(file.errors.empty()) << to_string(file.errors.front());
  ASSERT_EQ(file.manifests.size(), 1U);
  SimulatedClock clock;
  MemoryObjectStore store(clock);
  FakeWorld world;
  put_spec(store, std::get<TrafficTargetSpec>(file.manifests.front().object.spec));
  TrafficLoop loop(store, world, world, clock);
  EXPECT_TRUE(std::holds_alternative<Done>(loop.settle()));
  EXPECT_EQ(loop.status().active, "green");
}

}  // namespace
}  // namespace ripcord
