// SPDX-License-Identifier: Apache-2.0
// Lists, watches, tables and documents as clients of Kubernetes ask for them.
#include "adapters/apiserver/selector.h"
#include "controller/codec/api_answer.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace ripcord::apiserver {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

using Read = ApiTest;

std::vector<std::string> names_in(const Answer& list) {
  std::vector<std::string> names;
  for (const auto& item : list.body["items"]) {
    names.push_back(item["metadata"]["name"]);
  }
  return names;
}

TEST_F(Read, APagedListStaysInOneSnapshot) {
  for (const char* name : {"a", "b", "c", "d"}) {
    flag(name);
  }
  const Answer first = get(kFlags + "?limit=2");
  EXPECT_EQ(names_in(first), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(first.body["metadata"]["remainingItemCount"], 2);
  ASSERT_OK(store_.remove({Kind::kFeatureFlag, "default", "c"}));
  flag("e");
  const std::string token = first.body["metadata"]["continue"];
  const Answer second = get(kFlags + "?limit=2&continue=" + token);
  EXPECT_EQ(names_in(second), (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(second.body["metadata"]["resourceVersion"], first.body["metadata"]["resourceVersion"]);
  EXPECT_FALSE(second.body["metadata"].contains("continue"));
}

TEST_F(Read, APageOfASnapshotThatIsGoneIsExpiredWithAFreshToken) {
  for (const char* name : {"a", "b", "c"}) {
    flag(name);
  }
  const std::string token = get(kFlags + "?limit=1").body["metadata"]["continue"];
  ASSERT_OK(store_.remove({Kind::kFeatureFlag, "default", "b"}));
  clock_.advance(std::chrono::minutes(6));
  const Answer expired = get(kFlags + "?limit=1&continue=" + token);
  EXPECT_EQ(expired.code, 410);
  EXPECT_EQ(expired.body["reason"], "Expired");
  const std::string fresh = expired.body["metadata"]["continue"];
  EXPECT_EQ(names_in(get(kFlags + "?continue=" + fresh)), (std::vector<std::string>{"c"}));
}

TEST_F(Read, AnswersQueriesOfVersionsAsTheRealServer) {
  const std::string version = std::to_string(flag("a")->meta.resource_version);
  const struct {
    std::string query;
    int code;
  } cases[] = {
      {"resourceVersion=0", 200},
      {"resourceVersion=" + version, 200},
      {"resourceVersion=999999", 504},
      {"resourceVersion=" + version + "&resourceVersionMatch=Exact", 200},
      {"resourceVersion=0&resourceVersionMatch=Exact", 400},
      {"resourceVersionMatch=NotOlderThan", 400},
      {"resourceVersion=1&resourceVersionMatch=Roughly", 400},
      {"resourceVersion=x", 400},
      {"continue=nonsense", 400},
      {"continue=v1:1:default/a&resourceVersion=5", 400},
      {"limit=-1", 400},
      {"fieldSelector=spec.nothing=1", 400},
      {"labelSelector=a%20in%20b", 400},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(get(kFlags + "?" + c.query).code, c.code) << c.query;
  }
  const Answer future = get(kFlags + "?resourceVersion=999999");
  EXPECT_EQ(future.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
  EXPECT_EQ(future.body["details"]["retryAfterSeconds"], 1);
}

TEST(LabelSelector, MatchesAsKubernetesDoes) {
  const std::map<std::string, std::string> labels = {{"a", "1"}, {"b", ""}};
  const std::pair<const char*, bool> cases[] = {
      {"", true},           {"a", true},          {"!a", false},          {"c", false},
      {"!c", true},         {"a=1", true},        {"a==1", true},         {"a!=1", false},
      {"c!=1", true},       {"a in (1,2)", true}, {"a notin (1)", false}, {"c notin (1)", true},
      {"c in (1)", false},  {"b=", true},         {"a=1,b", true},        {"a=1,!b", false},
      {" a = 1 , b ", true}};
  for (const auto& [text, expected] : cases) {
    const Result<LabelSelector> selector = LabelSelector::parse(text);
    ASSERT_OK(selector);
    EXPECT_EQ(selector->matches(labels), expected) << text;
  }
  for (const char* bad : {"a in 1", "a in (1", "=1", "a=1,", "a>1", "a b"}) {
    EXPECT_FALSE(LabelSelector::parse(bad).has_value()) << bad;
  }
}

TEST_F(Read, SelectsByTheFieldsThatTheCrdNames) {
  flag("a");
  Resource off = sample_flag("b");
  std::get<FeatureFlagSpec>(off.spec).enabled = false;
  ASSERT_OK(store_.create(off));
  EXPECT_EQ(names_in(get(kFlags + "?fieldSelector=spec.enabled=false")),
            (std::vector<std::string>{"b"}));
  EXPECT_EQ(names_in(get(kFlags + "?fieldSelector=metadata.name!=b,spec.enabled=true")),
            (std::vector<std::string>{"a"}));
}

TEST_F(Read, ATableHasTheColumnsOfTheCrd) {
  flag("a");
  clock_.advance(std::chrono::minutes(5));
  const Answer table = get(kFlags, kTable);
  EXPECT_EQ(table.body["kind"], "Table");
  EXPECT_EQ(table.body["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(table.body["columnDefinitions"][1]["name"], "Enabled");
  const auto& row = table.body["rows"][0];
  EXPECT_EQ(row["cells"][0], "a");
  EXPECT_EQ(row["object"]["kind"], "PartialObjectMetadata");
  EXPECT_THAT(row["cells"].dump(), HasSubstr("\"5m\""));
  EXPECT_FALSE(get(kFlags + "?includeObject=None", kTable).body["rows"][0].contains("object"));
  EXPECT_EQ(get(kFlags + "?includeObject=Object", kTable).body["rows"][0]["object"]["kind"],
            "FeatureFlag");
  EXPECT_EQ(get(kFlags + "/a", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
                .body["kind"],
            "PartialObjectMetadata");
}

TEST(HumanAge, ReadsAsKubectlPrintsIt) {
  using std::chrono::hours;
  using std::chrono::seconds;
  const std::pair<Duration, const char*> cases[] = {
      {seconds(-5), "<invalid>"},  {seconds(0), "0s"},
      {seconds(119), "119s"},      {seconds(120), "2m"},
      {seconds(200), "3m20s"},     {seconds(600), "10m"},
      {seconds(3 * 3600), "3h"},   {seconds(3 * 3600 + 60), "3h1m"},
      {hours(47), "47h"},          {hours(48), "2d"},
      {hours(50), "2d2h"},         {hours(24 * 8), "8d"},
      {hours(24 * 365 * 2), "2y"}, {hours(24 * 366 * 2), "2y2d"},
      {hours(24 * 365 * 9), "9y"}};
  for (const auto& [age, text] : cases) {
    EXPECT_EQ(codec::human_age(age), text);
  }
}

std::string read_some(ServedResponse& response, int pieces) {
  std::string text;
  for (int i = 0; i < pieces; ++i) {
    const Result<std::string> piece = response.stream->next({});
    if (!piece) {
      break;
    }
    text += *piece;
  }
  return text;
}

TEST_F(Read, AStreamingListMarksItsEnd) {
  flag("a");
  ServedResponse watch =
      raw("GET", kFlags +
                     "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                     "&allowWatchBookmarks=true&resourceVersion=0");
  ASSERT_NE(watch.stream, nullptr) << watch.body;
  const std::string text = read_some(watch, 2);
  EXPECT_THAT(text, HasSubstr("ADDED"));
  EXPECT_THAT(text, HasSubstr(R"("k8s.io/initial-events-end":"true")"));
  EXPECT_EQ(raw("GET", kFlags + "?watch=1&sendInitialEvents=true").status, 422);
}

TEST_F(Read, ABookmarkComesEveryMinuteAndBeforeTheEnd) {
  const std::string version = std::to_string(flag("a")->meta.resource_version);
  const std::string path =
      kFlags + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion=" + version;
  ServedResponse watch = raw("GET", path);
  EXPECT_EQ(read_some(watch, 1), "");
  ASSERT_OK(store_.create(sample_flag("z", "other")));  // moves the version of the store
  clock_.advance(std::chrono::seconds(61));
  const std::string minute = read_some(watch, 2);
  EXPECT_THAT(minute, HasSubstr("BOOKMARK"));
  EXPECT_THAT(minute, Not(HasSubstr("\"resourceVersion\":\"" + version + "\"")));
  clock_.advance(std::chrono::seconds(38));
  EXPECT_THAT(read_some(watch, 1), HasSubstr("BOOKMARK"));
  clock_.advance(std::chrono::seconds(2));
  EXPECT_FALSE(watch.stream->next({}).has_value());
}

TEST_F(Read, AnObjectThatStartsOrCeasesToMatchIsAddedOrDeleted) {
  flag("a");
  ServedResponse watch = raw("GET", kFlags + "?watch=1&labelSelector=x=y");
  EXPECT_EQ(read_some(watch, 1), "");
  for (const char* labels : {R"({"x":"y"})", R"({"z":"1"})", R"({"x":null})"}) {
    ASSERT_EQ(
        patch(kMerge, kFlags + "/a", std::string(R"({"metadata":{"labels":)") + labels + "}}").code,
        200);
  }
  const std::string text = read_some(watch, 3);
  const std::size_t added = text.find("\"ADDED\"");
  const std::size_t modified = text.find("\"MODIFIED\"");
  const std::size_t deleted = text.find("\"DELETED\"");
  EXPECT_LT(added, modified) << text;
  EXPECT_LT(modified, deleted) << text;
  EXPECT_NE(deleted, std::string::npos);
}

TEST_F(Read, AWatchOfATableHasHeadersOnce) {
  flag("a");
  ServedResponse watch = raw("GET", kFlags + "?watch=1", "", {{"accept", kTable}});
  const std::string first = read_some(watch, 1);
  EXPECT_THAT(first, HasSubstr(R"("columnDefinitions":[{"name":"Name")"));
  flag("b");
  EXPECT_THAT(read_some(watch, 1), HasSubstr(R"("columnDefinitions":null)"));
}

TEST_F(Read, DiscoveryComesInBothForms) {
  const Answer groups = get("/apis", "application/json");
  EXPECT_EQ(groups.body["kind"], "APIGroupList");
  const Answer all =
      get("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_EQ(all.body["kind"], "APIGroupDiscoveryList");
  EXPECT_EQ(all.body["items"][0]["versions"][0]["resources"][0]["shortNames"][0], "rff");
  EXPECT_EQ(get("/version").body["gitVersion"], "v1.36.0");
  EXPECT_EQ(get("/readyz").text, "ok");
}

TEST_F(Read, OpenApiNamesItsVersionAndIsCached) {
  const std::string url =
      get("/openapi/v3").body["paths"]["apis/ripcord.dev/v1alpha1"]["serverRelativeURL"];
  const Answer document = get(url);
  const auto& schema = document.body["components"]["schemas"]["dev.ripcord.v1alpha1.FeatureFlag"];
  EXPECT_EQ(schema["x-kubernetes-group-version-kind"][0]["kind"], "FeatureFlag");
  EXPECT_FALSE(schema["properties"]["spec"]["properties"]["override"]["description"].empty());
  ASSERT_EQ(document.headers[0].first, "ETag");
  EXPECT_EQ(ask("GET", url, "", {{"if-none-match", document.headers[0].second}}).code, 304);
}

}  // namespace
}  // namespace ripcord::apiserver
