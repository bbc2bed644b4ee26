// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/kubeconfig.h"

#include "controller/codec/base64.h"
#include "controller/codec/exec_credential.h"
#include "tests/support/status_matchers.h"

#include <array>
#include <random>

namespace ripcord::codec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

constexpr std::string_view kFull = R"(apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
clusters:
- name: one
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: Q0EK
    tls-server-name: kubernetes
    extensions: [{name: x, extension: {}}]
- name: two
  cluster: {server: "https://two.example", insecure-skip-tls-verify: true, proxy-url: ""}
- {name: proxied, cluster: {server: "https://p", proxy-url: "http://proxy:3128"}}
contexts:
- {name: work, context: {cluster: one, user: me, namespace: shop}}
users:
- name: me
  user: {token: t0ken, tokenFile: token, client-certificate: me.crt, client-key-data: S0VZ}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./get-token
      args: [--cluster, one]
      env: [{name: AWS_PROFILE, value: dev}]
      installHint: Install it.
      interactiveMode: IfAvailable
      provideClusterInfo: true
- {name: old, user: {auth-provider: {name: gcp}}}
- {name: basic, user: {username: me, password: pa55}}
- {name: asks, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}}
- {name: alpha, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}}
)";

TEST(KubeconfigText, IsReadWithEveryFieldThatCounts) {
  const auto config = decode_kubeconfig(kFull, "config");
  ASSERT_OK(config);
  EXPECT_EQ(config->current_context, "work");
  const KubeCluster& one = config->clusters.at("one");
  EXPECT_EQ(one.server, "https://10.0.0.1:6443");
  EXPECT_EQ(one.ca_pem, "CA\n");
  EXPECT_EQ(one.tls_server_name, "kubernetes");
  EXPECT_FALSE(one.insecure_skip_tls_verify);
  EXPECT_TRUE(config->clusters.at("two").insecure_skip_tls_verify);
  EXPECT_THAT(config->clusters.at("two").unsupported, IsEmpty());
  const KubeContext& work = config->contexts.at("work");
  EXPECT_EQ(work.cluster + work.user + work.ns, "onemeshop");
  const KubeUser& me = config->users.at("me");
  EXPECT_EQ(me.token, "t0ken");
  EXPECT_EQ(me.token_file, "token");
  EXPECT_EQ(me.certificate_file, "me.crt");
  EXPECT_EQ(me.key_pem, "KEY");
  const KubeExec& exec = *config->users.at("plugin").exec;
  EXPECT_EQ(exec.command, "./get-token");
  EXPECT_THAT(exec.args, ElementsAre("--cluster", "one"));
  EXPECT_THAT(exec.env, ElementsAre(Pair("AWS_PROFILE", "dev")));
  EXPECT_EQ(exec.install_hint, "Install it.");
  EXPECT_TRUE(exec.provide_cluster_info);
  EXPECT_THAT(config->users.at("plugin").unsupported, IsEmpty());
}

TEST(KubeconfigText, SaysWhereItAsksForWhatIsNotSupported) {
  const auto config = decode_kubeconfig(kFull, "config");
  ASSERT_OK(config);
  EXPECT_THAT(config->clusters.at("proxied").unsupported, StartsWith("config:14:"));
  EXPECT_THAT(config->clusters.at("proxied").unsupported, HasSubstr("cluster.proxy-url: proxies"));
  EXPECT_THAT(config->users.at("old").unsupported, HasSubstr("use exec"));
  EXPECT_THAT(config->users.at("basic").unsupported, HasSubstr("passwords"));
  EXPECT_THAT(config->users.at("basic").unsupported, Not(HasSubstr("pa55")));
  EXPECT_THAT(config->users.at("asks").unsupported, HasSubstr("exec.interactiveMode"));
  EXPECT_THAT(config->users.at("alpha").unsupported, HasSubstr("exec.apiVersion"));
}

TEST(KubeconfigText, MayBeEmptyOrJson) {
  EXPECT_OK(decode_kubeconfig("", "config"));
  EXPECT_OK(decode_kubeconfig("# nothing\n", "config"));
  const auto json = decode_kubeconfig(R"({"users":[{"name":"a","user":{"token":"x"}}]})", "config");
  ASSERT_OK(json);
  EXPECT_EQ(json->users.at("a").token, "x");
}

TEST(KubeconfigText, IsRefusedWithFileLineAndFieldAndWithoutValues) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"kind: Pod", "config:1:7: kind: is not Config"},
      {"users: 5", "config:1:8: users: must be a list"},
      {"users:\n- name: a\n  user: {token: 51966}\n",
       "config:3:17: users[0].user.token: must be text"},
      {"clusters:\n- name: a\n  cluster:\n    certificate-authority-data: 's3cr3t!'\n",
       "config:4:33: clusters[0].cluster.certificate-authority-data: is no base64"},
      {"clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: 'yes'}\n",
       "clusters[0].cluster.insecure-skip-tls-verify: must be true or false"},
      {"users: [{name: a, user: []}]", "users[0].user: must be a mapping"},
      {"users:\n- name: a\n- name: a\n", "config:3:3: users[1].name: is used twice"},
      {"users: [{name: a, user: {exec: {command: x, env: [{name: 'A=s3cr3t'}]}}}]",
       "env[0].name: is no name"},
      {"a: 1\n---\nb: 2\n", "a second document"},
      {"users: [", "config:"},
      {"- a", "must be a mapping"},
  };
  for (const auto& [text, message] : cases) {
    const auto config = decode_kubeconfig(text, "config");
    SCOPED_TRACE(text);
    EXPECT_CODE(config, StatusCode::kInvalidArgument);
    EXPECT_THAT(config.error().message(), HasSubstr(message)) << text;
    EXPECT_THAT(config.error().message(), Not(HasSubstr("s3cr3t"))) << text;
    EXPECT_THAT(config.error().message(), Not(HasSubstr("51966"))) << text;
  }
}

TEST(KubeconfigText, NeverCrashesOnBrokenInput) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto upto = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  constexpr std::string_view kBytes = "{}[]:-,\"'&*!|>%\n \t#\\0a\x80\xff";
  for (int round = 0; round < 3000; ++round) {
    std::string text(kFull);
    for (std::size_t i = upto(8) + 1; i > 0 && !text.empty(); --i) {
      const std::size_t at = upto(text.size());
      switch (upto(4)) {
        case 0:
          text[at] = kBytes[upto(kBytes.size())];
          break;
        case 1:
          text.erase(at, upto(40));
          break;
        case 2:
          text.insert(at, text.substr(upto(text.size()), upto(60)));
          break;
        default:
          text.resize(at + 1);
      }
    }
    const auto config = decode_kubeconfig(text, "config");
    if (!config) {
      ASSERT_EQ(config.error().code(), StatusCode::kInvalidArgument) << text;
      ASSERT_THAT(config.error().message(), StartsWith("config")) << text;
    }
  }
}

constexpr std::string_view kV1 = "client.authentication.k8s.io/v1";

TEST(ExecCredentialText, IsReadWithTokenCertificateAndExpiry) {
  const auto credential = decode_exec_credential(
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{},"status":
         {"token":"t","clientCertificateData":"C","clientKeyData":"K",
          "expirationTimestamp":"2024-01-15T12:00:00Z"}})",
      kV1);
  ASSERT_OK(credential);
  EXPECT_EQ(credential->token, "t");
  EXPECT_EQ(credential->certificate_pem, "C");
  EXPECT_EQ(credential->private_key_pem, "K");
  ASSERT_TRUE(credential->expires.has_value());
  EXPECT_EQ(credential->expires->time_since_epoch(), std::chrono::seconds(1705320000));
}

TEST(ExecCredentialText, IsRefusedWithoutShowingAnything) {
  const std::string head =
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)";
  const std::string cases[] = {
      "",
      "s3cr3t",
      "[]",
      "null",
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"s3cr3t"}})",
      head + "{}}",
      head + "null}",
      head + R"({"token":5}})",
      head + R"({"clientCertificateData":"s3cr3t"}})",
      head + R"({"token":"s3cr3t","clientKeyData":"s3cr3t"}})",
      head + R"({"token":"s3cr3t","expirationTimestamp":"s3cr3t"}})",
      head + R"({"token":"s3cr3t"}} {})",
  };
  for (const std::string& text : cases) {
    const auto credential = decode_exec_credential(text, kV1);
    SCOPED_TRACE(text);
    EXPECT_CODE(credential, StatusCode::kInvalidArgument);
    EXPECT_THAT(credential.error().message(), Not(HasSubstr("s3cr3t"))) << text;
  }
}

TEST(ExecCredentialText, NeverCrashesOnBrokenInput) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string good =
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2024-01-15T12:00:00Z"}})";
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int i = 0; i < 4; ++i) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    const auto credential = decode_exec_credential(text, kV1);
    ASSERT_TRUE(credential || credential.error().code() == StatusCode::kInvalidArgument);
  }
}

TEST(ExecInfo, TellsThePluginAboutTheClusterOnlyWhenAsked) {
  EXPECT_EQ(encode_exec_info(kV1, std::nullopt),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}})");
  EXPECT_EQ(encode_exec_info(kV1, ExecCluster{"https://a", "b", false, "CA\n"}),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false,"cluster":{"server":"https://a","tls-server-name":"b",)"
            R"("certificate-authority-data":"Q0EK"}}})");
}

TEST(Base64, GoesThereAndBack) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kKnown = {
      {{"", ""},
       {"f", "Zg=="},
       {"fo", "Zm8="},
       {"foo", "Zm9v"},
       {"foob", "Zm9vYg=="},
       {"fooba", "Zm9vYmE="},
       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, coded] : kKnown) {
    EXPECT_EQ(encode_base64(plain), coded);
    EXPECT_EQ(decode_base64(coded).value_or("?"), plain);
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    EXPECT_EQ(decode_base64(encode_base64(all)).value_or("?"), all);
  }
  EXPECT_EQ(decode_base64("Zm9v\nYmFy\r\n").value_or("?"), "foobar");
  for (const auto* bad :
       {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "====", "Zm 9v", "Zg==Zg==", "Zm9_"}) {
    SCOPED_TRACE(bad);
    EXPECT_CODE(decode_base64(bad), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ripcord::codec
