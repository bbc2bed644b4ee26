// SPDX-License-Identifier: Apache-2.0
// Creates, updates, patches and deletes by the rules of the real server.
#include "tests/unit/apiserver/api_fixture.h"

namespace ripcord::apiserver {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Write = ApiTest;

std::string body_of(const std::string& metadata, const std::string& spec) {
  return R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":)" + metadata +
         R"(,"spec":)" + spec + "}";
}

TEST_F(Write, JsonPatchDoesWhatRfc6902Says) {
  const struct {
    std::string patch;
    int code;
    std::string labels;  // afterwards, from {"a":"1"}
  } cases[] = {
      {R"([{"op":"add","path":"/metadata/labels/b","value":"2"}])", 200, R"({"a":"1","b":"2"})"},
      {R"([{"op":"add","path":"/metadata/labels/x~1y","value":"2"}])", 200,
       R"({"a":"1","x/y":"2"})"},
      {R"([{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/c"}])", 200,
       R"({"a":"1","c":"1"})"},
      {R"([{"op":"move","from":"/metadata/labels/a","path":"/metadata/labels/c"}])", 200,
       R"({"c":"1"})"},
      {R"([{"op":"test","path":"/metadata/labels/a","value":"1"},{"op":"replace","path":"/metadata/labels/a","value":"3"}])",
       200, R"({"a":"3"})"},
      {R"([{"op":"test","path":"/metadata/labels/a","value":"2"}])", 422, R"({"a":"1"})"},
      {R"([{"op":"remove","path":"/metadata/labels/b"}])", 422, R"({"a":"1"})"},
      {R"([{"op":"replace","path":"/metadata/labels/b","value":"1"}])", 422, R"({"a":"1"})"},
      {R"([{"op":"frobnicate","path":"/metadata","value":1}])", 400, R"({"a":"1"})"},
      {R"({"op":"add"})", 400, R"({"a":"1"})"},
      {R"([{"op":"add","path":"metadata","value":1}])", 400, R"({"a":"1"})"},
      {R"([{"op":"move","from":"/metadata","path":"/metadata/labels"}])", 422, R"({"a":"1"})"},
  };
  int n = 0;
  for (const auto& c : cases) {
    const std::string name = "f" + std::to_string(n++);
    Resource object = sample_flag(name);
    object.meta.labels = {{"a", "1"}};
    ASSERT_OK(store_.create(object));
    EXPECT_EQ(patch(kJson, kFlags + "/" + name, c.patch).code, c.code) << c.patch;
    EXPECT_EQ(get(kFlags + "/" + name).body["metadata"]["labels"].dump(), c.labels) << c.patch;
  }
}

TEST_F(Write, AJsonPatchCannotGrowWithoutEnd) {
  flag("a");
  std::string patch_text =
      R"([{"op":"add","path":"/metadata/annotations","value":{"x":"0123456789"}})";
  for (int i = 0; i < 60; ++i) {
    patch_text += R"(,{"op":"copy","from":"/metadata","path":"/metadata/annotations/y)" +
                  std::to_string(i) + "\"}";
  }
  EXPECT_EQ(patch(kJson, kFlags + "/a", patch_text + "]").code, 422);
}

TEST_F(Write, UnknownFieldsAreRefusedWarnedAboutOrDropped) {
  const std::string wrong = body_of(R"({"name":"a"})", R"({"enabeld":false})");
  const Answer strict = ask("POST", kFlags + "?fieldValidation=Strict", wrong);
  EXPECT_EQ(strict.code, 400);
  EXPECT_THAT(strict.text, HasSubstr(R"(strict decoding error: unknown field \"spec.enabeld\")"));
  const Answer warned = ask("POST", kFlags + "?dryRun=All", wrong);
  EXPECT_EQ(warned.code, 201);
  ASSERT_EQ(warned.headers.size(), 1U);
  EXPECT_EQ(warned.headers[0].first, "Warning");
  EXPECT_EQ(warned.headers[0].second, R"(299 - "unknown field \"spec.enabeld\"")");
  const Answer dropped = ask("POST", kFlags + "?fieldValidation=Ignore", wrong);
  EXPECT_EQ(dropped.code, 201);
  EXPECT_TRUE(dropped.headers.empty());
  EXPECT_FALSE(dropped.body["spec"].contains("enabeld"));
  EXPECT_EQ(ask("POST", kFlags + "?fieldValidation=Sometimes", wrong).code, 422);
}

TEST_F(Write, ADryRunTellsTheOutcomeAndChangesNothing) {
  const std::string good = body_of(R"({"name":"a"})", "{}");
  EXPECT_EQ(ask("POST", kFlags + "?dryRun=All", good).code, 201);
  EXPECT_EQ(get(kFlags + "/a").code, 404);
  const ResourcePtr before = flag("a");
  EXPECT_EQ(ask("POST", kFlags + "?dryRun=All", good).code, 409);
  const Answer patched = patch(kMerge, kFlags + "/a?dryRun=All", R"({"spec":{"suspend":true}})");
  EXPECT_EQ(patched.code, 200);
  EXPECT_EQ(patched.body["spec"]["suspend"], true);
  EXPECT_EQ(ask("DELETE", kFlags + "/a?dryRun=All").code, 200);
  EXPECT_EQ(*store_.get(before->key()).value(), *before);
  EXPECT_EQ(ask("DELETE", kFlags + "/a?dryRun=Some").code, 422);
}

TEST_F(Write, CreateFollowsTheRulesOfNamesAndVersions) {
  const Answer generated = ask("POST", kFlags, body_of(R"({"generateName":"x-"})", "{}"));
  ASSERT_EQ(generated.code, 201) << generated.text;
  EXPECT_THAT(generated.body["metadata"]["name"].get<std::string>(), StartsWith("x-"));
  EXPECT_EQ(generated.body["metadata"]["generateName"], "x-");
  const struct {
    std::string metadata;
    int code;
  } cases[] = {
      {"{}", 422},
      {R"({"name":"b","resourceVersion":"7"})", 400},
      {R"({"name":"b","namespace":"other"})", 400},
      {R"({"name":"Not A Name"})", 422},
      {R"({"name":"b","ownerReferences":[{"apiVersion":"v1","kind":"X","name":"x","uid":"u"}]})",
       201},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ask("POST", kFlags, body_of(c.metadata, "{}")).code, c.code) << c.metadata;
  }
  EXPECT_EQ(get(kFlags + "/b").body["metadata"]["ownerReferences"][0]["uid"], "u");
}

TEST_F(Write, AReplacementNamesTheVersionThatWasRead) {
  flag("a");
  nlohmann::json object = get(kFlags + "/a").body;
  object["spec"]["suspend"] = true;
  ASSERT_EQ(ask("PUT", kFlags + "/a", object.dump()).code, 200);
  EXPECT_EQ(ask("PUT", kFlags + "/a", object.dump()).code, 409);
  object["metadata"].erase("resourceVersion");
  EXPECT_EQ(ask("PUT", kFlags + "/a", object.dump()).code, 422);
  object["metadata"]["name"] = "b";
  EXPECT_EQ(ask("PUT", kFlags + "/a", object.dump()).code, 400);
}

// Probe 6 of the reference: what changes nothing leaves the version and wakes nobody.
TEST_F(Write, WritesWithoutAChangeLeaveTheVersion) {
  const std::string version = std::to_string(flag("a")->meta.resource_version);
  EXPECT_EQ(patch(kMerge, kFlags + "/a", R"({"spec":{"enabled":true}})")
                .body["metadata"]["resourceVersion"],
            version);
  EXPECT_EQ(
      patch(kMerge, kFlags + "/a/status", R"({"status":{}})").body["metadata"]["resourceVersion"],
      version);
}

// Probe 7: the status path ignores spec and the uid, and locks by the version alone.
TEST_F(Write, AStatusPatchIgnoresSpecAndUid) {
  flag("a");
  const Answer written =
      patch(kMerge, kFlags + "/a/status",
            R"({"metadata":{"uid":"other"},"spec":{"suspend":true},"status":{"variant":"on"}})");
  EXPECT_EQ(written.code, 200) << written.text;
  EXPECT_EQ(written.body["status"]["variant"], "on");
  EXPECT_FALSE(written.body["spec"].contains("suspend"));
  EXPECT_EQ(patch(kMerge, kFlags + "/a/status",
                  R"({"metadata":{"resourceVersion":"1"},"status":{"variant":"off"}})")
                .code,
            409);
  EXPECT_EQ(get(kFlags + "/a/status").code, 200);
}

// Probes 8 to 10.
TEST_F(Write, DeletionWaitsForFinalizersAndTakesNoNewOnes) {
  flag("a");
  EXPECT_EQ(patch("application/strategic-merge-patch+json", kFlags + "/a", "{}").code, 415);
  ASSERT_EQ(patch(kMerge, kFlags + "/a", R"({"metadata":{"finalizers":["x/y"]}})").code, 200);
  const Answer marked = ask("DELETE", kFlags + "/a");
  EXPECT_EQ(marked.body["kind"], "FeatureFlag");
  EXPECT_EQ(marked.body["metadata"]["generation"], 2);
  EXPECT_TRUE(marked.body["metadata"].contains("deletionTimestamp"));
  const Answer more = patch(kMerge, kFlags + "/a", R"({"metadata":{"finalizers":["x/y","x/z"]}})");
  EXPECT_EQ(more.code, 422);
  EXPECT_EQ(more.body["details"]["causes"][0]["field"], "metadata.finalizers");
  const Answer last = patch(kMerge, kFlags + "/a", R"({"metadata":{"finalizers":null}})");
  EXPECT_EQ(last.code, 200);
  EXPECT_EQ(last.body["metadata"]["name"], "a");
  EXPECT_EQ(get(kFlags + "/a").code, 404);
}

TEST_F(Write, ADeletionHoldsToItsPreconditions) {
  const ResourcePtr object = flag("a");
  EXPECT_EQ(ask("DELETE", kFlags + "/a", R"({"preconditions":{"uid":"other"}})").code, 409);
  EXPECT_EQ(ask("DELETE", kFlags + "/a", R"({"preconditions":{"resourceVersion":"x"}})").code, 400);
  EXPECT_EQ(ask("DELETE", kFlags + "/a", R"({"propagationPolicy":"Sideways"})").code, 422);
  const Answer gone = ask("DELETE", kFlags + "/a?propagationPolicy=Foreground",
                          R"({"preconditions":{"uid":")" + object->meta.uid + "\"}}");
  EXPECT_EQ(gone.code, 200);
  EXPECT_EQ(gone.body["status"], "Success");
  EXPECT_EQ(gone.body["details"]["uid"], object->meta.uid);
}

TEST_F(Write, DeletesWhatASelectorNames) {
  for (const char* name : {"a", "b", "c"}) {
    Resource object = sample_flag(name);
    object.meta.labels["keep"] = name == std::string("b") ? "yes" : "no";
    ASSERT_OK(store_.create(object));
  }
  const Answer deleted = ask("DELETE", kFlags + "?labelSelector=keep!=yes");
  EXPECT_EQ(deleted.body["items"].size(), 2U);
  EXPECT_EQ(get(kFlags).body["items"].size(), 1U);
}

}  // namespace
}  // namespace ripcord::apiserver
