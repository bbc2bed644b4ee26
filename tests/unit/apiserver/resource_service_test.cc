// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/resource_service.h"

#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/memory/object_store.h"
#include "controller/codec/codec.h"
#include "controller/codec/wire.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

using testing::HasSubstr;

const std::string kFlags = "/apis/ripcord.dev/v1alpha1/namespaces/default/featureflags";

class ResourceServiceTest : public testing::Test {
 protected:
  ServedResponse send(const std::string& method, const std::string& path,
                      const std::string& body = {}, const std::string& type = "application/json") {
    const std::size_t query = path.find('?');
    return service_.serve({.method = method,
                           .path = path.substr(0, query),
                           .query = query == std::string::npos ? "" : path.substr(query + 1),
                           .headers = {{"content-type", type}},
                           .body = body});
  }
  ServedResponse patch(const std::string& path, const std::string& body) {
    return send("PATCH", path, body, "application/merge-patch+json");
  }
  FeatureFlagSpec stored_flag() {
    return std::get<FeatureFlagSpec>((*store_.get({Kind::kFeatureFlag, "default", "a"}))->spec);
  }

  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  apiserver::ResourceService service_{store_, clock_, apiserver::embedded_catalog().value(),
                                      "v1.36.0"};
};

TEST_F(ResourceServiceTest, CreatesReadsAndDeletesAnObject) {
  EXPECT_EQ(send("POST", kFlags, codec::encode(sample_flag("a"))).status, 201);
  const ServedResponse got = send("GET", kFlags + "/a");
  EXPECT_EQ(got.status, 200);
  EXPECT_THAT(got.body, HasSubstr(R"("name":"a")"));
  EXPECT_EQ(send("DELETE", kFlags + "/a").status, 200);
  EXPECT_EQ(send("GET", kFlags + "/a").status, 404);
}

TEST_F(ResourceServiceTest, AnswersFailuresWithAStatusObjectAndItsCode) {
  ASSERT_OK(store_.create(sample_flag("a")));
  const struct {
    std::string method, path, body;
    int status;
    std::string reason;
  } cases[] = {
      {"GET", kFlags + "/missing", "", 404, "NotFound"},
      {"POST", kFlags, codec::encode(sample_flag("a")), 409, "AlreadyExists"},
      {"POST", kFlags, "{", 400, "BadRequest"},
      {"POST", kFlags, codec::encode(sample_flag("b", "other")), 400, "BadRequest"},
      {"PUT", kFlags + "/a", codec::encode(sample_flag("a")), 422,
       "Invalid"},  // no resourceVersion
      {"DELETE", kFlags + "/a", R"({"preconditions":{"uid":"another"}})", 409, "Conflict"},
      {"PATCH", kFlags + "/a", "{}", 415, "UnsupportedMediaType"},  // says not what patch it is
      {"POST", kFlags + "/a", "{}", 405, "MethodNotAllowed"},
  };
  for (const auto& c : cases) {
    const ServedResponse response = send(c.method, c.path, c.body);
    EXPECT_EQ(response.status, c.status) << c.method << " " << c.path << ": " << response.body;
    EXPECT_THAT(response.body, HasSubstr("\"kind\":\"Status\"")) << c.path;
    EXPECT_THAT(response.body, HasSubstr("\"reason\":\"" + c.reason + "\"")) << c.path;
  }
}

TEST_F(ResourceServiceTest, AnswersAPathThatNobodyServesInPlainText) {
  for (const char* path : {"/apis/ripcord.dev/v1alpha1/namespaces/default/unknowns/a",
                           "/apis/ripcord.dev/v1alpha1/namespaces/default/featureflags/a/scale",
                           "/apis/ripcord.dev/v2", "/nothing"}) {
    const ServedResponse response = send("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body, "404 page not found\n") << path;
  }
}

TEST_F(ResourceServiceTest, PatchesAnOverrideAndLiftsItWithNull) {
  ASSERT_OK(store_.create(sample_flag("a")));
  const ServedResponse set = patch(
      kFlags + "/a", R"({"spec":{"override":{"enabled":false,"reason":"INC-231","by":"alice"}}})");
  ASSERT_EQ(set.status, 200) << set.body;
  ASSERT_TRUE(stored_flag().override.has_value());
  EXPECT_EQ(stored_flag().override->reason, "INC-231");
  ASSERT_EQ(patch(kFlags + "/a", R"({"spec":{"override":null}})").status, 200);
  EXPECT_FALSE(stored_flag().override.has_value());
}

TEST_F(ResourceServiceTest, RefusesAPatchThatIsWrongOrOutdatedAndLeavesTheObject) {
  const ResourcePtr before = *store_.create(sample_flag("a"));
  EXPECT_EQ(send("PATCH", kFlags + "/a?fieldValidation=Strict", R"({"spec":{"enabeld":false}})",
                 "application/merge-patch+json")
                .status,
            422);
  EXPECT_EQ(patch(kFlags + "/a", R"({"spec":{"defaultVariant":"nowhere"}})").status, 422);
  EXPECT_EQ(patch(kFlags + "/a", R"({"metadata":{"name":"b"}})").status, 400);
  EXPECT_EQ(
      patch(kFlags + "/a", R"({"metadata":{"resourceVersion":"999"},"spec":{"enabled":false}})")
          .status,
      409);
  EXPECT_EQ(patch(kFlags + "/a", "[]").status, 400);
  EXPECT_EQ(**store_.get(before->key()), *before);
}

TEST_F(ResourceServiceTest, WritesStatusOnlyThroughItsOwnPath) {
  ASSERT_OK(store_.create(sample_flag("a")));
  ASSERT_EQ(patch(kFlags + "/a", R"({"status":{"observedGeneration":7}})").status, 200);
  EXPECT_EQ(common((*store_.get({Kind::kFeatureFlag, "default", "a"}))->status).observed_generation,
            -1);
  ASSERT_EQ(
      patch(kFlags + "/a/status", R"({"spec":{"enabled":false},"status":{"observedGeneration":7}})")
          .status,
      200);
  EXPECT_EQ(common((*store_.get({Kind::kFeatureFlag, "default", "a"}))->status).observed_generation,
            7);
  EXPECT_TRUE(stored_flag().enabled);
}

TEST_F(ResourceServiceTest, ListsOneNamespaceOrAll) {
  ASSERT_OK(store_.create(sample_flag("a")));
  ASSERT_OK(store_.create(sample_flag("b", "other")));
  const auto one = codec::decode_list(send("GET", kFlags).body);
  ASSERT_OK(one);
  EXPECT_EQ(one->items.size(), 1U);
  const auto all = codec::decode_list(send("GET", "/apis/ripcord.dev/v1alpha1/featureflags").body);
  ASSERT_OK(all);
  EXPECT_EQ(all->items.size(), 2U);
  EXPECT_GT(all->resource_version, 0);
}

TEST_F(ResourceServiceTest, WatchesOneObjectFromAList) {
  ASSERT_OK(store_.create(sample_flag("a")));
  ASSERT_OK(store_.create(sample_flag("b")));
  const ServedResponse watch = send("GET", kFlags + "?watch=1&fieldSelector=metadata.name%3Db");
  ASSERT_NE(watch.stream, nullptr);
  ASSERT_OK(store_.remove({Kind::kFeatureFlag, "default", "b"}));
  std::string lines;
  while (lines.find("DELETED") == std::string::npos) {
    const Result<std::string> piece = watch.stream->next({});
    ASSERT_OK(piece);
    lines += *piece;
  }
  EXPECT_THAT(lines, HasSubstr(R"({"type":"ADDED","object":)"));
  EXPECT_THAT(lines, testing::Not(HasSubstr(R"("name":"a")")));
}

TEST_F(ResourceServiceTest, AnswersAWatchFromTheFutureWithAnErrorFrame) {
  const ServedResponse watch = send("GET", kFlags + "?watch=true&resourceVersion=999999");
  EXPECT_EQ(watch.status, 200);
  const auto frame = codec::decode_watch_event(watch.body);
  EXPECT_CODE(frame, StatusCode::kExpired);
}

TEST_F(ResourceServiceTest, TellsClientsWhichKindsThereAre) {
  EXPECT_THAT(send("GET", "/apis").body, HasSubstr("ripcord.dev"));
  const std::string resources = send("GET", "/apis/ripcord.dev/v1alpha1").body;
  for (const Kind kind : kAllKinds) {
    EXPECT_THAT(resources, HasSubstr(std::string(plural(kind))));
  }
}

}  // namespace
}  // namespace ripcord
