// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/server.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/http/echo_service.h"
#include "tests/unit/http/raw_peer.h"

#include <sstream>
#include <thread>
#include <vector>

namespace ripcord::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  void serve(const ServerLimits& limits = {}) {
    server_ = std::make_unique<HttpServer>(limits, Logger(*sink_));
    const auto port = server_->listen("127.0.0.1:0", service_);
    ASSERT_OK(port);
    port_ = *port;
  }
  std::string ask(const std::string& text) {
    RawPeer peer(port_);
    peer.send(text);
    return peer.read_to_end();
  }

  SystemClock clock_;
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kDebug, clock_);
  EchoService service_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

TEST_F(HttpServerTest, TakesARequestApart) {
  serve();
  const std::string answer =
      ask("POST /a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nX-Probe: one\r\nx-probe: two\r\n"
          "Content-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("POST /a%2Fb?x=1 [one, two] 5 hello\n"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrderOnOneConnection) {
  serve();
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  RawPeer peer(port_);
  peer.send(requests);
  const std::string answer = peer.read_until("GET /49?");
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200 OK"), 50u);
  EXPECT_LT(answer.find("GET /7?"), answer.find("GET /8?"));
  EXPECT_FALSE(peer.closed());
}

TEST_F(HttpServerTest, ReadsChunkedBodiesByteByByte) {
  serve();
  RawPeer peer(port_);
  for (const char c : std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    ASSERT_TRUE(peer.send(std::string(1, c)));
  }
  EXPECT_THAT(peer.read_until("abcde"), HasSubstr("POST /? [] 5 abcde"));
}

TEST_F(HttpServerTest, AnswersHeadWithTheLengthAndNoBody) {
  serve();
  const std::string answer = ask("HEAD /big?1234 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 1234\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, GivesAnHttp10ClientItsAnswerAndCloses) {
  serve();
  EXPECT_THAT(ask("GET /old HTTP/1.0\r\n\r\n"), HasSubstr("GET /old?"));
}

TEST_F(HttpServerTest, AsksForTheBodyOfAClientThatWaitsForContinue) {
  serve();
  RawPeer peer(port_);
  peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(peer.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  peer.send("ok");
  EXPECT_THAT(peer.read_until("2 ok"), HasSubstr("2 ok"));
}

TEST_F(HttpServerTest, RefusesWhatIsTooLargeOrNoRequest) {
  serve();
  const std::string host = " HTTP/1.1\r\nHost: h\r\n";
  const struct {
    std::string request;
    const char* answer;
  } cases[] = {
      {"GET /" + host + "X: " + std::string(20'000, 'a') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"GET /" + std::string(20'000, 'a') + host + "\r\n", "HTTP/1.1 431 "},
      {"POST /" + host + "Content-Length: 1048577\r\n\r\n", "HTTP/1.1 413 "},
      {"POST /" + host + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" +
           std::string(0x100001, 'a') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
      {"POST /" + host + "Transfer-Encoding: chunked\r\n\r\n80000\r\n" + std::string(0x80000, 'a') +
           "\r\n80001\r\n" + std::string(0x80001, 'a') + "\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
      {"POST /" + host + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
      {"POST /" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 "},
      {"POST /" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
      {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 "},
      {"\x16\x03\x01\x02 a TLS hello\r\n\r\n", "HTTP/1.1 400 "},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ask(c.request), StartsWith(c.answer)) << c.request.substr(0, 100);
  }
  EXPECT_THAT(ask("GET /still HTTP/1.0\r\n\r\n"), HasSubstr("GET /still?"));
}

TEST_F(HttpServerTest, TellsAClientThatIsStillSendingWhyItWasRefused) {
  serve();
  RawPeer peer(port_);
  peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n");
  peer.send(std::string(20'000'000, 'a'));
  EXPECT_THAT(peer.read_to_end(), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(HttpServerTest, ClosesAHalfSentHeadAHalfSentBodyAndAnIdleConnection) {
  ServerLimits limits;
  limits.header_timeout = limits.body_timeout = limits.idle_timeout =
      std::chrono::milliseconds(300);
  serve(limits);
  for (const char* text :
       {"", "GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"}) {
    RawPeer peer(port_);
    peer.send(text);
    EXPECT_EQ(peer.read_to_end(), "") << text;
    EXPECT_TRUE(peer.closed()) << text;
  }
}

TEST_F(HttpServerTest, DropsAClientThatDoesNotReadItsAnswer) {
  ServerLimits limits;
  limits.write_timeout = std::chrono::milliseconds(300);
  limits.connections = 1;
  serve(limits);
  RawPeer stalled(port_);
  stalled.send("GET /big?50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  // The only place is free again once the stalled peer was dropped.
  EXPECT_TRUE(eventually(
      [&] { return ask("GET /x HTTP/1.0\r\n\r\n").find("GET /x?") != std::string::npos; }));
}

TEST_F(HttpServerTest, TurnsAwayConnectionsAboveTheLimit) {
  ServerLimits limits;
  limits.connections = 2;
  serve(limits);
  RawPeer a(port_);
  RawPeer b(port_);
  a.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  b.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  a.read_until("GET /a?");
  b.read_until("GET /b?");
  RawPeer c(port_);
  EXPECT_THAT(c.read_to_end(), StartsWith("HTTP/1.1 503 "));
  a.send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(a.read_until("GET /again?"), HasSubstr("GET /again?"));
}

TEST_F(HttpServerTest, KeepsAServicesFaultsToOneResponse) {
  serve();
  RawPeer peer(port_);
  peer.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(peer.read_until("500}\n"), StartsWith("HTTP/1.1 500 "));
  peer.send("GET /bad-header HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = peer.read_to_end();
  EXPECT_EQ(count_of(answer, "HTTP/1.1 500 "), 2u);
  EXPECT_THAT(answer, Not(HasSubstr("X-Injected")));
}

TEST_F(HttpServerTest, LogsAnExceptionOfAServiceWithoutWhatMayBeSecretAndAnswersWithAStatus) {
  serve();
  const std::string answer =
      ask("POST /throw?token=hidden1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hidden2\r\n"
          "Content-Length: 7\r\nConnection: close\r\n\r\nhidden3");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr(R"("kind":"Status")"));
  EXPECT_THAT(answer, HasSubstr(R"("code":500})"));
  server_->stop();
  EXPECT_THAT(log_.str(), HasSubstr("method=POST"));
  EXPECT_THAT(log_.str(), HasSubstr("path=/throw"));
  EXPECT_THAT(log_.str(), HasSubstr("on purpose"));
  EXPECT_THAT(log_.str(), Not(HasSubstr("hidden")));
}

TEST_F(HttpServerTest, LogsAnExceptionOfAStreamAndBreaksItOff) {
  serve();
  const std::string answer = ask("GET /broken-stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n"))) << "no proper end";
  server_->stop();
  EXPECT_THAT(log_.str(), HasSubstr("path=/broken-stream"));
  EXPECT_THAT(log_.str(), HasSubstr("the source is gone"));
}

TEST_F(HttpServerTest, StreamsInChunksToTheEnd) {
  serve();
  const std::string answer = ask("GET /stream?3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer,
              HasSubstr("\r\n\r\n7\r\ntick 1\n\r\n7\r\ntick 2\n\r\n7\r\ntick 3\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(eventually([&] { return service_.streams == 0; }));
}

TEST_F(HttpServerTest, EndsAStreamWhenItsReaderGoesOrStalls) {
  ServerLimits limits;
  limits.write_timeout = std::chrono::milliseconds(300);
  serve(limits);
  {
    RawPeer leaving(port_);
    leaving.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    leaving.read_until("tick 3");
    EXPECT_EQ(service_.streams, 1);
  }
  EXPECT_TRUE(eventually([&] { return service_.streams == 0; }));
  RawPeer stalled(port_);
  stalled.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  stalled.read_until("tick 1");
  EXPECT_TRUE(eventually([&] { return service_.streams == 0; }));
}

TEST_F(HttpServerTest, BoundsTheNumberOfStreams) {
  ServerLimits limits;
  limits.streams = 1;
  serve(limits);
  RawPeer first(port_);
  first.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  first.read_until("tick 1");
  EXPECT_THAT(ask("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, StopEndsStreamsProperlyAndLetsAnswersInHandOut) {
  serve();
  RawPeer stream(port_);
  stream.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  stream.read_until("tick 1");
  RawPeer slow(port_);
  slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  RawPeer idle(port_);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  server_->stop();
  EXPECT_EQ(service_.streams, 0);
  EXPECT_TRUE(stream.read_to_end().ends_with("0\r\n\r\n"));
  EXPECT_THAT(slow.read_to_end(), HasSubstr("GET /slow?"));
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_THROW(RawPeer refused(port_), std::runtime_error);
}

TEST_F(HttpServerTest, ServesManyClientsAtOnce) {
  serve();
  std::atomic<int> good{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      RawPeer peer(port_);
      for (int n = 0; n < 100; ++n) {
        peer.send("GET /n" + std::to_string(n) + " HTTP/1.1\r\nHost: h\r\n\r\n");
        const std::string mark = "GET /n" + std::to_string(n) + "?";
        good += peer.read_until(mark).find(mark) != std::string::npos ? 1 : 0;
      }
    });
  }
  clients.clear();
  EXPECT_EQ(good, 1600);
}

TEST_F(HttpServerTest, ServesSeveralAddresses) {
  serve();
  EchoService other;
  const auto second = server_->listen("localhost:0", other);
  const auto everywhere = server_->listen(":0", other);
  ASSERT_OK(second);
  ASSERT_OK(everywhere);
  EXPECT_NE(*second, port_);
  RawPeer peer(*everywhere);
  peer.send("GET /any HTTP/1.0\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), HasSubstr("GET /any?"));
  server_->stop();  // before `other` goes
}

TEST_F(HttpServerTest, SaysWhichAddressIsTakenAndWhatToDo) {
  serve();
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  HttpServer second;
  const auto taken = second.listen(address, service_);
  EXPECT_CODE(taken, StatusCode::kFailedPrecondition);
  EXPECT_EQ(taken.error().reason(), "AddressInUse");
  EXPECT_THAT(taken.error().message(), HasSubstr(address));
  EXPECT_THAT(taken.error().message(), HasSubstr("bind-address"));
  EXPECT_CODE(second.listen("192.0.2.1:0", service_), StatusCode::kFailedPrecondition);
  EXPECT_CODE(second.listen("nonsense", service_), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ripcord::http
