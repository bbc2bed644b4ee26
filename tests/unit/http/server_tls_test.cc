// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/server_tls.h"

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_authority.h"
#include "tests/unit/http/echo_service.h"
#include "tests/unit/http/tls_peer.h"

#include <filesystem>
#include <sstream>

#include <fmt/format.h>

namespace ripcord::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

class ServerTlsTest : public testing::Test {
 protected:
  void write(const TestCertificate& certificate) {
    write_file(certificate_file_, certificate.certificate_pem);
    write_file(key_file_, certificate.private_key_pem);
  }
  Result<std::shared_ptr<ServerTls>> load() {
    return ServerTls::load(certificate_file_, key_file_, clock_, Logger(*sink_));
  }
  void serve(const ServerLimits& limits = {}) {
    write(authority_.issue("first", "DNS:localhost,IP:127.0.0.1"));
    auto tls = load();
    ASSERT_OK(tls);
    server_ = std::make_unique<HttpServer>(limits, Logger(*sink_));
    const auto port = server_->listen("127.0.0.1:0", service_, *std::move(tls));
    ASSERT_OK(port);
    port_ = *port;
  }
  Result<HttpResponse> get(const TestAuthority& trusted) const {
    TlsOptions tls;
    tls.ca_pem = trusted.ca_pem();
    HttpRequest request;
    request.url = fmt::format("https://127.0.0.1:{}/x", port_);
    request.new_connection = true;
    return make_http_client({}, tls)->send(request);
  }
  bool is_served_again() {
    return eventually([&] {
      TlsPeer peer(port_);
      peer.connect();
      peer.send(kGet);
      return peer.read_until("GET /x?").find("GET /x?") != std::string::npos;
    });
  }

  SystemClock clock_;
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kInfo, clock_);
  TempDir folder_;
  const std::string certificate_file_ = folder_ / "tls.crt";
  const std::string key_file_ = folder_ / "tls.key";
  TestAuthority authority_;
  TestAuthority other_{"other CA"};
  EchoService service_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
};

TEST_F(ServerTlsTest, ServesRequestsAndLargeBodiesBothWays) {
  serve();
  EXPECT_OK(get(authority_));
  EXPECT_FALSE(get(other_).has_value());
  TlsPeer peer(port_);
  EXPECT_EQ(peer.connect(), "TLSv1.3");
  peer.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" +
            std::string(1'000'000, 'a'));
  EXPECT_THAT(peer.read_until("aaa\n"), HasSubstr("] 1000000 aaa"));
  peer.send("GET /big?5000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(peer.read_to_end().ends_with("\r\n\r\n" + std::string(5'000'000, 'x')));
  EXPECT_TRUE(peer.properly_ended());
}

TEST_F(ServerTlsTest, TakesTls12AndNothingOlder) {
  serve();
  EXPECT_EQ(TlsPeer(port_, TLS1_2_VERSION).connect(), "TLSv1.2");
  EXPECT_EQ(TlsPeer(port_, TLS1_1_VERSION).connect(), "");
  TlsPeer peer(port_, TLS1_2_VERSION);
  peer.connect();
  EXPECT_FALSE(peer.renegotiates());
}

TEST_F(ServerTlsTest, TellsAClientThatIsStillSendingWhyItWasRefused) {
  serve();
  TlsPeer peer(port_);
  peer.connect();
  peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n");
  peer.send(std::string(2'000'000, 'a'));
  EXPECT_THAT(peer.read_to_end(), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(ServerTlsTest, StreamsToTheEndAndEndsStreamsWhenItStops) {
  serve();
  for (const std::string version : {"1.0", "1.1"}) {
    TlsPeer peer(port_);
    peer.connect();
    peer.send("GET /stream?3 HTTP/" + version + "\r\nHost: h\r\n\r\n");
    EXPECT_THAT(peer.read_to_end(), HasSubstr("tick 3\n"));
    EXPECT_TRUE(peer.properly_ended()) << "else an HTTP/1.0 client cannot tell that it has all";
  }
  TlsPeer peer(port_);
  peer.connect();
  peer.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  peer.read_until("tick 1");
  server_->stop();
  EXPECT_TRUE(peer.read_to_end().ends_with("0\r\n\r\n"));
  EXPECT_EQ(service_.streams, 0);
}

TEST_F(ServerTlsTest, DropsAReaderOfAStreamThatGoesOrStalls) {
  ServerLimits limits;
  limits.write_timeout = std::chrono::milliseconds(300);
  serve(limits);
  {
    TlsPeer leaving(port_);
    leaving.connect();
    leaving.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    leaving.read_until("tick 3");
    EXPECT_EQ(service_.streams, 1);
  }
  EXPECT_TRUE(eventually([&] { return service_.streams == 0; }));
  TlsPeer stalled(port_);
  stalled.connect();
  stalled.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  stalled.read_until("tick 1");
  EXPECT_TRUE(eventually([&] { return service_.streams == 0; }));
}

TEST_F(ServerTlsTest, GivesTheOnlyPlaceBackWhenAPeerDoesNotShakeHandsOrSpeaksNoTls) {
  ServerLimits limits;
  limits.header_timeout = limits.write_timeout = std::chrono::milliseconds(300);
  limits.connections = 1;
  serve(limits);
  // Silence, the beginning of a ClientHello, a request in the clear.
  for (const std::string& text :
       {std::string(), std::string("\x16\x03\x01\x02\x00\x01", 6), std::string(kGet)}) {
    RawPeer peer(port_);
    peer.send(text);
    EXPECT_THAT(peer.read_to_end(), Not(HasSubstr("HTTP/1.1 200")));
    EXPECT_TRUE(peer.closed());
    EXPECT_TRUE(is_served_again());
  }
  TlsPeer stalled(port_);
  stalled.connect();
  stalled.send("GET /big?50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(is_served_again());
}

TEST_F(ServerTlsTest, TellsAClientThatSpeaksNoTlsWhatToDo) {
  serve();
  RawPeer peer(port_);
  peer.send(kGet);
  EXPECT_THAT(peer.read_to_end(), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(peer.read_to_end(), HasSubstr("write https:// instead of http://"));
}

TEST_F(ServerTlsTest, ShowsTheNewCertificateWhenTheFilesChangeAndEndsNoConnection) {
  serve();
  TlsPeer open(port_);
  open.connect();
  write(other_.issue("second", "IP:127.0.0.1"));
  EXPECT_OK(get(other_));
  EXPECT_FALSE(get(authority_).has_value());
  open.send(kGet);
  EXPECT_THAT(open.read_until("GET /x?"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(ServerTlsTest, KeepsItsCertificateThroughAHalfDoneOrBrokenRotation) {
  serve();
  const TestCertificate next = other_.issue("second", "IP:127.0.0.1");
  write_file(certificate_file_, next.certificate_pem);
  EXPECT_OK(get(authority_));  // the key is still the old one
  write_file(key_file_, "-----BEGIN PRIVATE KEY-----\nnone\n");
  EXPECT_OK(get(authority_));
  std::filesystem::remove(key_file_);
  EXPECT_OK(get(authority_));
  write_file(key_file_, next.private_key_pem);
  EXPECT_OK(get(other_));
  server_->stop();
  EXPECT_THAT(log_.str(), HasSubstr("is not that of the server certificate"));
  EXPECT_THAT(log_.str(), HasSubstr("No such file"));
  EXPECT_THAT(log_.str(), Not(HasSubstr("PRIVATE")));
}

TEST_F(ServerTlsTest, NamesTheFileThatIsWrong) {
  EXPECT_THAT(load().error().message(), HasSubstr("tls.crt: No such file"));
  write(authority_.issue("a", "IP:127.0.0.1"));
  write_file(key_file_, other_.issue("b", "IP:127.0.0.1").private_key_pem);
  EXPECT_THAT(load().error().message(), HasSubstr("tls.key: the server key is not that of the"));
  write_file(certificate_file_, "nothing");
  EXPECT_THAT(load().error().message(), HasSubstr("the server certificate is no PEM certificate"));
}

}  // namespace
}  // namespace ripcord::http
