// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_authority.h"
#include "tests/unit/http/echo_service.h"

#include <fmt/format.h>

namespace ripcord::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TlsTest : public testing::Test {
 protected:
  void serve(const TestCertificate& certificate, std::vector<std::string> options = {}) {
    write_file(folder_ / "server.crt", certificate.certificate_pem);
    write_file(folder_ / "server.key", certificate.private_key_pem);
    write_file(folder_ / "client-ca.crt", authority_.ca_pem());
    server_ = std::make_unique<TlsServer>(folder_.path().string(), std::move(options));
  }
  void serve_here(std::vector<std::string> options = {}) {
    serve(authority_.issue("server", "DNS:localhost,IP:127.0.0.1"), std::move(options));
  }
  std::string url(const std::string& host) const {
    return fmt::format("https://{}:{}/", host, server_->port());
  }
  Result<HttpResponse> get(const TlsOptions& tls, const std::string& host = "localhost") const {
    HttpRequest request;
    request.url = url(host);
    return make_http_client({}, tls)->send(request);
  }
  TlsOptions trusting() const {
    TlsOptions tls;
    tls.ca_pem = authority_.ca_pem();
    return tls;
  }
  // Nothing was sent, and the message says `why`.
  void expect_refused(const Result<HttpResponse>& response, const std::string& why) const {
    ASSERT_FALSE(response.has_value()) << response->body;
    EXPECT_CODE(response, StatusCode::kUnavailable);
    EXPECT_EQ(response.error().reason(), kTlsFailed);
    EXPECT_THAT(response.error().message(), HasSubstr(why));
    EXPECT_THAT(response.error().message(), Not(HasSubstr("PRIVATE")));
  }

  TempDir folder_;
  TestAuthority authority_;
  std::unique_ptr<TlsServer> server_;
};

TEST_F(TlsTest, TakesACertificateOfTheGivenCaByNameAndByAddress) {
  serve_here();
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    const auto response = get(trusting(), host);
    ASSERT_OK(response);
    EXPECT_THAT(response->body, HasSubstr("TLSv1.3"));
  }
}

TEST_F(TlsTest, AsksForTheNameOfTheUrlButNeverForAnAddress) {
  serve_here();
  const auto by_name = get(trusting());
  ASSERT_OK(by_name);
  EXPECT_THAT(by_name->body, HasSubstr(R"("name": "localhost")"));
  const auto by_address = get(trusting(), "127.0.0.1");
  ASSERT_OK(by_address);
  EXPECT_THAT(by_address->body, HasSubstr(R"("name": null)"));
}

TEST_F(TlsTest, StreamsOverTls) {
  serve_here();
  HttpRequest request;
  request.url = url("localhost") + "stream";
  std::string body;
  HttpResponse refused;
  ASSERT_OK(make_http_stream_client(trusting())
                ->stream(request, [&](std::string_view piece) { body += piece; }, refused, {}));
  EXPECT_EQ(body, "line 0\nline 1\nline 2\n");
  const Status untrusted =
      make_http_stream_client()->stream(request, [&](std::string_view) {}, refused, {});
  EXPECT_EQ(untrusted.reason(), kTlsFailed);
  EXPECT_THAT(untrusted.message(), HasSubstr("not trusted"));
}

TEST_F(TlsTest, RefusesAnotherCaAndTheSystemsCas) {
  serve_here();
  const TestAuthority other("other CA");
  TlsOptions tls;
  tls.ca_pem = other.ca_pem();
  expect_refused(get(tls), "not trusted");
  expect_refused(get({}), "not trusted");
}

TEST_F(TlsTest, RefusesACertificateForAnotherNameAndNamesBoth) {
  serve(authority_.issue("localhost", "DNS:elsewhere.example,IP:10.0.0.1"));
  // A name in the subject alone does not count.
  expect_refused(get(trusting()), "not for 'localhost' but for elsewhere.example, 10.0.0.1");
  expect_refused(get(trusting(), "127.0.0.1"), "not for '127.0.0.1' but for elsewhere.example");
}

TEST_F(TlsTest, ChecksTheServerNameInPlaceOfTheUrlsHost) {
  serve(authority_.issue("server", "DNS:kubernetes.default"));
  TlsOptions tls = trusting();
  tls.server_name = "kubernetes.default";
  const auto response = get(tls, "127.0.0.1");
  ASSERT_OK(response);
  EXPECT_THAT(response->body, HasSubstr(R"("name": "kubernetes.default")"));
  tls.server_name = "kubernetes.other";
  expect_refused(get(tls, "127.0.0.1"), "not for 'kubernetes.other'");
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
  serve(authority_.issue("server", "DNS:localhost", std::chrono::seconds(-60)));
  expect_refused(get(trusting()), "expired");
}

TEST_F(TlsTest, TakesAnythingWhenToldSo) {
  serve(authority_.issue("server", "DNS:elsewhere.example", std::chrono::seconds(-60)));
  TlsOptions tls;
  tls.insecure_skip_verify = true;
  EXPECT_OK(get(tls));
}

TEST_F(TlsTest, ShowsItsClientCertificate) {
  serve_here({"--client-ca"});
  TlsOptions tls = trusting();
  const TestCertificate client = authority_.issue("ripcord");
  tls.certificate_pem = client.certificate_pem;
  tls.private_key_pem = client.private_key_pem;
  const auto response = get(tls);
  ASSERT_OK(response);
  EXPECT_THAT(response->body, HasSubstr(R"("client": "ripcord")"));
}

TEST_F(TlsTest, SaysThatTheServerWantsAClientCertificate) {
  serve_here({"--client-ca"});
  // With TLS 1.3 the server's word may come after the request could not be written any more.
  const Result<HttpResponse> without = get(trusting());
  if (without || without.error().message().find("Failed to write") == std::string::npos) {
    expect_refused(without, "certificate required; check the client certificate");
  }
  TlsOptions tls = trusting();
  const TestCertificate stranger = TestAuthority("other CA").issue("stranger");
  tls.certificate_pem = stranger.certificate_pem;
  tls.private_key_pem = stranger.private_key_pem;
  const Result<HttpResponse> with = get(tls);
  expect_refused(with, "the client certificate");
}

TEST_F(TlsTest, RefusesTlsBelow12AndTakes12) {
  serve_here({"--max-tls", "TLSv1_1"});
  expect_refused(get(trusting()), "no TLS 1.2");
  serve_here({"--max-tls", "TLSv1_2"});
  const auto response = get(trusting());
  ASSERT_OK(response);
  EXPECT_THAT(response->body, HasSubstr("TLSv1.2"));
}

TEST_F(TlsTest, TellsAPortWithoutTlsFromAPortWithoutAnybody) {
  EchoService service;
  HttpServer plain;
  const auto port = plain.listen("127.0.0.1:0", service);
  ASSERT_OK(port);
  HttpRequest request;
  request.url = fmt::format("https://127.0.0.1:{}/", *port);
  expect_refused(make_http_client({}, trusting())->send(request), "does an https server listen");
  request.url = fmt::format("https://127.0.0.1:{}/", free_port());
  const auto nobody = make_http_client({}, trusting())->send(request);
  EXPECT_CODE(nobody, StatusCode::kUnavailable);
  EXPECT_EQ(nobody.error().reason(), kNotConnected);
}

TEST_F(TlsTest, NamesWhatIsWrongWithTheOptionsWithoutShowingThem) {
  const TestCertificate one = authority_.issue("one");
  const TestCertificate two = authority_.issue("two");
  const struct {
    TlsOptions tls;
    const char* why;
  } cases[] = {
      {{.ca_pem = "secret"}, "the CA is no PEM"},
      {{.ca_pem = authority_.ca_pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n"}, "the CA is no PEM"},
      {{.certificate_pem = one.certificate_pem}, "needs its private key"},
      {{.private_key_pem = one.private_key_pem}, "needs its private key"},
      {{.certificate_pem = "secret", .private_key_pem = one.private_key_pem},
       "the client certificate is no PEM"},
      {{.certificate_pem = one.certificate_pem, .private_key_pem = "secret"},
       "the client key is no PEM"},
      {{.certificate_pem = one.certificate_pem, .private_key_pem = two.private_key_pem},
       "not that of the client certificate"},
  };
  for (const auto& [tls, why] : cases) {
    const auto made = make_http_clients(tls);
    EXPECT_CODE(made, StatusCode::kInvalidArgument);
    EXPECT_THAT(made.error().message(), AllOf(HasSubstr(why), Not(HasSubstr("secret"))));
    HttpRequest request;
    request.url = "https://127.0.0.1:1/";
    EXPECT_CODE(make_http_client({}, tls)->send(request), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ripcord::http
