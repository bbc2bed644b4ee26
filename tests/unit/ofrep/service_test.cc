// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/service.h"

#include "tests/support/status_matchers.h"

#include <map>

namespace ripcord::ofrep {
namespace {

using testing::HasSubstr;

class CountingMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& metric, LabelValues labels, double delta) override {
    std::string name(metric.name);
    for (const auto label : labels) {
      name += " " + std::string(label);
    }
    counts[name] += delta;
  }
  void set(const MetricDescriptor&, LabelValues, double) override {}
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
  std::map<std::string, double> counts;
};

class OfrepServiceTest : public testing::Test {
 protected:
  OfrepServiceTest() {
    table_.set(share({"new_checkout", "true", "on", "STATIC"}));
    table_.set(share({"a/b c", "\"x\"", "v", "STATIC"}));
    table_.set(share({"theirs", "", "", "DISABLED"}));
  }
  ServedResponse ask(const std::string& path, const std::string& body = "{\"context\":{}}",
                     std::map<std::string, std::string> headers = {}, const std::string& query = "",
                     const std::string& method = "POST") {
    return service_.serve({method, path, query, std::move(headers), body});
  }
  static std::string header(const ServedResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) {
        return value;
      }
    }
    return {};
  }

  static constexpr const char* kAll = "/ofrep/v1/evaluate/flags";
  FlagTable table_;
  CountingMetrics metrics_;
  OfrepService service_{table_, metrics_};
};

TEST_F(OfrepServiceTest, EvaluatesOneFlagHoweverItsKeyIsWritten) {
  const struct {
    const char* key;
    const char* body;
  } cases[] = {
      {"new_checkout",
       R"({"key":"new_checkout","reason":"STATIC","value":true,"variant":"on","metadata":{}})"},
      {"a%2Fb%20c", R"({"key":"a/b c","reason":"STATIC","value":"x","variant":"v","metadata":{}})"},
      {"a/b%20c", R"({"key":"a/b c","reason":"STATIC","value":"x","variant":"v","metadata":{}})"},
      {"theirs", R"({"key":"theirs","reason":"DISABLED","metadata":{}})"},
  };
  for (const auto& c : cases) {
    const ServedResponse response = ask(std::string(kAll) + "/" + c.key);
    EXPECT_EQ(response.status, 200) << c.key;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.body, c.body);
  }
}

TEST_F(OfrepServiceTest, AnswersAnOffFlagWithValueVariantAndAnOrdinaryReason) {
  // What forces every client off: DISABLED, or a missing value or variant, does not.
  table_.set(share({"new_checkout", "false", "off", "STATIC"}));
  EXPECT_EQ(
      ask(std::string(kAll) + "/new_checkout").body,
      R"({"key":"new_checkout","reason":"STATIC","value":false,"variant":"off","metadata":{}})");
}

TEST_F(OfrepServiceTest, IsLiberalAboutContextsAndStrictAboutJson) {
  const struct {
    const char* body;
    int status;
  } cases[] = {{"", 200},
               {"{}", 200},
               {"{\"context\":{}}", 200},
               {"{\"context\":null}", 200},
               {"{\"context\":{\"targetingKey\":\"u\",\"n\":[1,{}]}}", 200},
               {"{\"context\":[]}", 400},
               {"{\"context\":\"x\"}", 400},
               {"{", 400},
               {"[]", 400},
               {"{\"context\":{}} x", 400},
               {"{\"context\":{\"a\":\"\xff\"}}", 400}};
  for (const auto& c : cases) {
    EXPECT_EQ(ask(kAll, c.body).status, c.status) << c.body;
    const ServedResponse one = ask(std::string(kAll) + "/new_checkout", c.body);
    EXPECT_EQ(one.status, c.status) << c.body;
    if (c.status == 400) {
      EXPECT_THAT(one.body,
                  testing::StartsWith(
                      R"({"key":"new_checkout","errorCode":"INVALID_CONTEXT","errorDetails":)"));
      EXPECT_THAT(ask(kAll, c.body).body,
                  testing::StartsWith(R"({"errorCode":"INVALID_CONTEXT","errorDetails":)"));
    }
  }
}

TEST_F(OfrepServiceTest, RefusesABodyAboveTheLimit) {
  const std::string big = "{\"context\":{\"a\":\"" + std::string(1'000'000, 'x') + "\"}}";
  EXPECT_EQ(ask(kAll, big).status, 413);
  EXPECT_THAT(ask(std::string(kAll) + "/new_checkout", big).body,
              HasSubstr("\"key\":\"new_checkout\""));
}

TEST_F(OfrepServiceTest, NamesTheFlagThatItDoesNotKnow) {
  const ServedResponse response = ask(std::string(kAll) + "/no%22such");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(
      response.body,
      testing::StartsWith(R"({"key":"no\"such","errorCode":"FLAG_NOT_FOUND","errorDetails":")"));
}

TEST_F(OfrepServiceTest, ServesNothingElse) {
  for (const char* path :
       {"/", "/ofrep/v1/configuration", "/ofrep/v1/evaluate/flagsx", "/ofrep/v1"}) {
    EXPECT_EQ(ask(path).status, 404) << path;
  }
  for (const char* path : {"/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/new_checkout"}) {
    const ServedResponse refused = ask(path, "", {}, "", "GET");
    EXPECT_EQ(refused.status, 405) << path;
    EXPECT_EQ(header(refused, "Allow"), "POST, OPTIONS");
    EXPECT_THAT(refused.body, HasSubstr("\"errorDetails\""));
  }
}

TEST_F(OfrepServiceTest, EvaluatesAllFlagsByKey) {
  const std::string wanted =
      R"({"flags":[{"key":"a/b c","reason":"STATIC","value":"x","variant":"v","metadata":{}},)"
      R"({"key":"new_checkout","reason":"STATIC","value":true,"variant":"on","metadata":{}},)"
      R"({"key":"theirs","reason":"DISABLED","metadata":{}}],"metadata":{}})";
  EXPECT_EQ(ask(kAll).body, wanted);
  EXPECT_EQ(ask(std::string(kAll) + "/").body, wanted);
}

TEST_F(OfrepServiceTest, Answers304OnlyForWhatTheClientHas) {
  const std::string etag = header(ask(kAll), "ETag");
  ASSERT_THAT(etag, testing::MatchesRegex("\"[0-9a-f]+-[0-9a-f]+\""));
  for (const std::string& field : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    const ServedResponse cached = ask(kAll, "{}", {{"if-none-match", field}});
    EXPECT_EQ(cached.status, 304) << field;
    EXPECT_EQ(cached.body, "");
    EXPECT_EQ(header(cached, "ETag"), etag);
  }
  EXPECT_EQ(ask(kAll, "{}", {{"if-none-match", "\"other\""}}).status, 200);
  table_.set(share({"new_checkout", "false", "off", "STATIC"}));
  const ServedResponse changed = ask(kAll, "{}", {{"if-none-match", etag}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(header(changed, "ETag"), etag);
  table_.set(share({"new_checkout", "true", "on", "STATIC"}));
  EXPECT_EQ(ask(kAll, "{}", {{"if-none-match", etag}}).status, 304);
}

TEST_F(OfrepServiceTest, GivesTheValuesToAClientThatWasToldOfAnotherConfiguration) {
  const std::string etag = header(ask(kAll), "ETag");
  const std::string bare = etag.substr(1, etag.size() - 2);
  for (const std::string& query :
       {"flagConfigEtag=" + bare, "flagConfigEtag=%22" + bare + "%22",
        "flagConfigEtag=W/\"" + bare + "\"", std::string("flagConfigLastModified=1")}) {
    EXPECT_EQ(ask(kAll, "{}", {{"if-none-match", etag}}, query).status, 304) << query;
  }
  for (const char* query :
       {"flagConfigEtag=other", "flagConfigEtag=", "x=1&flagConfigEtag=%22other%22"}) {
    EXPECT_EQ(ask(kAll, "{}", {{"if-none-match", etag}}, query).status, 200) << query;
    EXPECT_EQ(ask(kAll, "{}", {{"if-none-match", "*"}}, query).status, 200) << query;
  }
}

TEST_F(OfrepServiceTest, LetsBrowsersInAndShowsThemTheEntityTag) {
  const ServedResponse preflight =
      ask(kAll, "", {{"access-control-request-headers", "content-type,x-team"}}, "", "OPTIONS");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(header(preflight, "Access-Control-Allow-Origin"), "*");
  EXPECT_THAT(header(preflight, "Access-Control-Allow-Methods"), HasSubstr("POST"));
  EXPECT_EQ(header(preflight, "Access-Control-Allow-Headers"), "content-type,x-team");
  EXPECT_THAT(header(ask(kAll, "", {}, "", "OPTIONS"), "Access-Control-Allow-Headers"),
              HasSubstr("If-None-Match"));
  for (const char* path : {"/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/none"}) {
    EXPECT_EQ(header(ask(path), "Access-Control-Expose-Headers"), "ETag");
    EXPECT_EQ(header(ask(path), "Access-Control-Allow-Origin"), "*");
  }
  const ServedResponse one =
      ask(std::string(kAll) + "/new_checkout", "{}", {{"origin", "https://shop.example"}});
  EXPECT_EQ(header(one, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(one, "Access-Control-Expose-Headers"), "ETag");
}

TEST_F(OfrepServiceTest, CountsEvaluationsUnderBoundedLabels) {
  ask(std::string(kAll) + "/new_checkout");
  ask(std::string(kAll) + "/theirs");
  ask(std::string(kAll) + "/none");
  ask(std::string(kAll) + "/none2", "{");
  ask(kAll);
  const std::map<std::string, double> wanted = {
      {"ripcord_flag_evaluations_total static success", 1},
      {"ripcord_flag_evaluations_total disabled success", 1},
      {"ripcord_flag_evaluations_total error not_found", 1},
      {"ripcord_flag_evaluations_total error error", 1},
      {"ripcord_flag_evaluations_total bulk success", 1}};
  EXPECT_EQ(metrics_.counts, wanted);
}

}  // namespace
}  // namespace ripcord::ofrep
