// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/token_gate.h"

#include "tests/support/process.h"
#include "tests/unit/apiserver/api_fixture.h"

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>

namespace ripcord::apiserver {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kAlice = "alice-has-this-token";
const std::string kBob = "bob-has-another-one!";

class Gate : public ApiTest {
 protected:
  void open(const std::string& text) {
    write_file(path_, text);
    auto gate = TokenGate::open(path_, service_, system_, Logger(*sink_));
    ASSERT_OK(gate);
    gate_ = *std::move(gate);
  }
  ServedResponse ask_with(const std::string& authorization) {
    ServedRequest request;
    request.method = "GET";
    request.path = kFlags;
    if (!authorization.empty()) {
      request.headers["authorization"] = authorization;
    }
    return gate_->serve(request);
  }
  int code(const std::string& token) { return ask_with("Bearer " + token).status; }

  SystemClock system_;
  TempDir folder_;
  const std::string path_ = folder_ / "tokens";
  std::ostringstream log_;
  std::unique_ptr<LogSink> sink_ =
      make_stream_sink(log_, LogFormat::kText, LogLevel::kDebug, system_);
  std::unique_ptr<TokenGate> gate_;
};

TEST_F(Gate, OpensForEachTokenOfTheFileAndForNothingElse) {
  open("# of the deploy job\n" + kAlice + "\r\n\n  " + kBob + "  \n");
  EXPECT_EQ(code(kAlice), 200);
  EXPECT_EQ(code(kBob), 200);
  EXPECT_EQ(ask_with("bearer " + kAlice).status, 200) << "schemes have no case";
  const std::vector<std::string> wrong = {
      "",
      "Bearer",
      "Bearer ",
      "Bearer " + kAlice + "x",
      "Bearer " + kAlice.substr(1),
      "Bearer # of the deploy job",
      "Basic " + kAlice,
      kAlice,
      "Bearer " + kAlice + ", Bearer " + kBob,  // two headers, as the server joins them
      "Bearer " + std::string(10'000, 'x')};
  for (const std::string& authorization : wrong) {
    EXPECT_EQ(ask_with(authorization).status, 401) << authorization;
  }
}

TEST_F(Gate, AnswersAStatusObjectAsTheRealServerDoes) {
  open(kAlice);
  const ServedResponse refused = ask_with("Bearer " + kBob);
  EXPECT_EQ(nlohmann::json::parse(refused.body),
            nlohmann::json::parse(R"({"kind":"Status","apiVersion":"v1","metadata":{},
              "status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401})"));
  EXPECT_THAT(refused.headers, testing::Contains(testing::Pair("WWW-Authenticate", "Bearer")));
}

TEST_F(Gate, FollowsTheFile) {
  open(kAlice);
  write_file(folder_ / "next", kBob);
  std::filesystem::rename(folder_ / "next", path_);
  EXPECT_EQ(code(kAlice), 401) << "revoked";
  EXPECT_EQ(code(kBob), 200);
}

TEST_F(Gate, KeepsItsTokensWhenTheFileIsWrongAndSaysSoOnce) {
  open(kAlice);
  for (const std::string text : {"short", "", "# nothing\n"}) {
    write_file(path_, text);
    EXPECT_EQ(code(kAlice), 200) << text;
    EXPECT_EQ(code(kAlice), 200) << text;
    EXPECT_EQ(code(text), 401);
  }
  std::filesystem::remove(path_);
  EXPECT_EQ(code(kAlice), 200);
  EXPECT_EQ(code(kAlice), 200);
  const std::string log = log_.str();
  EXPECT_THAT(log, HasSubstr("No such file"));
  EXPECT_EQ(log.find("No such file"), log.rfind("No such file")) << log;
}

TEST_F(Gate, RefusesAFileWithoutAGoodTokenAndShowsNone) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no token in it"},
      {"\n# a\n", "no token in it"},
      {kAlice + "\nsecret12\n", "line 2 is no token"},
      {"secret with white space", "line 1 is no token"},
      {"secret\x01secretsecretsecret", "line 1 is no token"},
      {std::string(5000, 's'), "line 1 is no token"}};
  for (const auto& [text, why] : cases) {
    write_file(path_, text);
    const auto gate = TokenGate::open(path_, service_, system_);
    ASSERT_FALSE(gate.has_value()) << text;
    EXPECT_THAT(gate.error().message(), HasSubstr(why));
    EXPECT_THAT(gate.error().message(), HasSubstr(path_));
    EXPECT_THAT(gate.error().message(), Not(HasSubstr("secret")));
  }
  const auto absent = TokenGate::open(folder_ / "none", service_, system_);
  ASSERT_FALSE(absent.has_value());
  EXPECT_THAT(absent.error().message(), HasSubstr("none: No such file"));
}

TEST_F(Gate, LogsNoToken) {
  open(kAlice);
  code(kBob);
  write_file(path_, kBob + "\n" + kAlice);
  code(kBob);
  EXPECT_THAT(log_.str(), HasSubstr("tokens=2"));
  EXPECT_THAT(log_.str(), Not(HasSubstr(kAlice)));
  EXPECT_THAT(log_.str(), Not(HasSubstr(kBob)));
}

}  // namespace
}  // namespace ripcord::apiserver
