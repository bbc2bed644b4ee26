// SPDX-License-Identifier: Apache-2.0
// What `ripcord run` keeps of 10,000 FeatureFlags of a cluster once all were looked at: the mirror,
// the feed's fingerprints, the queue's deadlines, the claims and the evaluation table, put together
// as there. Counts the heap in use, so the figure is the same on any machine;
// bench/cluster/bench_cluster has that of the whole process.

#include "adapters/kubernetes/cached_store.h"
#include "adapters/ofrep/flag_table.h"
#include "adapters/simulation/flags.h"
#include "controller/codec/wire.h"
#include "controller/runtime/control_loop.h"
#include "controller/runtime/metrics.h"
#include "controller/strategies/feature_flag.h"
#include "controller/strategies/strategy.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

#include <atomic>
#include <condition_variable>
#include <iostream>
#include <malloc.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

constexpr int kFlags = 10'000;
constexpr std::size_t kMostBytes = 1300;  // a flag; the target for the whole process is 1.5 KiB

// As bench_cluster creates it and the API server stores it.
Resource created(int number) {
  Resource flag =
      make_resource(Kind::kFeatureFlag, fmt::format("flag-{:05}", number), "production");
  flag.meta.uid = fmt::format("8d3c1f6e-0a52-4b7d-9c1e-{:012}", number);
  flag.meta.generation = 1;
  flag.meta.resource_version = 1000 + number;
  flag.meta.creation_timestamp = WallTime(std::chrono::seconds(1'767'225'600 + number));
  auto& spec = std::get<FeatureFlagSpec>(flag.spec);
  spec.key = flag.meta.name;
  spec.variants = {{"blue", "\"#0000ff\""}, {"green", "\"#00ff00\""}};
  spec.default_variant = "blue";
  spec.off_variant = "green";
  return flag;
}

// As a server sends them with every object: 1 KiB about who wrote which field, which nobody keeps.
std::string with_managed_fields(std::string frame) {
  constexpr std::string_view kMetadata = "\"metadata\":{";
  frame.insert(frame.find(kMetadata) + kMetadata.size(),
               fmt::format(R"("managedFields":[{{"manager":"kubectl","operation":"Apply",)"
                           R"("fieldsType":"FieldsV1","fieldsV1":{{"f:spec":{{"f:{}":{{}}}}}}}}],)",
                           std::string(1024, 'k')));
  return frame;
}

// An API server with flags that are all as declared, and nothing else; it stays silent afterwards.
class FullCluster final : public HttpClient, public HttpStreamClient {
 public:
  explicit FullCluster(Clock& clock) : clock_(clock) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    ADD_FAILURE() << "nothing is to be written or asked: " << request.method << " " << request.url
                  << " " << request.body;
    return error(StatusCode::kUnavailable, "asked for what is not there");
  }
  Status stream(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                HttpResponse&, std::stop_token stop) override {
    if (request.url.find("featureflags") != std::string::npos) {
      list(sink);
    }
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
    return {StatusCode::kCancelled, "stopped"};
  }

 private:
  void list(const std::function<void(std::string_view)>& sink) {
    NullMetricSink metrics;
    simulation::SimulatedFlagTable table;
    FeatureFlagStrategy strategy(table, table, metrics, clock_);
    for (int i = 0; i < kFlags; ++i) {
      Resource flag = created(i);
      const ReconcileRequest request{flag.key(), "list", {}, {}};
      Reconcile reconcile{flag, request, [] { return ok_status(); }};
      EXPECT_TRUE(std::holds_alternative<Done>(strategy.converge(reconcile)));
      sink(with_managed_fields(codec::encode_watch_event("ADDED", flag)));
    }
    sink(
        R"({"type":"BOOKMARK","object":{"kind":"FeatureFlag","metadata":{"resourceVersion":"99999",)"
        R"("annotations":{"k8s.io/initial-events-end":"true"}}}})"
        "\n");
  }

  Clock& clock_;
};

// Asks the table as its endpoint would answer.
class InProcess final : public FlagEvaluation {
 public:
  explicit InProcess(const ofrep::FlagTable& table) : table_(table) {}
  Result<FlagAnswer> evaluate(const std::string& key) override {
    const FlagAnswerPtr found = table_.find(key);
    return found ? Result<FlagAnswer>(*found) : error(StatusCode::kNotFound, key);
  }

 private:
  const ofrep::FlagTable& table_;
};

class CountedReconciles final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    if (metric.name == metric::kReconciles.name && *(labels.begin() + 1) == "success") {
      count += static_cast<int>(delta);
    }
  }
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
  std::atomic<int> count{0};
};

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

std::size_t heap_in_use() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

TEST(Footprint, OfAFlagThatIsAsDeclaredIsSmall) {
  if (kSanitized) {
    GTEST_SKIP() << "the heap of a sanitizer is another one";
  }
  SystemClock clock;
  CountedReconciles metrics;
  NoEvents events;
  FullCluster cluster(clock);
  const std::size_t before = heap_in_use();
  kubernetes::CachedStore store(cluster, cluster, {.server = "http://api", .watches_crd = false},
                                clock, metrics, {});
  ofrep::FlagTable table;
  InProcess endpoint(table);
  FeatureFlagStrategy strategy(table, endpoint, metrics, clock);
  ASSERT_TRUE(eventually([&] { return strategy.preload(store).value_or(0) == kFlags; }));
  StrategyReconciler reconciler(store, strategy, events, metrics, clock);
  ControlLoop loop({.kind = Kind::kFeatureFlag, .workers = 4, .resync = std::chrono::hours(1)},
                   store, reconciler, metrics, clock, {});
  loop.start();
  ASSERT_TRUE(eventually([&] { return metrics.count >= kFlags; }));
  const std::size_t bytes = (heap_in_use() - before) / kFlags;
  std::cout << bytes << " bytes a flag\n";
  EXPECT_LE(bytes, kMostBytes);
  EXPECT_EQ(table.all().size(), static_cast<std::size_t>(kFlags));
}

}  // namespace
}  // namespace ripcord
