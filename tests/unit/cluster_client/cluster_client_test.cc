// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cluster_client.h"

#include "adapters/kubernetes/request_metrics.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cluster_client/scripted_server.h"

#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

class FakeFence final : public WriteFence {
 public:
  Duration left() const override {
    ++asked;
    return asked > closes_after ? Duration::zero() : time;
  }
  Duration time = 10s;
  int closes_after = 1000;
  mutable int asked = 0;
};

class CountingMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    const MutexLock lock(mutex_);
    totals_[key(metric, labels)] += delta;
  }
  void observe(const MetricDescriptor& metric, LabelValues labels, double) override {
    const MutexLock lock(mutex_);
    totals_[key(metric, labels)] += 1;
  }
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
  std::map<std::string, double> totals() const {
    const MutexLock lock(mutex_);
    return totals_;
  }

 private:
  static std::string key(const MetricDescriptor& metric, LabelValues labels) {
    return fmt::format("{} {}", metric.name, fmt::join(labels, " "));
  }
  mutable Mutex mutex_;
  std::map<std::string, double> totals_ GUARDED_BY(mutex_);
};

class ClusterClientTest : public testing::Test {
 protected:
  void SetUp() override {
    access_.origin = "the test";
    access_.server = "https://server.example:6443/prefix";
    access_.token.file = folder_ / "token";
    access_.ca.file = folder_ / "ca";
    write_file(access_.token.file, "s3cr3t-1");
    write_file(access_.ca.file, "CA 1");
    options_.user_agent = "ripcord/1.2.3";
    options_.metrics = &metrics_;
    options_.log = Logger(*sink_);
    options_.retries.jitter = 0;
  }
  ClusterClient& client() {
    if (!client_) {
      credentials_ = std::make_shared<Credentials>(access_, clock_, nullptr, Logger(*sink_));
      client_ = std::make_unique<ClusterClient>(credentials_, server_.factory(), clock_, options_);
    }
    return *client_;
  }
  static HttpRequest request(const std::string& method, const std::string& url = "/api") {
    HttpRequest made;
    made.method = method;
    made.url = url;
    made.timeout = 1h;
    return made;
  }
  Result<HttpResponse> send(const std::string& method) { return client().send(request(method)); }
  Duration elapsed() const { return clock_.now() - start_; }

  TempDir folder_;
  SimulatedClock clock_;
  const MonoTime start_ = clock_.now();
  ScriptedServer server_;
  CountingMetrics metrics_;
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kDebug, clock_);
  ClusterAccess access_;
  ClusterClientOptions options_;
  FakeFence fence_;
  std::shared_ptr<Credentials> credentials_;
  std::unique_ptr<ClusterClient> client_;
};

TEST_F(ClusterClientTest, AddsServerTokenAndAgentAndLeavesTheRestAlone) {
  HttpRequest sent = request("PATCH", "/apis/a?b=c");
  sent.headers = {
      {"accept", "application/json"}, {"AUTHORIZATION", "Bearer other"}, {"user-agent", "other"}};
  sent.body = "{}";
  ASSERT_OK(client().send(sent));
  sent.url = client().server() + "/whole";
  ASSERT_OK(client().send(sent));
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0].url, "https://server.example:6443/prefix/apis/a?b=c");
  EXPECT_EQ(seen[1].url, "https://server.example:6443/prefix/whole");
  EXPECT_EQ(seen[0].body, "{}");
  EXPECT_THAT(seen[0].headers, UnorderedElementsAre(Pair("accept", "application/json"),
                                                    Pair("Authorization", "Bearer s3cr3t-1"),
                                                    Pair("User-Agent", "ripcord/1.2.3")));
}

TEST_F(ClusterClientTest, SendsItsCredentialsToNoOtherServer) {
  for (const auto* url :
       {"https://server.example:6443/prefix.evil/x", "https://server.example:6443/prefixevil",
        "https://evil.example/prefix", "http://server.example:6443/prefix/x", "//evil.example/x",
        "relative", ""}) {
    SCOPED_TRACE(url);
    EXPECT_CODE(client().send(request("GET", url)), StatusCode::kInvalidArgument);
    HttpResponse refused;
    EXPECT_CODE(client().stream(request("GET", url), [](std::string_view) {}, refused, {}),
                StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(server_.seen(), IsEmpty());
}

TEST_F(ClusterClientTest, RenewsARefusedTokenOnceAndTriesAgain) {
  server_.otherwise = [](const HttpRequest& sent) {
    return ScriptedServer::status(sent.headers.at("Authorization") == "Bearer s3cr3t-2" ? 200
                                                                                        : 401);
  };
  ASSERT_OK(send("POST"));
  EXPECT_EQ(send("POST")->status, 401) << "nothing new to try";
  EXPECT_THAT(server_.seen(), SizeIs(2));
  write_file(access_.token.file, "s3cr3t-2");
  EXPECT_EQ(send("POST")->status, 200);
  EXPECT_THAT(server_.seen(), SizeIs(4));
  write_file(access_.token.file, "s3cr3t-3");
  server_.otherwise = [](const HttpRequest&) { return ScriptedServer::status(401); };
  EXPECT_EQ(send("GET")->status, 401);
  EXPECT_THAT(server_.seen(), SizeIs(6)) << "once, not in a loop";
}

TEST_F(ClusterClientTest, RenewsARefusedTokenOfAStreamBeforeAnythingArrived) {
  server_.otherwise = [](const HttpRequest& sent) {
    return ScriptedServer::status(sent.headers.at("Authorization") == "Bearer s3cr3t-2" ? 200
                                                                                        : 401);
  };
  client();
  ASSERT_OK(credentials_->current());
  write_file(access_.token.file, "s3cr3t-2");
  std::string got;
  HttpResponse refused;
  const HttpRequest watch = request("GET", "/watch");
  ASSERT_OK(client().stream(watch, [&](std::string_view piece) { got += piece; }, refused, {}));
  EXPECT_EQ(got, "{}");
  EXPECT_EQ(refused.status, 0);
  server_.then(ScriptedServer::status(503));
  ASSERT_OK(client().stream(watch, [&](std::string_view piece) { got += piece; }, refused, {}));
  EXPECT_EQ(refused.status, 503) << "who watches decides when to come again";
  EXPECT_THAT(server_.seen(), SizeIs(3));
  EXPECT_THAT(
      metrics_.totals(),
      UnorderedElementsAre(Pair("rest_client_requests_total 200 GET server.example:6443", 1),
                           Pair("rest_client_requests_total 401 GET server.example:6443", 1),
                           Pair("rest_client_requests_total 503 GET server.example:6443", 1)));
}

TEST_F(ClusterClientTest, ReadsCertificatesAgainWhenTlsFailsAndMakesNewClients) {
  ASSERT_OK(send("GET"));
  write_file(access_.ca.file, "CA 2");
  server_.then(ScriptedServer::failure(kTlsFailed));
  EXPECT_OK(send("POST"));
  ASSERT_THAT(server_.made(), SizeIs(2));
  EXPECT_EQ(server_.made()[1].ca_pem, "CA 2");
  EXPECT_EQ(elapsed(), 0s) << "without a pause";

  write_file(access_.ca.file, "broken");
  server_.then(ScriptedServer::failure(kTlsFailed));
  EXPECT_OK(send("GET"));
  EXPECT_OK(send("GET"));
  EXPECT_THAT(server_.made(), SizeIs(2)) << "what cannot be used leaves the last in force";
  EXPECT_THAT(log_.str(), HasSubstr("stay in force"));
}

TEST_F(ClusterClientTest, ANewTokenAloneNeedsNoNewConnections) {
  ASSERT_OK(send("GET"));
  write_file(access_.token.file, "s3cr3t-2");
  clock_.advance(1min);
  ASSERT_OK(send("GET"));
  EXPECT_EQ(server_.seen().back().headers.at("Authorization"), "Bearer s3cr3t-2");
  EXPECT_THAT(server_.made(), SizeIs(1));
}

struct RetryCase {
  const char* method;
  Result<HttpResponse> answer;
  bool again;
};

TEST_F(ClusterClientTest, SendsAgainOnlyWhatCannotHappenTwice) {
  const auto status = [](int code) { return ScriptedServer::status(code); };
  const auto later = [](int code) { return ScriptedServer::status(code, {{"retry-after", "1"}}); };
  const auto failed = [](std::string_view reason) { return ScriptedServer::failure(reason); };
  const RetryCase cases[] = {
      {"GET", status(429), true},
      {"PUT", status(429), true},
      {"POST", status(429), false},
      {"POST", later(429), true},
      {"PATCH", status(503), true},
      {"POST", status(503), false},
      {"POST", later(503), true},
      {"DELETE", status(504), true},
      {"POST", later(504), false},
      {"GET", status(500), false},
      {"GET", status(409), false},
      {"GET", status(404), false},
      {"GET", failed(kNotConnected), true},
      {"PUT", failed(kNotConnected), true},
      {"PUT", failed(kTlsFailed), true},
      {"POST", failed(kNotConnected), false},
      {"GET", failed("reset"), true},
      {"PATCH", failed("reset"), false},
      {"GET", error(StatusCode::kDeadlineExceeded, "slow"), false},
      {"GET", error(StatusCode::kCancelled, "stopped"), false},
  };
  for (const auto& [method, answer, again] : cases) {
    SCOPED_TRACE(fmt::format("{} {}", method,
                             answer ? std::to_string(answer->status) : to_string(answer.error())));
    const std::size_t before = server_.seen().size();
    server_.then(answer);
    const auto result = send(method);
    EXPECT_EQ(server_.seen().size() - before, again ? 2u : 1u);
    EXPECT_EQ(result && result->status == 200, again);
    client_.reset();  // a budget of its own for each case
  }
}

TEST_F(ClusterClientTest, WaitsAsLongAsTheServerSaysAndEverLongerByItself) {
  server_.then(ScriptedServer::status(429, {{"retry-after", "7"}}));
  ASSERT_OK(send("GET"));
  EXPECT_EQ(elapsed(), 7s);
  for (int i = 0; i < 5; ++i) {
    server_.then(ScriptedServer::status(503, {{"retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"}}));
  }
  EXPECT_EQ(send("GET")->status, 200);
  EXPECT_EQ(elapsed(), 7s + 100ms + 200ms + 400ms + 800ms + 1600ms);
  for (int i = 0; i < 6; ++i) {
    server_.then(ScriptedServer::status(503));
  }
  client_.reset();
  EXPECT_EQ(send("GET")->status, 503) << "six attempts are enough";
}

TEST_F(ClusterClientTest, DoesNotWaitBeyondTheTimeoutOfTheRequest) {
  server_.otherwise = [](const HttpRequest&) {
    return ScriptedServer::status(429, {{"retry-after", "60"}});
  };
  HttpRequest hurried = request("GET");
  hurried.timeout = 10s;
  EXPECT_EQ(client().send(hurried)->status, 429);
  EXPECT_THAT(server_.seen(), SizeIs(1));
  server_.otherwise = [this](const HttpRequest&) {
    clock_.advance(4s);
    return ScriptedServer::status(503);
  };
  EXPECT_EQ(client().send(hurried)->status, 503);
  EXPECT_LE(elapsed(), 13s);
  EXPECT_LE(server_.seen().back().timeout, 2s) << "each attempt has what is left";
}

TEST_F(ClusterClientTest, StopsWaitingWhenTheRequestIsCancelled) {
  std::stop_source stop;
  server_.otherwise = [&](const HttpRequest&) {
    stop.request_stop();
    return ScriptedServer::status(503);
  };
  EXPECT_EQ(client().send(request("GET"), stop.get_token())->status, 503);
  EXPECT_THAT(server_.seen(), SizeIs(1));
}

TEST_F(ClusterClientTest, NeverSendsMuchMoreToAServerInTroubleThanItsUsualLoad) {
  server_.otherwise = [](const HttpRequest&) { return ScriptedServer::status(503); };
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(send("GET")->status, 503);
  }
  // 10 in store and one for each five requests.
  EXPECT_LE(server_.seen().size(), 1000u + 10 + 200);
  EXPECT_GE(server_.seen().size(), 1000u + 200);
  const auto unfenced = client().unfenced();
  const std::size_t before = server_.seen().size();
  EXPECT_EQ(unfenced->send(request("GET"))->status, 503);
  EXPECT_LE(server_.seen().size() - before, 2u) << "the budget is the same one";
}

TEST_F(ClusterClientTest, AsksTheFenceBeforeEachWriteAndCutsItsTimeout) {
  options_.fence = &fence_;
  fence_.time = 3s;
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    ASSERT_OK(send(method));
    EXPECT_EQ(server_.seen().back().timeout, 3s);
  }
  EXPECT_EQ(fence_.asked, 4);
  ASSERT_OK(send("GET"));
  EXPECT_EQ(server_.seen().back().timeout, 1h) << "reads are not fenced";
  EXPECT_EQ(fence_.asked, 4);
}

TEST_F(ClusterClientTest, SendsNoWriteOnceTheFenceIsClosed) {
  options_.fence = &fence_;
  fence_.time = -1s;
  const auto late = send("PUT");
  EXPECT_CODE(late, StatusCode::kFailedPrecondition);
  EXPECT_EQ(late.error().reason(), "NotLeader");
  EXPECT_THAT(server_.seen(), IsEmpty());
  EXPECT_OK(client().unfenced()->send(request("PUT")));  // the lease must be renewed
  EXPECT_THAT(server_.seen(), SizeIs(1));
}

TEST_F(ClusterClientTest, AsksTheFenceAgainBeforeARetryAndAfterARenewal) {
  options_.fence = &fence_;
  fence_.closes_after = 1;
  server_.then(ScriptedServer::status(503));
  EXPECT_CODE(send("PATCH"), StatusCode::kFailedPrecondition);
  EXPECT_THAT(server_.seen(), SizeIs(1));
  fence_.asked = 0;
  write_file(access_.token.file, "s3cr3t-2");
  server_.then(ScriptedServer::status(401));
  EXPECT_CODE(send("PATCH"), StatusCode::kFailedPrecondition);
  EXPECT_THAT(server_.seen(), SizeIs(2));
}

TEST_F(ClusterClientTest, CountsAsClientGoDoes) {
  server_.then(ScriptedServer::status(503)).then(ScriptedServer::status(200));
  ASSERT_OK(send("PATCH"));
  server_.then(ScriptedServer::failure(kNotConnected)).then(ScriptedServer::status(404));
  ASSERT_OK(send("GET"));
  ASSERT_OK(client().send(request("BREW")));
  const std::string host = "server.example:6443";
  EXPECT_THAT(
      metrics_.totals(),
      UnorderedElementsAre(Pair("rest_client_requests_total 503 PATCH " + host, 1),
                           Pair("rest_client_requests_total 200 PATCH " + host, 1),
                           Pair("rest_client_requests_total <error> GET " + host, 1),
                           Pair("rest_client_requests_total 404 GET " + host, 1),
                           Pair("rest_client_requests_total 200 OTHER " + host, 1),
                           Pair("rest_client_request_duration_seconds PATCH " + host, 2),
                           Pair("rest_client_request_duration_seconds GET " + host, 2),
                           Pair("rest_client_request_duration_seconds OTHER " + host, 1),
                           Pair("rest_client_request_retries_total 503 PATCH " + host, 1),
                           Pair("rest_client_request_retries_total <error> GET " + host, 1)));
  EXPECT_THAT(metric::kDurationBuckets,
              ElementsAreArray({0.005, 0.025, 0.1, 0.25, 0.5, 1., 2., 4., 8., 15., 30., 60.}));
  EXPECT_THAT(metric::kRequestLabels, ElementsAre("code", "method", "host"));
  EXPECT_THAT(metric::kDurationLabels, ElementsAre("verb", "host"));
  EXPECT_THAT(metric::kRetryLabels, ElementsAre("code", "verb", "host"));
}

TEST_F(ClusterClientTest, ShowsItsCredentialsNowhere) {
  server_.otherwise = [](const HttpRequest& sent) -> Result<HttpResponse> {
    return error(StatusCode::kUnavailable, sent.method + " " + sent.url + ": no", "NotConnected");
  };
  std::string shown;
  for (const auto* method : {"GET", "POST", "PUT"}) {
    shown += to_string(send(method).error());
  }
  write_file(access_.token.file, "s3cr3t-2");
  clock_.advance(10min);
  shown += to_string(send("GET").error());
  std::filesystem::remove(access_.token.file);
  clock_.advance(10min);
  shown += to_string(send("GET").error());
  for (const auto& [name, total] : metrics_.totals()) {
    shown += name;
  }
  EXPECT_THAT(shown + log_.str(), AllOf(HasSubstr("the credentials for the API server changed"),
                                        Not(HasSubstr("s3cr3t"))));
}

}  // namespace
}  // namespace ripcord::kubernetes
