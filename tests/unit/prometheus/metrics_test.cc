// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/metrics.h"

#include "adapters/prometheus/service.h"

#include <array>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::prometheus_metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::array<std::string_view, 2> kTwo = {"kind", "result"};
constexpr std::array<std::string_view, 1> kOne = {"kind"};
constexpr std::array<double, 3> kBuckets = {0.001, 0.1, 10};
constexpr MetricDescriptor kCounter{"test_total", "Things.", MetricType::kCounter, kTwo};
constexpr MetricDescriptor kGauge{"test_depth", "Depth.", MetricType::kGauge, kOne};
constexpr MetricDescriptor kHistogram{"test_seconds", "Time.", MetricType::kHistogram, kOne,
                                      kBuckets};
constexpr MetricDescriptor kPlain{"test_plain_total", "No labels.", MetricType::kCounter, {}};

TEST(PrometheusMetrics, WritesWhatWasRecorded) {
  PrometheusMetrics metrics;
  metrics.add(kCounter, {"FeatureFlag", "ok"}, 1);
  metrics.add(kCounter, {"FeatureFlag", "ok"}, 2);
  metrics.add(kCounter, {"FeatureFlag", "failed"}, 1);
  metrics.add(kPlain, {}, 5);
  metrics.set(kGauge, {"a"}, 7);
  metrics.set(kGauge, {"a"}, 6.5);
  metrics.observe(kHistogram, {"a"}, 0.05);
  metrics.observe(kHistogram, {"a"}, 100);
  const std::string text = metrics.text();
  for (const char* line :
       {"# HELP test_total Things.\n# TYPE test_total counter\n",
        "test_total{kind=\"FeatureFlag\",result=\"ok\"} 3\n",
        "test_total{kind=\"FeatureFlag\",result=\"failed\"} 1\n", "test_plain_total 5\n",
        "test_depth{kind=\"a\"} 6.5\n", "test_seconds_bucket{kind=\"a\",le=\"0.001\"} 0\n",
        "test_seconds_bucket{kind=\"a\",le=\"0.1\"} 1\n",
        "test_seconds_bucket{kind=\"a\",le=\"+Inf\"} 2\n", "test_seconds_count{kind=\"a\"} 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(PrometheusMetrics, ShowsADeclaredSeriesAtZeroAndKeepsOneThatHasSamples) {
  PrometheusMetrics metrics;
  metrics.declare(kCounter, {"a", "ok"});
  metrics.declare(kGauge, {"a"});
  metrics.declare(kHistogram, {"a"});
  metrics.declare(kPlain, {"one label too many"});
  const std::string text = metrics.text();
  for (const char* line :
       {"test_total{kind=\"a\",result=\"ok\"} 0\n", "test_depth{kind=\"a\"} 0\n",
        "test_seconds_bucket{kind=\"a\",le=\"0.001\"} 0\n",
        "test_seconds_bucket{kind=\"a\",le=\"+Inf\"} 0\n", "test_seconds_count{kind=\"a\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("test_plain_total")));
  metrics.add(kCounter, {"a", "ok"}, 3);
  metrics.declare(kCounter, {"a", "ok"});
  EXPECT_THAT(metrics.text(), HasSubstr("test_total{kind=\"a\",result=\"ok\"} 3\n"));
}

TEST(PrometheusMetrics, ForgetsASeriesAndCanBeginItAgain) {
  PrometheusMetrics metrics;
  metrics.set(kGauge, {"gone"}, 1);
  metrics.set(kGauge, {"stays"}, 1);
  metrics.remove(kGauge, {"gone"});
  metrics.remove(kGauge, {"never"});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("gone")));
  EXPECT_THAT(metrics.text(), HasSubstr("stays"));
  metrics.set(kGauge, {"gone"}, 2);
  EXPECT_THAT(metrics.text(), HasSubstr("test_depth{kind=\"gone\"} 2\n"));
}

TEST(PrometheusMetrics, DropsSamplesThatMakeNoSense) {
  PrometheusMetrics metrics;
  metrics.add(kCounter, {"only one label"}, 1);
  metrics.add(kPlain, {"one too many"}, 1);
  const MetricDescriptor clash{"test_total", "Other type.", MetricType::kGauge, kTwo};
  const MetricDescriptor bad{"no name", "Bad.", MetricType::kGauge, {}};
  metrics.add(kCounter, {"a", "b"}, 1);
  metrics.set(clash, {"a", "b"}, 9);
  metrics.set(bad, {}, 1);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("test_total{kind=\"a\",result=\"b\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("only one")));
  EXPECT_THAT(text, Not(HasSubstr(" 9\n")));
}

TEST(PrometheusMetrics, KeepsLabelsFromBreakingTheText) {
  PrometheusMetrics metrics;
  metrics.set(kGauge, {"a\"b\\c\nd"}, 1);
  metrics.set(kGauge, {"bad \xff"}, 2);
  EXPECT_THAT(metrics.text(), HasSubstr("test_depth{kind=\"a\\\"b\\\\c\\nd\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("test_depth{kind=\"bad ?\"} 2\n"));
}

TEST(PrometheusMetrics, LosesNoSampleWhenManyThreadsRecord) {
  PrometheusMetrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 5000; ++i) {
          metrics.add(kCounter, {"k", "r"}, 1);
          metrics.set(kGauge, {std::to_string(i % 7)}, t);
          if (i % 3 == 0) {
            metrics.remove(kGauge, {std::to_string(i % 7)});
          }
        }
      });
    }
    (void)metrics.text();
  }
  EXPECT_THAT(metrics.text(), HasSubstr("test_total{kind=\"k\",result=\"r\"} 20000\n"));
}

TEST(MetricsService, ServesMetricsOfTheProcessAndTheBuildToo) {
  PrometheusMetrics metrics;
  metrics.set(kGauge, {"a"}, 1);
  MetricsService service(metrics, "1.2.3");
  ServedRequest request;
  request.method = "GET";
  request.path = "/metrics";
  const ServedResponse response = service.serve(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* part :
       {"test_depth{kind=\"a\"} 1\n", "ripcord_build_info{version=\"1.2.3\"} 1\n",
        "\nprocess_resident_memory_bytes ", "\nprocess_open_fds ", "\nprocess_cpu_seconds_total ",
        "\nprocess_start_time_seconds "}) {
    EXPECT_THAT(response.body, HasSubstr(part));
  }
  request.method = "POST";
  EXPECT_EQ(service.serve(request).status, 405);
  request.path = "/";
  EXPECT_EQ(service.serve(request).status, 404);
}

}  // namespace
}  // namespace ripcord::prometheus_metrics
