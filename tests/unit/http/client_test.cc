// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/client.h"

#include "adapters/http/server.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/http/echo_service.h"

#include <atomic>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace ripcord::http {
namespace {

using testing::HasSubstr;

// Listens and never accepts: the kernel completes the connection, nobody answers.
class SilentPeer {
 public:
  SilentPeer() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(fd_, 16) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(at.sin_port);
  }
  ~SilentPeer() { ::close(fd_); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/", port_); }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

// Begins an answer and says no more.
class PeerThatFallsSilent {
 public:
  explicit PeerThatFallsSilent(std::string beginning)
      : thread_([this, text = std::move(beginning)] {
          fd_ = ::accept(peer_.fd(), nullptr, nullptr);
          static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
        }) {}
  ~PeerThatFallsSilent() {
    thread_ = {};
    ::close(fd_);
  }
  std::string url() const { return peer_.url(); }

 private:
  SilentPeer peer_;
  std::atomic<int> fd_ = -1;
  std::jthread thread_;
};

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto port = server_.listen("127.0.0.1:0", service_);
    ASSERT_OK(port);
    base_ = fmt::format("http://127.0.0.1:{}", *port);
  }
  HttpRequest get(const std::string& path) const {
    HttpRequest request;
    request.url = base_ + path;
    return request;
  }

  EchoService service_;
  HttpServer server_;
  std::string base_;
  std::unique_ptr<HttpClient> client_ = make_http_client();
};

TEST_F(HttpClientTest, SendsMethodPathQueryHeadersAndBody) {
  HttpRequest request = get("/a%2Fb?q=1");
  request.method = "PATCH";
  request.headers = {{"X-Probe", "p"}, {"Content-Type", "application/json"}};
  request.body = "{}";
  const auto response = client_->send(request);
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "PATCH /a%2Fb?q=1 [p] 2 {}\n");
  EXPECT_EQ(response->headers.at("content-type"), "text/plain");
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  const auto response = client_->send(get("/moved"));
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->headers.at("location"), "/elsewhere");
}

TEST_F(HttpClientTest, ReadsChunkedAndLargeAnswers) {
  const auto chunked = client_->send(get("/stream?3"));
  ASSERT_OK(chunked);
  EXPECT_EQ(chunked->body, "tick 1\ntick 2\ntick 3\n");
  const auto large = client_->send(get("/big?5000000"));
  ASSERT_OK(large);
  EXPECT_EQ(large->body.size(), 5'000'000u);
}

TEST_F(HttpClientTest, GivesUpOnAnAnswerAboveItsLimit) {
  const auto small = make_http_client({.response_bytes = 1000});
  EXPECT_CODE(small->send(get("/big?5000000")), StatusCode::kResourceExhausted);
  EXPECT_CODE(small->send(get("/flood")), StatusCode::kResourceExhausted);
}

TEST_F(HttpClientTest, BoundsTheWholeExchangeEvenWhileBytesKeepComing) {
  HttpRequest request = get("/stream");
  request.timeout = std::chrono::milliseconds(300);
  EXPECT_CODE(client_->send(request), StatusCode::kDeadlineExceeded);
  const SilentPeer silent;
  request.url = silent.url();
  EXPECT_CODE(client_->send(request), StatusCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, TellsAStreamThatFellSilentFromOneThatNeverBegan) {
  const auto streams = make_http_stream_client();
  HttpRequest request;
  request.timeout = std::chrono::milliseconds(300);
  HttpResponse refused;
  std::string got;
  const auto ended = [&](const std::string& url) {
    request.url = url;
    return streams->stream(request, [&](std::string_view piece) { got += piece; }, refused, {});
  };
  const PeerThatFallsSilent falls(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const Status silent = ended(falls.url());
  EXPECT_CODE(silent, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(silent.reason(), kSilent);
  EXPECT_EQ(got, "hello");
  const SilentPeer mute;
  const Status never = ended(mute.url());
  EXPECT_CODE(never, StatusCode::kDeadlineExceeded);
  EXPECT_NE(never.reason(), kSilent);
}

TEST_F(HttpClientTest, StopsWaitingWhenAsked) {
  const SilentPeer silent;
  HttpRequest request;
  request.url = silent.url();
  std::stop_source source;
  const std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  EXPECT_CODE(client_->send(request, source.get_token()), StatusCode::kCancelled);
  EXPECT_CODE(client_->send(get("/slow"), source.get_token()), StatusCode::kCancelled);
}

TEST_F(HttpClientTest, SaysWhenNobodyListens) {
  HttpRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/", free_port());
  const auto response = client_->send(request);
  EXPECT_CODE(response, StatusCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr(request.url));
}

TEST_F(HttpClientTest, RefusesRequestsThatAreNone) {
  for (const char* url : {"", "/relative", "ftp://127.0.0.1/", "http://", "nonsense"}) {
    HttpRequest request;
    request.url = url;
    SCOPED_TRACE(url);
    EXPECT_CODE(client_->send(request), StatusCode::kInvalidArgument);
  }
  HttpRequest request = get("/");
  request.headers = {{"X-Probe", "a\r\nX-Injected: b"}};
  EXPECT_CODE(client_->send(request), StatusCode::kInvalidArgument);
  request.headers = {{"X-Probe: a\r\nX-Injected", "b"}};
  EXPECT_CODE(client_->send(request), StatusCode::kInvalidArgument);
  request.headers = {};
  request.method = "GET / HTTP/1.1\r\nX";
  EXPECT_CODE(client_->send(request), StatusCode::kInvalidArgument);
}

TEST_F(HttpClientTest, UsesANewConnectionWhenAsked) {
  // With room for one connection, the kept one fills the server: only its owner is served.
  EchoService service;
  ServerLimits limits;
  limits.connections = 1;
  HttpServer small(limits);
  const auto port = small.listen("127.0.0.1:0", service);
  ASSERT_OK(port);
  HttpRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/kept", *port);
  ASSERT_OK(client_->send(request));
  // The library puts a connection back a moment after the answer; until then a request makes a new
  // one.
  EXPECT_TRUE(eventually([&] {
    const auto kept = client_->send(request);
    return kept && kept->status == 200;
  }));
  request.new_connection = true;
  const auto fresh = client_->send(request);
  EXPECT_TRUE(!fresh || fresh->status == 503) << fresh->status;
}

TEST_F(HttpClientTest, IsUsedByManyThreadsAtOnce) {
  std::atomic<int> good{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) {
        const auto response = client_->send(get("/many"));
        good += response && response->status == 200 ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 200);
}

}  // namespace
}  // namespace ripcord::http
