// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/feature_flag.h"

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/ofrep/evaluation.h"
#include "adapters/ofrep/flag_table.h"
#include "adapters/ofrep/service.h"
#include "tests/support/status_matchers.h"

#include <map>

#include <fmt/format.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class RecordingMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& m, LabelValues labels, double delta) override {
    values[name(m, labels)] += delta;
  }
  void set(const MetricDescriptor& m, LabelValues labels, double value) override {
    values[name(m, labels)] = value;
  }
  void observe(const MetricDescriptor& m, LabelValues labels, double value) override {
    ++values[name(m, labels)];
    values[name(m, labels) + " sum"] += value;
  }
  void remove(const MetricDescriptor& m, LabelValues labels) override {
    values.erase(name(m, labels));
  }
  double operator[](const std::string& key) { return values.contains(key) ? values[key] : 0; }

 private:
  static std::string name(const MetricDescriptor& m, LabelValues labels) {
    std::string text(m.name);
    for (const auto label : labels) {
      text += " " + std::string(label);
    }
    return text;
  }
  std::map<std::string, double> values;
};

// The table, as a process that shares its address with another one would have it.
class BrokenEndpoint final : public FlagEvaluation {
 public:
  explicit BrokenEndpoint(FlagEvaluation& real) : real_(real) {}
  Result<FlagAnswer> evaluate(const std::string& key) override {
    ++calls;
    if (!failure.ok()) {
      return tl::unexpected<Status>(failure);
    }
    return lie ? Result<FlagAnswer>(*lie) : real_.evaluate(key);
  }
  Status failure;
  std::optional<FlagAnswer> lie;
  int calls = 0;

 private:
  FlagEvaluation& real_;
};

class FixedStore final : public ObjectReader {
 public:
  Result<ResourcePtr> get(const ObjectKey&) const override {
    return error(StatusCode::kNotFound, "not asked for");
  }
  Result<ObjectList> list(Kind, std::optional<std::string>) const override {
    return ObjectList{items, 1};
  }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind, std::int64_t) const override {
    return error(StatusCode::kNotFound, "not asked for");
  }
  std::vector<ResourcePtr> items;
};

// The strategy over the real table, served and asked over HTTP.
class FeatureFlagStrategyTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto port = server_.listen("127.0.0.1:0", service_);
    ASSERT_OK(port);
    real_ = std::make_unique<ofrep::OfrepEvaluation>(*client_,
                                                     fmt::format("http://127.0.0.1:{}", *port));
    endpoint_ = std::make_unique<BrokenEndpoint>(*real_);
    strategy_ = std::make_unique<FeatureFlagStrategy>(table_, *endpoint_, metrics_, clock_);
  }
  static Resource flag(const std::string& name, const std::string& key = "new_checkout") {
    Resource resource = make_resource(Kind::kFeatureFlag, name);
    resource.meta.generation = 1;
    auto& spec = std::get<FeatureFlagSpec>(resource.spec);
    spec.key = key;
    spec.variants = {{"on", "true"}, {"off", "false"}};
    spec.default_variant = "on";
    spec.off_variant = "off";
    return resource;
  }
  static FeatureFlagSpec& spec_of(Resource& resource) {
    return std::get<FeatureFlagSpec>(resource.spec);
  }
  static FeatureFlagStatus& status_of_flag(Resource& resource) {
    return std::get<FeatureFlagStatus>(resource.status);
  }
  Outcome converge(Resource& resource, std::optional<MonoTime> changed = std::nullopt) {
    const ReconcileRequest request{resource.key(), "r1", {}, {}, changed};
    Reconcile reconcile{resource, request, [] { return ok_status(); }};
    return strategy_->converge(reconcile);
  }
  static std::string ready_reason(Resource& resource) {
    const Condition* ready = common(resource.status).conditions.find(kReady);
    return ready == nullptr ? "none" : ready->reason;
  }
  std::string served(const std::string& key = "new_checkout") {
    const auto answer = real_->evaluate(key);
    return answer ? answer->value + " " + answer->variant + " " + answer->reason
                  : std::string(to_string(answer.error().code()));
  }

  SimulatedClock clock_;
  RecordingMetrics metrics_;
  ofrep::FlagTable table_;
  NullMetricSink no_metrics_;
  ofrep::OfrepService service_{table_, no_metrics_};
  std::unique_ptr<HttpClient> client_ = http::make_http_client();
  http::HttpServer server_;
  std::unique_ptr<ofrep::OfrepEvaluation> real_;
  std::unique_ptr<BrokenEndpoint> endpoint_;
  std::unique_ptr<FeatureFlagStrategy> strategy_;
};

TEST_F(FeatureFlagStrategyTest, SaysInTheStatusWhenItIsSimulated) {
  Resource real = flag("real");
  converge(real);
  EXPECT_FALSE(common(real.status).simulated);
  strategy_ = std::make_unique<FeatureFlagStrategy>(table_, *endpoint_, metrics_, clock_, true);
  Resource rehearsed = flag("rehearsed");
  converge(rehearsed);
  EXPECT_TRUE(common(rehearsed.status).simulated);
}

TEST_F(FeatureFlagStrategyTest, CountsOnlyFlagsThatAreServedAsAvailableForRollback) {
  Resource older = flag("older");
  Resource younger = flag("younger");
  younger.meta.creation_timestamp = older.meta.creation_timestamp + std::chrono::seconds(1);
  converge(older);
  converge(younger);
  EXPECT_EQ(metrics_["ripcord_rollback_available feature_flag"], 1);
}

TEST_F(FeatureFlagStrategyTest, MeasuresThePropagationFromTheWriteOfTheFlagToTheVerifiedAnswer) {
  const std::string propagation = "ripcord_flag_propagation_seconds ofrep";
  const MonoTime written = clock_.now();
  clock_.advance(std::chrono::seconds(2));
  Resource checkout = flag("checkout");
  endpoint_->failure = {StatusCode::kUnavailable, "not up yet"};
  converge(checkout, written);
  EXPECT_EQ(metrics_[propagation], 0) << "nothing was seen yet";
  clock_.advance(std::chrono::seconds(3));
  endpoint_->failure = ok_status();
  converge(checkout);
  EXPECT_EQ(metrics_[propagation], 1);
  EXPECT_DOUBLE_EQ(metrics_[propagation + " sum"], 5);
  EXPECT_DOUBLE_EQ(common(checkout.status).history.front().duration_seconds, 3)
      << "the duration of a change counts from its decision";
  converge(checkout, clock_.now());  // a write that changes nothing for applications
  EXPECT_EQ(metrics_[propagation], 1);
}

TEST_F(FeatureFlagStrategyTest, ServesAFlagAndReportsWhatTheEndpointSays) {
  Resource checkout = flag("checkout");
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(served(), "true on STATIC");
  const FeatureFlagStatus& status = status_of_flag(checkout);
  EXPECT_EQ(status.value, "true");
  EXPECT_EQ(status.variant, "on");
  EXPECT_TRUE(status.enabled);
  EXPECT_EQ(status.observed_generation, 1);
  EXPECT_EQ(ready_reason(checkout), "Serving");
  ASSERT_EQ(status.history.size(), 1u);
  EXPECT_EQ(status.history[0].from, "not served");
  EXPECT_EQ(status.history[0].to, "on (true)");
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag spec succeeded"], 0);
  EXPECT_EQ(metrics_["ripcord_rollback_available feature_flag"], 1);
}

TEST_F(FeatureFlagStrategyTest, TakesAFlagBackByOverrideAndReturnsWhenItIsLifted) {
  Resource checkout = flag("checkout");
  converge(checkout);
  FeatureFlagOverride off;
  off.enabled = false;
  off.reason = "INC-231";
  off.by = "alice";
  spec_of(checkout).override = off;
  checkout.meta.generation = 2;
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(served(), "false off STATIC");
  EXPECT_EQ(ready_reason(checkout), "Overridden");
  EXPECT_THAT(common(checkout.status).conditions.find(kReady)->message,
              HasSubstr("INC-231, by alice"));
  const HistoryEntry entry = status_of_flag(checkout).history[0];
  EXPECT_EQ(entry.from, "on (true)");
  EXPECT_EQ(entry.to, "off (false)");
  EXPECT_EQ(entry.trigger, Trigger::kOverride);
  EXPECT_EQ(entry.result, "Succeeded");
  EXPECT_EQ(entry.by, "alice");
  EXPECT_EQ(entry.reason, "INC-231");
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag override succeeded"], 1);
  EXPECT_EQ(metrics_["ripcord_rollback_duration_seconds feature_flag override succeeded"], 1);

  converge(checkout);  // nothing to do: nothing is recorded or counted
  EXPECT_EQ(status_of_flag(checkout).history.size(), 2u);
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag override succeeded"], 1);

  spec_of(checkout).override.reset();
  checkout.meta.generation = 3;
  converge(checkout);
  EXPECT_EQ(served(), "true on STATIC");
  EXPECT_EQ(ready_reason(checkout), "Serving");
  EXPECT_EQ(status_of_flag(checkout).history.size(), 3u);
}

TEST_F(FeatureFlagStrategyTest, DisablesBothWays) {
  Resource checkout = flag("checkout");
  converge(checkout);
  spec_of(checkout).enabled = false;
  checkout.meta.generation = 2;
  converge(checkout);
  EXPECT_EQ(served(), "false off STATIC");
  EXPECT_EQ(ready_reason(checkout), "Disabled");
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag spec succeeded"], 1);
  spec_of(checkout).when_disabled = WhenDisabled::kCodeDefault;
  checkout.meta.generation = 3;
  converge(checkout);
  EXPECT_EQ(served(), "  DISABLED");
  EXPECT_EQ(status_of_flag(checkout).history[0].to, "code default");
  const std::size_t entries = status_of_flag(checkout).history.size();
  converge(checkout);
  EXPECT_EQ(status_of_flag(checkout).history.size(), entries);
}

TEST_F(FeatureFlagStrategyTest, GoesBackToTheDeclaredStateWhenTheOverrideEnds) {
  Resource checkout = flag("checkout");
  converge(checkout);
  FeatureFlagOverride off;
  off.enabled = false;
  off.until = clock_.wall_now() + std::chrono::minutes(5);
  spec_of(checkout).override = off;
  checkout.meta.generation = 2;
  converge(checkout);
  EXPECT_EQ(served(), "false off STATIC");
  EXPECT_THAT(common(checkout.status).conditions.find(kReady)->message,
              HasSubstr("until 2024-01-15T12:05:00Z"));
  clock_.advance(std::chrono::minutes(5));
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(served(), "true on STATIC");
  EXPECT_EQ(status_of_flag(checkout).history[0].trigger, Trigger::kAutomatic);
  EXPECT_EQ(ready_reason(checkout), "Serving");
}

TEST_F(FeatureFlagStrategyTest, ChangesTheTableBeforeItAsksAnything) {
  Resource checkout = flag("checkout");
  converge(checkout);
  endpoint_->failure = {StatusCode::kUnavailable, "nobody listens"};
  spec_of(checkout).enabled = false;
  checkout.meta.generation = 2;
  const Outcome outcome = converge(checkout);
  EXPECT_EQ(served(), "false off STATIC");
  const auto* again = std::get_if<RequeueAfter>(&outcome);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->cause.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(common(checkout.status).conditions.is_true(kReconciling));
  EXPECT_THAT(common(checkout.status).conditions.find(kReady)->message,
              HasSubstr("nobody listens"));
  EXPECT_EQ(status_of_flag(checkout).value, "true") << "only what was verified is reported";

  // The rollback ends when it is verified, and took all the time in between.
  endpoint_->failure = ok_status();
  clock_.advance(std::chrono::seconds(3));
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(status_of_flag(checkout).history[0].duration_seconds, 3);
  EXPECT_EQ(status_of_flag(checkout).history[0].trigger, Trigger::kSpec);
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag spec failed"], 1);
  EXPECT_EQ(metrics_["ripcord_rollbacks_total feature_flag spec succeeded"], 1);
}

TEST_F(FeatureFlagStrategyTest, IsNotReadyWhileTheEndpointSaysSomethingElse) {
  Resource checkout = flag("checkout");
  endpoint_->lie = FlagAnswer{"new_checkout", "42", "other", "STATIC"};
  const Outcome outcome = converge(checkout);
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(outcome));
  EXPECT_EQ(ready_reason(checkout), "NotVerified");
  EXPECT_THAT(common(checkout.status).conditions.find(kReady)->message, HasSubstr("other (42)"));
}

TEST_F(FeatureFlagStrategyTest, RepairsAndRecordsDrift) {
  Resource checkout = flag("checkout");
  converge(checkout);
  table_.set(share({"new_checkout", "false", "off", "STATIC"}));
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(served(), "true on STATIC");
  ASSERT_EQ(status_of_flag(checkout).history.size(), 2u);
  EXPECT_EQ(status_of_flag(checkout).history[0].from, "off (false)");
  EXPECT_EQ(status_of_flag(checkout).history[0].trigger, Trigger::kAutomatic);
}

TEST_F(FeatureFlagStrategyTest, AsksOncePerReconcile) {
  Resource checkout = flag("checkout");
  converge(checkout);
  EXPECT_EQ(endpoint_->calls, 1);
  converge(checkout);
  EXPECT_EQ(endpoint_->calls, 2);
}

TEST_F(FeatureFlagStrategyTest, ServesTheOlderOfTwoObjectsWithOneKeyAndNamesItToTheOther) {
  Resource older = flag("zz-older");
  Resource younger = flag("aa-younger");
  younger.meta.creation_timestamp = older.meta.creation_timestamp + std::chrono::seconds(1);
  spec_of(younger).enabled = false;
  converge(younger);
  EXPECT_EQ(served(), "false off STATIC") << "alone, it is served";
  converge(older);
  EXPECT_EQ(served(), "true on STATIC");
  const Outcome outcome = converge(younger);
  ASSERT_TRUE(std::holds_alternative<Stalled>(outcome));
  EXPECT_EQ(ready_reason(younger), "KeyTaken");
  EXPECT_TRUE(common(younger.status).conditions.is_true(kStalled));
  EXPECT_THAT(common(younger.status).conditions.find(kStalled)->message,
              HasSubstr("FeatureFlag default/zz-older"));
  EXPECT_EQ(served(), "true on STATIC");
  strategy_->forget(older.key());
  EXPECT_EQ(served(), "false off STATIC") << "the next one takes over at once";
  EXPECT_TRUE(std::holds_alternative<Done>(converge(younger)));
}

TEST_F(FeatureFlagStrategyTest, StopsServingAnOldKeyAndADeletedObject) {
  Resource checkout = flag("checkout");
  converge(checkout);
  spec_of(checkout).key = "Ünï/∂";
  checkout.meta.generation = 2;
  EXPECT_TRUE(std::holds_alternative<Done>(converge(checkout)));
  EXPECT_EQ(served(), "NotFound");
  EXPECT_EQ(served("Ünï/∂"), "true on STATIC");
  strategy_->forget(checkout.key());
  EXPECT_EQ(served("Ünï/∂"), "NotFound");
  EXPECT_EQ(metrics_["ripcord_rollback_available feature_flag"], 0);
}

TEST_F(FeatureFlagStrategyTest, StallsOnASpecItCannotServeAndGoesOnServingTheLastGoodOne) {
  Resource checkout = flag("checkout");
  converge(checkout);
  spec_of(checkout).default_variant = "onn";
  checkout.meta.generation = 2;
  EXPECT_TRUE(std::holds_alternative<Stalled>(converge(checkout)));
  EXPECT_EQ(ready_reason(checkout), "UnknownVariant");
  EXPECT_EQ(status_of_flag(checkout).observed_generation, 2);
  EXPECT_EQ(served(), "true on STATIC");
}

TEST_F(FeatureFlagStrategyTest, PlansFromWhatIsServedAndTouchesNothing) {
  Resource checkout = flag("checkout");
  const auto fresh = strategy_->plan(checkout, {});
  ASSERT_OK(fresh);
  EXPECT_EQ(fresh->from, "not served");
  EXPECT_EQ(fresh->steps.size(), 1u);
  EXPECT_EQ(served(), "NotFound");
  converge(checkout);
  const auto done = strategy_->plan(checkout, {});
  ASSERT_OK(done);
  EXPECT_TRUE(done->steps.empty());
  endpoint_->failure = {StatusCode::kUnavailable, "nobody listens"};
  EXPECT_CODE(strategy_->plan(checkout, {}), StatusCode::kUnavailable);
}

TEST_F(FeatureFlagStrategyTest, PreloadsEveryFlagAfterARestartWithoutRecordingAChange) {
  Resource on = flag("on", "on");
  converge(on);
  Resource paused = flag("paused", "paused");
  spec_of(paused).enabled = false;
  converge(paused);
  spec_of(paused).enabled = true;
  spec_of(paused).suspend = true;
  paused.meta.generation = 2;
  Resource broken = flag("broken", "broken");
  spec_of(broken).default_variant = "none";
  for (const char* key : {"on", "paused"}) {
    table_.remove(key);
  }
  FixedStore store;
  for (const Resource& r : {on, paused, broken}) {
    store.items.push_back(std::make_shared<const Resource>(r));
  }
  strategy_ = std::make_unique<FeatureFlagStrategy>(table_, *endpoint_, metrics_, clock_);
  const auto loaded = strategy_->preload(store);
  ASSERT_OK(loaded);
  EXPECT_EQ(*loaded, 2u);
  EXPECT_EQ(served("on"), "true on STATIC");
  EXPECT_EQ(served("paused"), "false off STATIC") << "suspended: as verified last";
  const Resource before = on;
  converge(on);
  EXPECT_EQ(on, before);
}

TEST_F(FeatureFlagStrategyTest, RecordsNoChangeForARestartWithoutPreload) {
  Resource checkout = flag("checkout");
  converge(checkout);
  table_.remove("new_checkout");
  strategy_ = std::make_unique<FeatureFlagStrategy>(table_, *endpoint_, metrics_, clock_);
  const Resource before = checkout;
  converge(checkout);
  EXPECT_EQ(checkout, before);
  EXPECT_EQ(served(), "true on STATIC");
}

}  // namespace
}  // namespace ripcord
