// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/credentials.h"

#include "adapters/process/child_runner.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <filesystem>
#include <sstream>
#include <thread>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class CredentialsTest : public testing::Test {
 protected:
  ClusterAccess access() const {
    ClusterAccess made;
    made.origin = "the test";
    made.server = "https://server.example";
    return made;
  }
  // A plugin that logs its runs and prints what `script` prints.
  ClusterAccess with_plugin(const std::string& script) {
    write_file(folder_ / "plugin",
               fmt::format("#!/bin/sh\necho \"$@ [$KUBERNETES_EXEC_INFO] [$EXTRA]\" >> {}\n{}\n",
                           folder_ / "runs", script));
    std::filesystem::permissions(folder_ / "plugin", std::filesystem::perms::owner_all);
    ClusterAccess made = access();
    made.exec = codec::KubeExec{"client.authentication.k8s.io/v1",
                                folder_ / "plugin",
                                {"a b", "$(c)"},
                                {{"EXTRA", "e"}},
                                "",
                                false};
    return made;
  }
  static std::string prints(const std::string& status) {
    return fmt::format(R"(echo '{{"apiVersion":"client.authentication.k8s.io/v1",)"
                       R"("kind":"ExecCredential","status":{{{}}}}}')",
                       status);
  }
  std::size_t runs() const {
    if (!std::filesystem::exists(folder_ / "runs")) {
      return 0;
    }
    const std::string text = read_file(folder_ / "runs");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  Credentials make(ClusterAccess access, CredentialTimes times = {}) {
    return {std::move(access), clock_, &runner_, Logger(*sink_), times};
  }
  std::string log() const { return log_.str(); }

  TempDir folder_;
  SimulatedClock clock_;
  ChildRunner runner_;
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kDebug, clock_);
};

TEST_F(CredentialsTest, ReadsATokenFileAgainWithinAMinute) {
  ClusterAccess from_file = access();
  from_file.token.file = folder_ / "token";
  write_file(from_file.token.file, "one\n");
  Credentials credentials = make(from_file);
  EXPECT_EQ((*credentials.current())->token, "one");
  write_file(from_file.token.file, "two\n");
  EXPECT_EQ((*credentials.current())->token, "one") << "not on each request";
  clock_.advance(60s);
  EXPECT_EQ((*credentials.current())->token, "two");
  EXPECT_EQ((*credentials.current())->version, 2u);
}

TEST_F(CredentialsTest, ReadsATokenFileAtOnceWhenTheTokenWasRefused) {
  ClusterAccess from_file = access();
  from_file.token.file = folder_ / "token";
  write_file(from_file.token.file, "one");
  Credentials credentials = make(from_file);
  const CredentialSetPtr used = *credentials.current();
  EXPECT_EQ(credentials.renew(*used).value(), false) << "the same token again helps nobody";
  write_file(from_file.token.file, "two");
  EXPECT_EQ(credentials.renew(*used).value(), true);
  EXPECT_EQ((*credentials.current())->token, "two");
  std::filesystem::remove(from_file.token.file);
  EXPECT_EQ(credentials.renew(*used).value(), true) << "others had it renewed";
}

TEST_F(CredentialsTest, KeepsTheLastContentWhenAFileIsGoneEmptyOrBroken) {
  ClusterAccess files = access();
  files.token.file = folder_ / "token";
  files.ca.file = folder_ / "ca";
  write_file(files.token.file, "s3cr3t");
  write_file(files.ca.file, "CA");
  Credentials credentials = make(files);
  const CredentialSetPtr first = *credentials.current();
  for (const std::string content : {"", " \n", "two words"}) {
    write_file(files.token.file, content);
    write_file(files.ca.file, " ");
    clock_.advance(6min);
    ASSERT_OK(credentials.current());
    EXPECT_EQ((*credentials.current())->token, "s3cr3t");
    EXPECT_EQ((*credentials.current())->tls.ca_pem, "CA");
  }
  std::filesystem::remove(files.token.file);
  EXPECT_EQ(credentials.renew(*first).value(), false);
  EXPECT_THAT(log(), AllOf(HasSubstr("stays in force"), HasSubstr(files.token.file),
                           Not(HasSubstr("s3cr3t")), Not(HasSubstr("two words"))));
}

TEST_F(CredentialsTest, FailsWithoutEverHavingHadOne) {
  ClusterAccess from_file = access();
  from_file.token.file = folder_ / "token";
  Credentials credentials = make(from_file);
  const auto absent = credentials.current();
  EXPECT_CODE(absent, StatusCode::kFailedPrecondition);
  EXPECT_THAT(absent.error().message(),
              AllOf(HasSubstr("the token of the test"), HasSubstr(from_file.token.file)));
  write_file(from_file.token.file, "late");
  EXPECT_EQ((*credentials.current())->token, "late") << "heals by itself";
}

TEST_F(CredentialsTest, ReadsCertificatesAgainWithinFiveMinutes) {
  ClusterAccess files = access();
  files.ca.file = folder_ / "ca";
  files.certificate.file = folder_ / "crt";
  files.key.file = folder_ / "key";
  files.server_name = "name";
  for (const auto& path : {files.ca.file, files.certificate.file, files.key.file}) {
    write_file(path, "one");
  }
  Credentials credentials = make(files);
  EXPECT_EQ((*credentials.current())->tls, (TlsOptions{"one", "one", "one", "name", false}));
  for (const auto& path : {files.ca.file, files.certificate.file, files.key.file}) {
    write_file(path, "two");
  }
  clock_.advance(299s);
  EXPECT_EQ((*credentials.current())->tls.ca_pem, "one");
  clock_.advance(1s);
  EXPECT_EQ((*credentials.current())->tls, (TlsOptions{"two", "two", "two", "name", false}));
}

TEST_F(CredentialsTest, RunsThePluginWithoutAShellAndKeepsWhatItGaveUntilItExpires) {
  // The clock starts at 12:00:00.
  Credentials credentials = make(
      with_plugin(prints(R"("token":"from-plugin","expirationTimestamp":"2024-01-15T12:10:00Z")")));
  EXPECT_EQ((*credentials.current())->token, "from-plugin");
  EXPECT_EQ(read_file(folder_ / "runs"),
            R"(a b $(c) [{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}}] [e])"
            "\n");
  clock_.advance(9min);
  EXPECT_OK(credentials.current());
  EXPECT_EQ(runs(), 1u);
  clock_.advance(1min);
  const auto expired = credentials.current();
  EXPECT_CODE(expired, StatusCode::kUnavailable);
  EXPECT_THAT(expired.error().message(), HasSubstr("has expired"));
  EXPECT_EQ(runs(), 2u);
  EXPECT_CODE(credentials.current(), StatusCode::kUnavailable);
  EXPECT_EQ(runs(), 2u) << "a plugin that failed rests";
}

TEST_F(CredentialsTest, RunsThePluginAgainWhenItsCredentialWasRefusedButNotInALoop) {
  Credentials credentials = make(with_plugin(
      fmt::format("n=$(wc -l < {})\n", folder_ / "runs") +
      R"(printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}' $n)"));
  const CredentialSetPtr used = *credentials.current();
  EXPECT_EQ(used->token, "t1");
  clock_.advance(24h);
  EXPECT_EQ((*credentials.current())->token, "t1") << "without an expiry it is good until refused";
  EXPECT_EQ(credentials.renew(*used).value(), true);
  const CredentialSetPtr next = *credentials.current();
  EXPECT_EQ(next->token, "t2");
  EXPECT_EQ(credentials.renew(*next).value(), false) << "refused again at once";
  EXPECT_EQ(runs(), 2u);
  clock_.advance(5s);
  EXPECT_EQ(credentials.renew(*next).value(), true);
  EXPECT_EQ(runs(), 3u);
}

TEST_F(CredentialsTest, TakesAClientCertificateFromThePlugin) {
  Credentials credentials =
      make(with_plugin(prints(R"("clientCertificateData":"CRT","clientKeyData":"KEY")")));
  const auto got = credentials.current();
  ASSERT_OK(got);
  EXPECT_EQ((*got)->tls.certificate_pem, "CRT");
  EXPECT_EQ((*got)->tls.private_key_pem, "KEY");
  EXPECT_EQ((*got)->token, "");
}

TEST_F(CredentialsTest, TellsThePluginAboutTheClusterWhenItAsks) {
  ClusterAccess asking = with_plugin(prints(R"("token":"t")"));
  asking.exec->provide_cluster_info = true;
  asking.ca.file = folder_ / "ca";
  write_file(asking.ca.file, "CA\n");
  Credentials credentials = make(asking);
  EXPECT_OK(credentials.current());
  EXPECT_THAT(read_file(folder_ / "runs"),
              HasSubstr(R"("cluster":{"server":"https://server.example",)"
                        R"("certificate-authority-data":"Q0EK"})"));
}

TEST_F(CredentialsTest, SaysWhatThePluginSaidButNothingOfItsOutput) {
  const struct {
    std::string script;
    StatusCode code;
    std::string message;
  } cases[] = {
      {"echo s3cr3t; echo first >&2; echo 'no login: run x login' >&2; exit 3",
       StatusCode::kUnavailable, "ended with 3: no login: run x login"},
      {"echo s3cr3t", StatusCode::kUnavailable, "no JSON object"},
      {prints(R"("clientKeyData":"s3cr3t")"), StatusCode::kUnavailable, "come together"},
      {"sleep 60", StatusCode::kDeadlineExceeded, "did not end within"},
  };
  for (const auto& [script, code, message] : cases) {
    SCOPED_TRACE(script);
    CredentialTimes times;
    times.plugin_timeout = 2s;
    Credentials credentials = make(with_plugin(script), times);
    const auto got = credentials.current();
    EXPECT_CODE(got, code);
    EXPECT_THAT(got.error().message(), AllOf(HasSubstr(message), HasSubstr("plugin' of the test"),
                                             Not(HasSubstr("s3cr3t"))));
  }
  ClusterAccess missing = with_plugin("");
  missing.exec->command = folder_ / "absent";
  missing.exec->install_hint = "Get it from example.com.";
  Credentials credentials = make(missing);
  const auto got = credentials.current();
  EXPECT_CODE(got, StatusCode::kFailedPrecondition);
  EXPECT_THAT(got.error().message(), HasSubstr("Get it from example.com."));
  EXPECT_THAT(log(), Not(HasSubstr("s3cr3t")));
}

TEST_F(CredentialsTest, StopsAPluginWhenTheRequestIsCancelledAndOneRunServesAllWhoWait) {
  Credentials credentials = make(with_plugin(fmt::format(
      "while ! test -e {}; do sleep 0.05; done\n{}", folder_ / "go", prints(R"("token":"t")"))));
  std::stop_source stop;
  std::jthread cancelled(
      [&] { EXPECT_CODE(credentials.current(stop.get_token()), StatusCode::kCancelled); });
  ASSERT_TRUE(eventually([&] { return runs() == 1; }));
  stop.request_stop();
  cancelled.join();
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([&] {
      const auto got = credentials.current();
      EXPECT_TRUE(got && (*got)->token == "t");
    });
  }
  ASSERT_TRUE(eventually([&] { return runs() == 2; }));
  write_file(folder_ / "go", "");
  waiting.clear();
  EXPECT_EQ(runs(), 2u);
}

}  // namespace
}  // namespace ripcord::kubernetes
