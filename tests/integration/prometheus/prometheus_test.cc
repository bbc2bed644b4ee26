// SPDX-License-Identifier: Apache-2.0
// Debian's own promtool and prometheus read what our server serves.

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/ofrep/service.h"
#include "adapters/prometheus/metrics.h"
#include "adapters/prometheus/service.h"
#include "controller/strategies/rollback_metrics.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

using testing::HasSubstr;

class PrometheusTest : public testing::Test {
 protected:
  void SetUp() override {
    metrics_.observe(metric::kRollbackDuration, {"feature_flag", "override", "succeeded"}, 0.0042);
    metrics_.add(metric::kRollbacks, {"feature_flag", "override", "succeeded"}, 1);
    metrics_.set(metric::kRollbackAvailable, {"feature_flag"}, 3);
    metrics_.set(metric::kMigrationVersion, {"default", "shop"}, 2);
    metrics_.add(ofrep::kFlagEvaluations, {"static", "success"}, 12);
    metrics_.observe(metric::kTrafficDowntime, {}, 0);
    const auto port = server_.listen("127.0.0.1:0", service_);
    ASSERT_OK(port);
    address_ = fmt::format("127.0.0.1:{}", *port);
  }
  std::string get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    const auto response = client_->send(request);
    return response && response->status == 200 ? response->body : std::string();
  }

  prometheus_metrics::PrometheusMetrics metrics_;
  prometheus_metrics::MetricsService service_{metrics_, "0.1.0"};
  http::HttpServer server_;
  std::unique_ptr<HttpClient> client_ = http::make_http_client();
  std::string address_;
};

TEST_F(PrometheusTest, PromtoolFindsNothingToComplainAbout) {
  const std::string text = get(fmt::format("http://{}/metrics", address_));
  ASSERT_THAT(text, HasSubstr("ripcord_rollback_duration_seconds_bucket"));
  ChildProcess promtool({.argv = {"promtool", "check", "metrics"},
                         .env = {},
                         .cwd = {},
                         .user = {},
                         .pipe_stdin = true});
  promtool.write_stdin(text);
  promtool.close_stdin();
  EXPECT_EQ(promtool.wait(), 0);
  EXPECT_EQ(promtool.out() + promtool.err(), "");
}

TEST_F(PrometheusTest, PrometheusScrapesUsAndAnswersAQueryForTheRollback) {
  const TempDir dir;
  write_file(dir / "prometheus.yml", fmt::format("global: {{scrape_interval: 1s}}\n"
                                                 "scrape_configs:\n"
                                                 "- job_name: ripcord\n"
                                                 "  static_configs: [{{targets: ['{}']}}]\n",
                                                 address_));
  const std::string listen = fmt::format("127.0.0.1:{}", free_port());
  ChildProcess prometheus(
      {.argv = {"prometheus", "--config.file=" + (dir / "prometheus.yml"),
                "--storage.tsdb.path=" + (dir / "data"), "--web.listen-address=" + listen},
       .env = {},
       .cwd = {},
       .user = {},
       .pipe_stdin = false});
  const auto query = [&](const std::string& expression) {
    return get(fmt::format("http://{}/api/v1/query?query={}", listen, expression));
  };
  std::string answer;
  const bool scraped = eventually(
      [&] {
        answer = query("ripcord_rollback_duration_seconds_sum");
        return answer.find("\"0.0042\"") != std::string::npos;
      },
      std::chrono::seconds(60));
  EXPECT_TRUE(scraped) << answer << prometheus.err();
  EXPECT_THAT(answer, HasSubstr(R"("strategy":"feature_flag")"));
  EXPECT_THAT(answer, HasSubstr(R"("trigger":"override")"));
  EXPECT_THAT(query("up"), HasSubstr("\"1\""));
  EXPECT_THAT(query("ripcord_flag_evaluations_total"), HasSubstr("\"12\""));
  prometheus.signal(15);
  EXPECT_EQ(prometheus.wait(), 0);
}

}  // namespace
}  // namespace ripcord
