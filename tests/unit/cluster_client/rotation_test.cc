// SPDX-License-Identifier: Apache-2.0
// The client over real connections while what it is known by changes under it.
#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/kubernetes/cluster_client.h"
#include "controller/ports/http_service.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_authority.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// As the kubelet does it: whole, by renaming.
void replace_file(const std::string& path, const std::string& content) {
  write_file(path + ".new", content);
  std::filesystem::rename(path + ".new", path);
}

// Takes the last two tokens, as an API server does while the old one has not expired yet.
class TokenService final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest& request) override {
    const MutexLock lock(mutex_);
    ServedResponse response;
    const auto given = request.headers.find("authorization");
    const bool known = given != request.headers.end() && tokens_.contains(given->second);
    response.status = known ? 200 : 401;
    return response;
  }
  void only(const std::string& a, const std::string& b) {
    const MutexLock lock(mutex_);
    tokens_ = {"Bearer " + a, "Bearer " + b};
  }

 private:
  Mutex mutex_;
  std::set<std::string> tokens_ GUARDED_BY(mutex_);
};

struct Traffic {
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::array<std::atomic<int>, 3> ended{};  // of each thread
  Mutex mutex;
  std::string first_bad GUARDED_BY(mutex);
};

std::vector<std::jthread> send_all_the_time(ClusterClient& client, Traffic& traffic,
                                            bool new_connections = false) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < traffic.ended.size(); ++i) {
    threads.emplace_back([&client, &traffic, new_connections, i](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        HttpRequest request;
        request.url = "/x";
        request.method = i == 0 ? "POST" : "GET";
        request.new_connection = new_connections;
        const auto response = client.send(request);
        if (response && response->status == 200) {
          ++traffic.good;
        } else {
          ++traffic.bad;
          const MutexLock lock(traffic.mutex);
          traffic.first_bad =
              response ? std::to_string(response->status) : to_string(response.error());
        }
        ++traffic.ended.at(i);
        std::this_thread::sleep_for(2ms);
      }
    });
  }
  return threads;
}

TEST(Rotation, OfTheTokenEvery200MillisecondsFailsNoRequest) {
  TempDir folder;
  TokenService service;
  http::HttpServer server;
  const auto port = server.listen("127.0.0.1:0", service);
  ASSERT_OK(port);
  SystemClock clock;
  ClusterAccess access;
  access.origin = "the test";
  access.server = fmt::format("http://127.0.0.1:{}", *port);
  access.token.file = folder / "token";
  replace_file(access.token.file, "token-0");
  service.only("token-0", "token-0");
  ClusterClient client(std::make_shared<Credentials>(access, clock, nullptr),
                       http::make_http_clients, clock);
  Traffic traffic;
  {
    const auto threads = send_all_the_time(client, traffic);
    for (int i = 1; i <= 25; ++i) {
      std::this_thread::sleep_for(200ms);
      // First the server knows the new one, then we do, then the server forgets the old one.
      service.only(fmt::format("token-{}", i - 1), fmt::format("token-{}", i));
      replace_file(access.token.file, fmt::format("token-{}", i));
      service.only(fmt::format("token-{}", i), fmt::format("token-{}", i));
    }
  }
  const MutexLock lock(traffic.mutex);
  EXPECT_EQ(traffic.bad, 0) << traffic.first_bad;
  EXPECT_GT(traffic.good, 100);
}

TEST(Rotation, OfTheServersCaAndOfOurCertificateNeedsNoRestart) {
  TempDir folder;
  TestAuthority old_ca("old CA");
  TestAuthority new_ca("new CA");
  const auto install = [&](const TestAuthority& ca, const std::string& name) {
    const TestCertificate server = ca.issue("server", "DNS:localhost");
    write_file(folder / "server.key", server.private_key_pem);
    write_file(folder / "server.crt", server.certificate_pem);
    write_file(folder / "client-ca.crt", ca.ca_pem());
    const TestCertificate mine = ca.issue(name);
    replace_file(folder / "ca.crt", ca.ca_pem());
    replace_file(folder / "me.crt", mine.certificate_pem);
    replace_file(folder / "me.key", mine.private_key_pem);
  };
  install(old_ca, "first");
  const TlsServer server(folder.path().string(), {"--client-ca"});
  SystemClock clock;
  ClusterAccess access;
  access.origin = "the test";
  access.server = fmt::format("https://localhost:{}", server.port());
  access.ca.file = folder / "ca.crt";
  access.certificate.file = folder / "me.crt";
  access.key.file = folder / "me.key";
  ClusterClient client(std::make_shared<Credentials>(access, clock, nullptr),
                       http::make_http_clients, clock);
  HttpRequest request;
  request.url = "/";
  const auto before = client.send(request);
  ASSERT_OK(before);
  EXPECT_THAT(before->body, HasSubstr("first"));

  install(new_ca, "second");
  request.new_connection = true;  // the old one stays good
  const auto after = client.send(request);
  ASSERT_OK(after);
  EXPECT_THAT(after->body, HasSubstr("second"));

  install(old_ca, "third");
  HttpRequest watch;
  watch.url = "/stream";
  std::string got;
  HttpResponse refused;
  ASSERT_OK(client.stream(watch, [&](std::string_view piece) { got += piece; }, refused, {}));
  EXPECT_EQ(got, "line 0\nline 1\nline 2\n");
}

TEST(Rotation, OfBothCasAndOurCertificateAllTheTimeFailsNoRequest) {
  TempDir folder;
  std::unique_ptr<TestAuthority> now = std::make_unique<TestAuthority>("CA 0");
  const auto serve_with = [&](const TestAuthority& ca) {
    const TestCertificate server = ca.issue("server", "DNS:localhost");
    replace_file(folder / "server.key", server.private_key_pem);
    replace_file(folder / "server.crt", server.certificate_pem);
  };
  // One file, as the kubelet keeps it.
  const auto be_known_by = [&](const TestAuthority& ca, const std::string& name) {
    const TestCertificate mine = ca.issue(name);
    replace_file(folder / "me.pem", mine.certificate_pem + mine.private_key_pem);
  };
  serve_with(*now);
  be_known_by(*now, "me-0");
  replace_file(folder / "ca.crt", now->ca_pem());
  replace_file(folder / "client-ca.crt", now->ca_pem());
  const TlsServer server(folder.path().string(), {"--client-ca"});
  SystemClock clock;
  ClusterAccess access;
  access.origin = "the test";
  access.server = fmt::format("https://localhost:{}", server.port());
  access.ca.file = folder / "ca.crt";
  access.certificate.file = folder / "me.pem";
  access.key.file = folder / "me.pem";
  ClusterClient client(std::make_shared<Credentials>(access, clock, nullptr),
                       http::make_http_clients, clock);
  Traffic traffic;
  // Every thread has since begun and ended a request.
  const auto requests_pass = [&] {
    std::array<int, 3> before{};
    std::copy(traffic.ended.begin(), traffic.ended.end(), before.begin());
    EXPECT_TRUE(eventually([&] {
      return std::equal(before.begin(), before.end(), traffic.ended.begin(),
                        [](int then, int since) { return since >= then + 2; });
    }));
  };
  {
    const auto threads = send_all_the_time(client, traffic, true);
    for (int i = 1; i <= 3; ++i) {
      auto next = std::make_unique<TestAuthority>(fmt::format("CA {}", i));
      requests_pass();
      // Each side trusts both, is known by the new one, and then the old one is forgotten.
      replace_file(folder / "client-ca.crt", now->ca_pem() + next->ca_pem());
      replace_file(folder / "ca.crt", now->ca_pem() + next->ca_pem());
      requests_pass();
      serve_with(*next);
      requests_pass();
      be_known_by(*next, fmt::format("me-{}", i));
      requests_pass();
      replace_file(folder / "client-ca.crt", next->ca_pem());
      replace_file(folder / "ca.crt", next->ca_pem());
      now = std::move(next);
    }
    requests_pass();
  }
  const MutexLock lock(traffic.mutex);
  EXPECT_EQ(traffic.bad, 0) << traffic.first_bad;
  HttpRequest request;
  request.url = "/";
  request.new_connection = true;
  const auto last = client.send(request);
  ASSERT_OK(last);
  EXPECT_THAT(last->body, HasSubstr("me-3"));
}

TEST(Rotation, WithoutANewCertificateSaysWhatIsWrong) {
  TempDir folder;
  const TestAuthority ca;
  const TestAuthority other;
  const TestCertificate server_certificate = ca.issue("server", "DNS:localhost");
  write_file(folder / "server.key", server_certificate.private_key_pem);
  write_file(folder / "server.crt", server_certificate.certificate_pem);
  const TlsServer server(folder.path().string());
  SystemClock clock;
  ClusterAccess access;
  access.origin = "the test";
  access.server = fmt::format("https://localhost:{}", server.port());
  access.ca.text = other.ca_pem();
  ClusterClientOptions options;
  options.retries.attempts = 1;
  ClusterClient client(std::make_shared<Credentials>(access, clock, nullptr),
                       http::make_http_clients, clock, options);
  HttpRequest request;
  request.url = "/";
  const auto refused = client.send(request);
  EXPECT_CODE(refused, StatusCode::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr("certificate is not trusted"));
}

}  // namespace
}  // namespace ripcord::kubernetes
