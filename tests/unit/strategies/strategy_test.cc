// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/strategy.h"

#include "adapters/memory/object_store.h"
#include "controller/strategies/rollback_metrics.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class ScriptedStrategy final : public Strategy {
 public:
  Kind kind() const override { return Kind::kFeatureFlag; }
  Result<Plan> plan(const Resource&, std::stop_token) override { return Plan{}; }
  Outcome converge(Reconcile& reconcile) override {
    ++converged;
    return body(reconcile);
  }
  void forget(const ObjectKey& key) override { forgotten.push_back(key); }

  std::function<Outcome(Reconcile&)> body = [](Reconcile&) { return Done{}; };
  int converged = 0;
  std::vector<ObjectKey> forgotten;
};

class RecordedEvents final : public EventSink {
 public:
  void record(const Event& event) override { all.push_back(event); }
  std::vector<Event> all;
};

class CountingMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues, double delta) override {
    counts[std::string(metric.name)] += delta;
  }
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
  std::map<std::string, double> counts;
};

class StrategyReconcilerTest : public testing::Test {
 protected:
  void SetUp() override {
    Resource flag = make_resource(Kind::kFeatureFlag, "checkout");
    auto& spec = std::get<FeatureFlagSpec>(flag.spec);
    spec.key = "checkout";
    spec.variants = {{"on", "true"}, {"off", "false"}};
    spec.default_variant = "on";
    spec.off_variant = "off";
    ASSERT_OK(store_.create(flag));
  }
  Resource stored() { return **store_.get(key_); }
  FeatureFlagStatus status() { return std::get<FeatureFlagStatus>(stored().status); }
  void edit(const std::function<void(Resource&)>& change) {
    Resource object = stored();
    change(object);
    ASSERT_OK(store_.update(object));
  }
  void edit_spec(const std::function<void(FeatureFlagSpec&)>& change) {
    edit([&](Resource& object) { change(std::get<FeatureFlagSpec>(object.spec)); });
  }
  Outcome reconcile() { return reconciler_.reconcile({key_, "r1", {}, {}}); }
  Outcome become_ready(Reconcile& reconcile, const std::string& reason = "Served") {
    common(reconcile.object.status)
        .conditions.set_ready(reason, "as wanted", reconcile.object.meta.generation,
                              clock_.wall_now());
    return Done{};
  }
  void always_ready() {
    strategy_.body = [this](Reconcile& r) { return become_ready(r); };
  }

  const ObjectKey key_{Kind::kFeatureFlag, "default", "checkout"};
  SimulatedClock clock_;
  MemoryObjectStore store_{clock_};
  ScriptedStrategy strategy_;
  RecordedEvents events_;
  CountingMetrics metrics_;
  StrategyReconciler reconciler_{store_, strategy_, events_, metrics_, clock_};
};

TEST_F(StrategyReconcilerTest, WritesTheStatusOnceAndOnlyWhenItChanged) {
  always_ready();
  EXPECT_TRUE(std::holds_alternative<Done>(reconcile()));
  const Resource first = stored();
  EXPECT_EQ(common(first.status).observed_generation, 1);
  EXPECT_TRUE(common(first.status).conditions.is_true(kReady));

  clock_.advance(hours(1));
  EXPECT_TRUE(std::holds_alternative<Done>(reconcile()));
  EXPECT_EQ(stored(), first);
  EXPECT_EQ(metrics_.counts[std::string(metric::kSuppressedWrites.name)], 1);
}

TEST_F(StrategyReconcilerTest, AsksTheStoreAboutAnIntentThatIsOnRecordAlready) {
  Status published;
  strategy_.body = [&](Reconcile& r) {
    const Outcome done = become_ready(r);
    published = r.publish();
    return done;
  };
  reconcile();
  EXPECT_OK(published);
  const Resource first = stored();
  reconcile();
  EXPECT_OK(published);
  EXPECT_EQ(stored(), first) << "asking changes nothing";
  // The copy that this reconcile has in hand is an old one.
  strategy_.body = [&](Reconcile& r) {
    edit_spec([](FeatureFlagSpec& spec) { spec.enabled = !spec.enabled; });
    published = r.publish();
    return Done{};
  };
  reconcile();
  EXPECT_CODE(published, StatusCode::kConflict);
}

TEST_F(StrategyReconcilerTest, RecordsOneEventPerTransition) {
  always_ready();
  reconcile();
  reconcile();
  ASSERT_EQ(events_.all.size(), 1U);
  EXPECT_EQ(events_.all[0].reason, "Served");
  EXPECT_EQ(events_.all[0].type, Event::Type::kNormal);
  EXPECT_EQ(events_.all[0].regarding_uid, stored().meta.uid);

  strategy_.body = [](Reconcile&) {
    return Stalled{Status(StatusCode::kFailedPrecondition, "no such variant", "VariantUnknown")};
  };
  reconcile();
  reconcile();
  ASSERT_EQ(events_.all.size(), 2U);
  EXPECT_EQ(events_.all[1].reason, "VariantUnknown");
  EXPECT_EQ(events_.all[1].type, Event::Type::kWarning);
  EXPECT_EQ(events_.all[1].note, "no such variant");
}

TEST_F(StrategyReconcilerTest, ReflectsAnOutcomeThatTheStrategyPutInNoCondition) {
  strategy_.body = [](Reconcile&) {
    return RequeueAfter{std::nullopt, Status(StatusCode::kUnavailable, "no answer")};
  };
  reconcile();
  EXPECT_TRUE(status().conditions.is_true(kReconciling));
  EXPECT_EQ(status().conditions.find(kReady)->reason, "Unavailable");

  strategy_.body = [](Reconcile&) {
    return Stalled{Status(StatusCode::kInvalidArgument, "wrong", "Wrong")};
  };
  reconcile();
  EXPECT_TRUE(status().conditions.is_true(kStalled));
  EXPECT_EQ(status().conditions.find(kReconciling), nullptr);
}

// As a server lets in whose rules are older than ours. It keeps one object, so that it needs no
// rules.
class LaxStore final : public ObjectStore {
 public:
  explicit LaxStore(Resource object) : object_(std::move(object)) {}
  const Resource& object() const { return object_; }
  Result<ResourcePtr> get(const ObjectKey& /*key*/) const override {
    return std::make_shared<const Resource>(object_);
  }
  Result<ObjectList> list(Kind /*kind*/, std::optional<std::string> /*ns*/) const override {
    return error(StatusCode::kUnavailable, "not here");
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind /*kind*/, std::int64_t /*from*/) const override {
    return error(StatusCode::kUnavailable, "not here");
  }
  Result<ResourcePtr> create(const Resource& object) override { return update_status(object); }
  Result<ResourcePtr> update(const Resource& object) override { return update_status(object); }
  Result<ResourcePtr> update_status(const Resource& object) override {
    object_ = object;
    return get(object.key());
  }
  Status remove(const ObjectKey& /*key*/, const Preconditions& /*preconditions*/) override {
    return ok_status();
  }

 private:
  Resource object_;
};

TEST_F(StrategyReconcilerTest, StallsAnObjectThatBreaksARuleAndDoesNotAct) {
  always_ready();
  Resource wrong = stored();
  std::get<FeatureFlagSpec>(wrong.spec).default_variant = "green";
  LaxStore lax(wrong);
  StrategyReconciler reconciler(lax, strategy_, events_, metrics_, clock_);
  const Outcome outcome = reconciler.reconcile({key_, "r1", {}, {}});
  EXPECT_TRUE(std::holds_alternative<Stalled>(outcome));
  EXPECT_EQ(strategy_.converged, 0);
  const Condition* stalled = common(lax.object().status).conditions.find(kStalled);
  ASSERT_NE(stalled, nullptr);
  EXPECT_EQ(stalled->reason, "Invalid");
  EXPECT_THAT(stalled->message, testing::HasSubstr("spec.defaultVariant"));
  ASSERT_EQ(events_.all.size(), 1U);
  EXPECT_EQ(events_.all[0].type, Event::Type::kWarning);
}

TEST_F(StrategyReconcilerTest, DoesNotTouchASuspendedObject) {
  always_ready();
  reconcile();
  edit_spec([](FeatureFlagSpec& spec) { spec.suspend = true; });
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(reconcile()));
  EXPECT_EQ(strategy_.converged, 1);
  const FeatureFlagStatus suspended = status();
  const Condition* ready = suspended.conditions.find(kReady);
  ASSERT_NE(ready, nullptr);
  EXPECT_EQ(ready->status, ConditionState::kUnknown);
  EXPECT_EQ(ready->reason, "Suspended");
  EXPECT_EQ(ready->observed_generation, 2);
  EXPECT_EQ(status().observed_generation, 2);
  EXPECT_EQ(status().conditions.find(kStalled), nullptr);

  edit_spec([](FeatureFlagSpec& spec) { spec.suspend = false; });
  reconcile();
  EXPECT_EQ(strategy_.converged, 2);
  EXPECT_TRUE(status().conditions.is_true(kReady));
}

TEST_F(StrategyReconcilerTest, ForgetsAMissingObjectAndSaysWhatThatMeans) {
  ASSERT_OK(store_.remove(key_));
  EXPECT_TRUE(std::holds_alternative<AwaitChange>(reconcile()));
  EXPECT_EQ(strategy_.converged, 0);
  EXPECT_EQ(strategy_.forgotten, std::vector<ObjectKey>{key_});
  ASSERT_EQ(events_.all.size(), 1U);
  EXPECT_NE(events_.all[0].note.find("no longer served"), std::string::npos);
}

TEST_F(StrategyReconcilerTest, LeavesADeletingObjectAlone) {
  edit([](Resource& object) { object.meta.finalizers = {"example.com/hold"}; });
  ASSERT_OK(store_.remove(key_));
  ASSERT_TRUE(stored().meta.deletion_timestamp.has_value());
  reconcile();
  reconcile();
  EXPECT_EQ(strategy_.converged, 0);
  EXPECT_TRUE(strategy_.forgotten.empty());
  EXPECT_EQ(status().observed_generation, stored().meta.generation);
  EXPECT_EQ(events_.all.size(), 1U);
}

TEST_F(StrategyReconcilerTest, ComesBackWhenTheOverrideEnds) {
  edit_spec([this](FeatureFlagSpec& spec) {
    spec.override =
        FeatureFlagOverride{{"INC-1", "alice", clock_.wall_now() + minutes(10)}, false, {}};
  });
  always_ready();
  const Outcome done = reconcile();
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(done));
  EXPECT_EQ(std::get<RequeueAfter>(done).delay, minutes(10));
  EXPECT_TRUE(std::get<RequeueAfter>(done).cause.ok());

  strategy_.body = [](Reconcile&) { return RequeueAfter{hours(1), {}}; };
  EXPECT_EQ(std::get<RequeueAfter>(reconcile()).delay, minutes(10));
  strategy_.body = [](Reconcile&) { return RequeueAfter{seconds(5), {}}; };
  EXPECT_EQ(std::get<RequeueAfter>(reconcile()).delay, seconds(5));

  strategy_.body = [](Reconcile&) {
    return RequeueAfter{std::nullopt, Status(StatusCode::kUnavailable, "down")};
  };
  const auto failing = std::get<RequeueAfter>(reconcile());
  EXPECT_EQ(failing.delay, std::nullopt);
  EXPECT_EQ(failing.at_most, minutes(10));

  clock_.advance(minutes(10));
  always_ready();
  EXPECT_TRUE(std::holds_alternative<Done>(reconcile()));
}

TEST_F(StrategyReconcilerTest, KeepsWhatWasDoneWhenTheSpecChangedMeanwhile) {
  strategy_.body = [this](Reconcile& r) {
    edit_spec([](FeatureFlagSpec& spec) { spec.enabled = false; });
    common(r.object.status)
        .remember({"off", "on", Trigger::kSpec, clock_.wall_now(), {}, 1, "Succeeded", "", ""});
    return become_ready(r);
  };
  const Outcome outcome = reconcile();
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_TRUE(std::get<RequeueAfter>(outcome).cause.ok());
  EXPECT_EQ(stored().meta.generation, 2);
  EXPECT_EQ(status().observed_generation, 1);
  EXPECT_EQ(status().conditions.find(kReady)->observed_generation, 1);
  EXPECT_EQ(status().history.size(), 1U);
  EXPECT_EQ(metrics_.counts[std::string(metric::kWriteConflicts.name)], 1);
}

TEST_F(StrategyReconcilerTest, YieldsToAnotherWriterOfTheStatus) {
  strategy_.body = [this](Reconcile& r) {
    Resource theirs = stored();
    std::get<FeatureFlagStatus>(theirs.status).variant = "theirs";
    EXPECT_OK(store_.update_status(theirs));
    return become_ready(r);
  };
  const Outcome outcome = reconcile();
  ASSERT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(status().variant, "theirs");
  EXPECT_EQ(status().conditions.find(kReady), nullptr);
}

TEST_F(StrategyReconcilerTest, PublishesAnIntentBeforeTheEnd) {
  std::string seen;
  strategy_.body = [&](Reconcile& r) {
    common(r.object.status)
        .conditions.set_reconciling("Switching", "sending traffic", r.object.meta.generation,
                                    clock_.wall_now());
    EXPECT_OK(r.publish());
    seen = status().conditions.find(kReady)->reason;
    EXPECT_EQ(status().observed_generation, 1);
    return become_ready(r);
  };
  EXPECT_TRUE(std::holds_alternative<Done>(reconcile()));
  EXPECT_EQ(seen, "Switching");
  EXPECT_TRUE(status().conditions.is_true(kReady));
  ASSERT_EQ(events_.all.size(), 2U);
  EXPECT_EQ(events_.all[0].reason, "Switching");
  EXPECT_EQ(events_.all[1].reason, "Served");
}

TEST_F(StrategyReconcilerTest, StopsAnIntentWhenTheSpecChangedMeanwhile) {
  strategy_.body = [this](Reconcile& r) -> Outcome {
    edit_spec([](FeatureFlagSpec& spec) { spec.enabled = false; });
    std::get<FeatureFlagStatus>(r.object.status).variant = "on";
    const Status published = r.publish();
    EXPECT_CODE(published, StatusCode::kConflict);
    return outcome_of(published);
  };
  const Outcome outcome = reconcile();
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
}

TEST_F(StrategyReconcilerTest, LetsAnExceptionPassAndWritesNothing) {
  const Resource before = stored();
  strategy_.body = [](Reconcile& r) -> Outcome {
    std::get<FeatureFlagStatus>(r.object.status).variant = "half";
    throw std::runtime_error("boom");
  };
  EXPECT_THROW(reconcile(), std::runtime_error);
  EXPECT_EQ(stored(), before);
}

}  // namespace
}  // namespace ripcord
