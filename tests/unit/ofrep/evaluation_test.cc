// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/evaluation.h"

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/ofrep/service.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>

namespace ripcord::ofrep {
namespace {

// Gives what it is told to, whatever it is asked.
class Canned final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest&) override {
    ServedResponse response;
    response.status = status;
    response.body = body;
    return response;
  }
  int status = 200;
  std::string body;
};

class OfrepEvaluationTest : public testing::Test {
 protected:
  std::string serve(HttpService& service) {
    const auto port = server_.listen("127.0.0.1:0", service);
    EXPECT_OK(port);
    return fmt::format("http://127.0.0.1:{}", *port);
  }

  FlagTable table_;
  NullMetricSink metrics_;
  OfrepService service_{table_, metrics_};
  Canned canned_;
  std::unique_ptr<HttpClient> client_ = http::make_http_client();
  http::HttpServer server_;
};

TEST_F(OfrepEvaluationTest, GetsWhatTheTableHasThroughTheRealEndpoint) {
  OfrepEvaluation evaluation(*client_, serve(service_));
  for (const std::string key : {"new_checkout", "Ünï/∂", "a/b c?d#e", "..", "100%", "q\"uote"}) {
    const FlagAnswer wanted{key, "{\"n\": 10.0}", "big", "STATIC"};
    table_.set(share(wanted));
    const auto answer = evaluation.evaluate(key);
    ASSERT_OK(answer);
    EXPECT_EQ(*answer, wanted);
  }
  table_.set(share({"theirs", "", "", "DISABLED"}));
  const auto disabled = evaluation.evaluate("theirs");
  ASSERT_OK(disabled);
  EXPECT_EQ(*disabled, (FlagAnswer{"theirs", "", "", "DISABLED"}));
  EXPECT_CODE(evaluation.evaluate("unknown"), StatusCode::kNotFound);
}

TEST_F(OfrepEvaluationTest, TakesNothingElseForAnAnswer) {
  OfrepEvaluation evaluation(*client_, serve(canned_));
  const struct {
    int status;
    const char* body;
  } cases[] = {{404, "not found"},
               {404, "{}"},
               {500, "{}"},
               {200, "hello"},
               {200, "{\"key\":\"other\",\"value\":true,\"reason\":\"STATIC\"}"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    canned_.status = c.status;
    canned_.body = c.body;
    EXPECT_CODE(evaluation.evaluate("k"), StatusCode::kUnavailable);
  }
}

TEST_F(OfrepEvaluationTest, SaysWhenNobodyAnswers) {
  OfrepEvaluation evaluation(*client_, fmt::format("http://127.0.0.1:{}", free_port()));
  EXPECT_CODE(evaluation.evaluate("k"), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ripcord::ofrep
