// SPDX-License-Identifier: Apache-2.0
#include "adapters/prober/http_probers.h"
#include "controller/base/mutex.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::HasSubstr;
using Answer = std::function<Result<HttpResponse>(int number, std::stop_token stop)>;

Result<HttpResponse> answered(int status) {
  return HttpResponse{status, {}, {}};
}

class ScriptedClient final : public HttpClient {
 public:
  explicit ScriptedClient(Answer answer) : answer_(std::move(answer)) {}
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    int number = 0;
    {
      const MutexLock lock(mutex_);
      requests_.push_back(request);
      number = static_cast<int>(requests_.size());
    }
    return answer_(number, std::move(stop));
  }
  std::vector<HttpRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

 private:
  Answer answer_;
  mutable Mutex mutex_;
  std::vector<HttpRequest> requests_ GUARDED_BY(mutex_);
};

// Hangs until the prober ends or the timeout that is far away.
Result<HttpResponse> hang(std::stop_token stop) {
  SystemClock().sleep_for(std::chrono::minutes(5), std::move(stop));
  return error(StatusCode::kCancelled, "cancelled");
}

TrafficVerification every_ms() {
  TrafficVerification verification;
  verification.url = "http://router/";
  verification.interval = std::chrono::milliseconds(1);
  return verification;
}

struct CheckCase {
  std::string what;
  int status;
  std::int32_t expected;
  bool healthy;
};

TEST(HealthCheck, TheStatusDecides) {
  const std::vector<CheckCase> cases = {
      {"2xx", 204, 0, true},
      {"redirect", 302, 0, true},
      {"1xx", 199, 0, false},
      {"client error", 404, 0, false},
      {"server error", 503, 0, false},
      {"as expected", 418, 418, true},
      {"another 2xx", 204, 200, false},
  };
  SystemClock clock;
  for (const CheckCase& given : cases) {
    ScriptedClient client([&](int, std::stop_token) { return answered(given.status); });
    HttpProbers probers(client, clock);
    ripcord::HealthCheck check;
    check.expected_status = given.expected;
    EXPECT_EQ(probers.check("10.0.0.1:80", check, {}).ok(), given.healthy) << given.what;
  }
}

TEST(HealthCheck, AsksTheAddressItselfAsOftenAsTheThresholdAndStopsAtTheFirstFailure) {
  SystemClock clock;
  ScriptedClient client(
      [](int number, std::stop_token) { return answered(number < 4 ? 200 : 500); });
  HttpProbers probers(client, clock);
  ripcord::HealthCheck check;
  check.path = "healthz";
  check.healthy_threshold = 3;
  check.timeout = std::chrono::milliseconds(70);
  EXPECT_OK(probers.check("[::1]:80", check, {}));
  ASSERT_EQ(client.requests().size(), 3U);
  EXPECT_EQ(client.requests()[0].url, "http://[::1]:80/healthz");
  EXPECT_EQ(client.requests()[0].timeout, check.timeout);
  EXPECT_TRUE(client.requests()[0].new_connection);
  const Status sick = probers.check("[::1]:80", check, {});
  EXPECT_EQ(client.requests().size(), 4U);
  EXPECT_CODE(sick, StatusCode::kUnavailable);
  EXPECT_THAT(sick.message(), HasSubstr("http://[::1]:80/healthz answered 500"));
}

TEST(HealthCheck, SaysOnceWhatTheClientSays) {
  SystemClock clock;
  ScriptedClient client([](int, std::stop_token) -> Result<HttpResponse> {
    return error(StatusCode::kUnavailable, "GET http://10.0.0.1:80/: nobody listens");
  });
  HttpProbers probers(client, clock);
  const Status down = probers.check("10.0.0.1:80", ripcord::HealthCheck{}, {});
  EXPECT_EQ(down.message(), "GET http://10.0.0.1:80/: nobody listens");
}

TEST(Prober, CountsProbesAndFailuresOverNewConnections) {
  SystemClock clock;
  ScriptedClient client([](int number, std::stop_token) -> Result<HttpResponse> {
    if (number % 2 == 0) {
      return error(StatusCode::kUnavailable, "connection refused");
    }
    return answered(number % 3 == 0 ? 502 : 200);
  });
  HttpProbers probers(client, clock);
  const auto prober = probers.start(every_ms());
  ASSERT_TRUE(eventually([&] { return prober->report().probes >= 60; }));
  const TrafficProber::Report report = prober->report();
  EXPECT_GT(report.failures, report.probes / 2);
  EXPECT_LT(report.failures, report.probes);
  EXPECT_FALSE(report.last_error.empty());
  for (const HttpRequest& request : client.requests()) {
    ASSERT_TRUE(request.new_connection);
  }
}

TEST(Prober, AStalledProbeDoesNotHoldUpTheOthers) {
  SystemClock clock;
  ScriptedClient client([](int number, std::stop_token stop) {
    return number <= 3 ? hang(std::move(stop)) : answered(200);
  });
  HttpProbers probers(client, clock);
  const auto prober = probers.start(every_ms());
  EXPECT_TRUE(eventually([&] { return prober->report().probes >= 50; }));
  EXPECT_EQ(prober->report().failures, 0);
}

TEST(Prober, WithEverythingStalledTheGapGrowsAndTheThreadsDoNot) {
  SystemClock clock;
  ScriptedClient client([](int, std::stop_token stop) { return hang(std::move(stop)); });
  HttpProbers probers(client, clock);
  const auto prober = probers.start(every_ms());
  ASSERT_TRUE(eventually([&] { return client.requests().size() >= 64; }));
  const Duration gap = prober->report().longest_gap;
  EXPECT_TRUE(eventually(
      [&] { return prober->report().longest_gap >= gap + std::chrono::milliseconds(20); }));
  EXPECT_EQ(client.requests().size(), 64U);
  EXPECT_EQ(prober->report().probes, 0);
}

TEST(Prober, TheGapIsThatBetweenSuccessesAndStaysTheLongest) {
  SystemClock clock;
  const MonoTime began = clock.now();
  const auto outage = std::chrono::milliseconds(80);
  ScriptedClient client([&](int, std::stop_token) {
    const Duration at = clock.now() - began;
    return answered(
        at > std::chrono::milliseconds(40) && at < std::chrono::milliseconds(40) + outage ? 503
                                                                                          : 200);
  });
  HttpProbers probers(client, clock);
  const auto prober = probers.start(every_ms());
  ASSERT_TRUE(eventually([&] {
    const auto report = prober->report();
    return report.failures > 0 && clock.now() - began > std::chrono::milliseconds(200);
  }));
  EXPECT_GE(prober->report().longest_gap, outage);
}

TEST(Prober, EndingItCancelsWhatIsUnderWayAndCountsItNot) {
  SystemClock clock;
  ScriptedClient client([](int, std::stop_token stop) { return hang(std::move(stop)); });
  HttpProbers probers(client, clock);
  auto prober = probers.start(every_ms());
  ASSERT_TRUE(eventually([&] { return !client.requests().empty(); }));
  prober.reset();  // returns, or the test runs into its limit
  const std::size_t after = client.requests().size();
  clock.sleep_for(std::chrono::milliseconds(20), {});
  EXPECT_EQ(client.requests().size(), after);
}

}  // namespace
}  // namespace ripcord
