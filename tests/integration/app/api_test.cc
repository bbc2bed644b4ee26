// SPDX-License-Identifier: Apache-2.0
// The resource API of a standalone Ripcord as it is reached from elsewhere, and over a restart.
#include "tests/integration/app/running_ripcord.h"
#include "tests/support/control_plane.h"
#include "tests/support/paths/paths.h"
#include "tests/support/test_authority.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kToken = "0123456789abcdef-alice";
const std::string kOtherToken = "0123456789abcdef-bob";

constexpr const char* kFlag = R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",
  "metadata":{"name":"shop"},"spec":{"enabled":true}})";

// Listens on every interface, with a certificate for 127.0.0.1.
class SecureRipcord {
 public:
  SecureRipcord() {
    write_certificate(authority_);
    write_file(folder_ / "tokens", kToken + "\n");
    process_ = std::make_unique<ChildProcess>(ProcessOptions{
        .argv = {bin_dir() + "/ripcord", "run", "--metrics-bind-address", "0",
                 "--health-probe-bind-address", "0", "--ofrep-bind-address", "127.0.0.1:0",
                 "--api-bind-address", fmt::format("0.0.0.0:{}", port_), "--api-token-file",
                 folder_ / "tokens", "--api-tls-cert-file", folder_ / "tls.crt",
                 "--api-tls-private-key-file", folder_ / "tls.key", "--log-level", "debug"}});
  }
  void write_certificate(const TestAuthority& authority) {
    const TestCertificate made = authority.issue("ripcord", "IP:127.0.0.1");
    write_file(folder_ / "tls.crt", made.certificate_pem);
    write_file(folder_ / "tls.key", made.private_key_pem);
    write_file(folder_ / "ca.crt", authority.ca_pem());
  }
  void write_tokens(const std::string& text) { write_file(folder_ / "tokens", text); }
  // As a person has it: address, CA, token.
  std::string kubeconfig() const { return folder_ / "kubeconfig"; }
  void write_kubeconfig(const std::string& token) const {
    write_file(kubeconfig(), fmt::format(R"({{"apiVersion": "v1", "kind": "Config",
      "clusters": [{{"name": "c", "cluster":
        {{"server": "https://127.0.0.1:{}", "certificate-authority": "{}"}}}}],
      "users": [{{"name": "u", "user": {{"token": "{}"}}}}],
      "contexts": [{{"name": "c", "context": {{"cluster": "c", "user": "u"}}}}],
      "current-context": "c"}})",
                                         port_, folder_ / "ca.crt", token));
  }
  RunResult kubectl(const std::string& token, std::vector<std::string> args,
                    const std::string& input = {}) const {
    write_kubeconfig(token);
    args.insert(args.begin(),
                {shared_control_plane().kubectl_path(), "--kubeconfig", kubeconfig()});
    return run({.argv = std::move(args), .env = {{"HOME", folder_.path().string()}}}, input);
  }
  bool answers(const std::string& token) const {
    return kubectl(token, {"get", "--raw", "/readyz"}).exit_code == 0;
  }
  ChildProcess& process() { return *process_; }

 private:
  TempDir folder_;
  TestAuthority authority_;
  std::uint16_t port_ = free_port();
  std::unique_ptr<ChildProcess> process_;
};

TEST(SecureApi, ServesUnmodifiedKubectlWithATokenAndACaAndNobodyElse) {
  REQUIRE_CONTROL_PLANE();  // for its kubectl
  SecureRipcord ripcord;
  ASSERT_TRUE(eventually([&] { return ripcord.answers(kToken); })) << ripcord.process().err();
  const RunResult made = ripcord.kubectl(kToken, {"apply", "--server-side", "-f", "-"}, kFlag);
  EXPECT_EQ(made.out, "featureflag.ripcord.dev/shop serverside-applied\n") << made.err;
  EXPECT_EQ(ripcord.kubectl(kToken, {"wait", "rff", "shop", "--for=condition=Ready"}).exit_code, 0);
  for (const std::string& token : {kOtherToken, std::string("x")}) {
    const RunResult refused = ripcord.kubectl(token, {"get", "rff", "shop"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr("You must be logged in to the server"));
  }
  EXPECT_THAT(ripcord.process().err(),
              AllOf(HasSubstr("started"), Not(HasSubstr(kToken)), Not(HasSubstr(kOtherToken))));
}

TEST(SecureApi, TakesMessagesOfTheAdapterByAKubeconfig) {
  REQUIRE_CONTROL_PLANE();
  SecureRipcord ripcord;
  ASSERT_TRUE(eventually([&] { return ripcord.answers(kToken); })) << ripcord.process().err();
  ripcord.kubectl(kToken, {"apply", "-f", "-"}, kFlag);
  ripcord.kubectl(kToken, {"wait", "rff", "shop", "--for=condition=Ready"});
  const auto disable = [&] {
    return run({.argv = {bin_dir() + "/ripcord-adapter", "--kubeconfig", ripcord.kubeconfig()}},
               R"({"type":"disable_feature","msg_id":1,"feature":"shop"})"
               "\n");
  };
  const RunResult done = disable();
  EXPECT_THAT(done.out, HasSubstr("\"type\": \"feature_disabled\"")) << done.err;
  ripcord.write_kubeconfig(kOtherToken);
  const RunResult refused = disable();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("--kubeconfig"), Not(HasSubstr(kOtherToken))));
}

TEST(SecureApi, TakesNewTokensAndANewCertificateWithoutARestart) {
  REQUIRE_CONTROL_PLANE();
  SecureRipcord ripcord;
  ASSERT_TRUE(eventually([&] { return ripcord.answers(kToken); })) << ripcord.process().err();
  ripcord.write_tokens(kOtherToken);
  EXPECT_FALSE(ripcord.answers(kToken));
  EXPECT_TRUE(ripcord.answers(kOtherToken));
  ripcord.write_certificate(TestAuthority("next CA"));
  EXPECT_TRUE(ripcord.answers(kOtherToken)) << ripcord.kubectl(kOtherToken, {"version"}).err;
  EXPECT_TRUE(ripcord.process().running());
}

TEST(SecureApi, IsRefusedBeyondLoopbackWhenATokenFileOrTlsIsMissing) {
  TempDir folder;
  write_file(folder / "tokens", kToken);
  const TestCertificate made = TestAuthority().issue("ripcord", "IP:127.0.0.1");
  write_file(folder / "tls.crt", made.certificate_pem);
  write_file(folder / "tls.key", made.private_key_pem);
  const std::vector<std::string> tokens = {"--api-token-file", folder / "tokens"};
  const std::vector<std::string> certificate = {"--api-tls-cert-file", folder / "tls.crt"};
  const std::vector<std::string> key = {"--api-tls-private-key-file", folder / "tls.key"};
  const auto refusal = [&](const std::string& address,
                           const std::vector<std::vector<std::string>>& more) {
    std::vector<std::string> argv = {
        "run",  "--metrics-bind-address", "0",           "--health-probe-bind-address",
        "0",    "--ofrep-bind-address",   "127.0.0.1:0", "--api-bind-address",
        address};
    for (const auto& options : more) {
      argv.insert(argv.end(), options.begin(), options.end());
    }
    const RunResult result = ripcord_command(argv);
    EXPECT_EQ(result.exit_code, 1) << address;
    return result.err;
  };
  const auto needs_all_three =
      AllOf(HasSubstr("--api-token-file"), HasSubstr("--api-tls-cert-file"),
            HasSubstr("--api-tls-private-key-file"), HasSubstr("use 127.0.0.1:0"));
  for (const std::string address : {"0.0.0.0:0", ":0", "[::]:0", "127.example.com:0"}) {
    EXPECT_THAT(refusal(address, {}), needs_all_three) << address;
    EXPECT_THAT(refusal(address, {tokens}), needs_all_three) << address;
    EXPECT_THAT(refusal(address, {certificate, key}), needs_all_three) << address;
  }
  EXPECT_THAT(refusal("0.0.0.0:0", {tokens, certificate}), HasSubstr("give both"));
  EXPECT_THAT(refusal("127.0.0.1:0", {{"--api-token-file", folder / "tls.none"}}),
              HasSubstr("--api-token-file: " + folder / "tls.none: No such file"));
  EXPECT_THAT(refusal("127.0.0.1:0", {{"--api-tls-cert-file", folder / "tokens"}, key}),
              AllOf(HasSubstr("no PEM certificate"), Not(HasSubstr(kToken))));
}

// Who owns a field is part of the object: a process that was restarted still refuses to let a
// second manager take it.
TEST(StandaloneApi, StillKnowsWhoOwnsWhichFieldAfterARestart) {
  RunningRipcord ripcord;
  const auto apply = [&](const std::string& manager, const std::string& spec) {
    return ripcord.api("PATCH", "featureflags/shop?fieldManager=" + manager,
                       R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":
                          {"name":"shop"},"spec":)" +
                           spec + "}",
                       "application/apply-patch+yaml");
  };
  EXPECT_EQ(apply("one", R"({"enabled":true,"key":"first_key"})").status, 201);
  EXPECT_EQ(apply("two", R"({"defaultVariant":"on"})").status, 200);
  for (const bool crash : {false, true}) {
    if (crash) {
      ripcord.kill9();
    } else {
      EXPECT_EQ(ripcord.terminate(), 0);
    }
    ripcord.start();
    const HttpResponse refused = apply("two", R"({"enabled":false,"defaultVariant":"on"})");
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_THAT(refused.body,
                AllOf(HasSubstr("conflict with \\\"one\\\""), HasSubstr(".spec.enabled")));
  }
  EXPECT_EQ(apply("two", R"({"defaultVariant":"on"})").status, 200)
      << "its own fields stay its own";
  EXPECT_EQ(apply("one", R"({"enabled":true})").status, 200);
  EXPECT_THAT(
      ripcord.api("GET", "featureflags/shop").body,
      AllOf(HasSubstr("\"defaultVariant\":\"on\""), Not(HasSubstr("\"key\":\"first_key\""))));
}

}  // namespace
}  // namespace ripcord
