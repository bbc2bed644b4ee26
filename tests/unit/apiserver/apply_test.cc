// SPDX-License-Identifier: Apache-2.0
// Server-side apply: who owns what, and what an apply removes.
#include "controller/codec/codec.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace ripcord::apiserver {
namespace {

using testing::HasSubstr;

using Apply = ApiTest;

TEST_F(Apply, CreatesAnObjectAndNotesItsOwner) {
  const Answer made = apply("alice", R"({"enabled":false})");
  ASSERT_EQ(made.code, 201) << made.text;
  const auto& owner = made.body["metadata"]["managedFields"][0];
  EXPECT_EQ(owner["manager"], "alice");
  EXPECT_EQ(owner["operation"], "Apply");
  EXPECT_EQ(owner["fieldsV1"].dump(), R"({"f:spec":{"f:enabled":{}}})");
}

TEST_F(Apply, ChangesNothingWhenItIsRepeated) {
  const Answer first = apply("alice", R"({"enabled":false})");
  clock_.advance(std::chrono::seconds(5));
  const Answer second = apply("alice", R"({"enabled":false})");
  EXPECT_EQ(second.code, 200);
  EXPECT_EQ(first.body["metadata"], second.body["metadata"]);
}

TEST_F(Apply, RefusesAFieldOfAnotherAndNamesBoth) {
  ASSERT_EQ(apply("alice", R"({"enabled":false})").code, 201);
  const Answer refused = apply("bob", R"({"enabled":true})");
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.body["message"],
            "Apply failed with 1 conflict: conflict with \"alice\": .spec.enabled");
  EXPECT_EQ(refused.body["details"]["causes"][0]["reason"], "FieldManagerConflict");
  EXPECT_EQ(refused.body["details"]["causes"][0]["field"], ".spec.enabled");
  EXPECT_EQ(get(kFlags + "/a").body["spec"]["enabled"], false);
}

TEST_F(Apply, SharesAFieldThatBothWantEqual) {
  ASSERT_EQ(apply("alice", R"({"enabled":false})").code, 201);
  ASSERT_EQ(apply("bob", R"({"enabled":false})").code, 200);
  // Alice leaves it: it is still Bob's.
  ASSERT_EQ(apply("alice", R"({"suspend":true})").code, 200);
  EXPECT_EQ(get(kFlags + "/a").body["spec"]["enabled"], false);
  // Bob leaves it too: it falls back to its default.
  ASSERT_EQ(apply("bob", "{}").code, 200);
  EXPECT_EQ(get(kFlags + "/a").body["spec"]["enabled"], true);
}

TEST_F(Apply, TakesAFieldByForce) {
  ASSERT_EQ(apply("alice", R"({"enabled":false})").code, 201);
  const Answer taken = apply("bob", R"({"enabled":true})", "&force=true");
  ASSERT_EQ(taken.code, 200) << taken.text;
  EXPECT_EQ(taken.body["spec"]["enabled"], true);
  EXPECT_EQ(taken.body["metadata"]["managedFields"].size(), 1U);
  EXPECT_EQ(taken.body["metadata"]["managedFields"][0]["manager"], "bob");
}

TEST_F(Apply, LeavesAnOverrideThatItDoesNotName) {
  ASSERT_EQ(apply("git", R"({"enabled":true})").code, 201);
  ASSERT_EQ(patch(kMerge, kFlags + "/a?fieldManager=oncall",
                  R"({"spec":{"override":{"enabled":false,"reason":"INC-1"}}})")
                .code,
            200);
  const Answer again = apply("git", R"({"enabled":true})");
  EXPECT_EQ(again.code, 200);
  EXPECT_EQ(again.body["spec"]["override"]["reason"], "INC-1");
  const Answer fight = apply("git", R"({"enabled":true,"override":{"enabled":true}})");
  EXPECT_EQ(fight.code, 409);
  EXPECT_THAT(fight.text,
              HasSubstr(R"(\"oncall\" using ripcord.dev/v1alpha1: .spec.override.enabled)"));
}

TEST_F(Apply, FindsTheOwnerOfWhatWasThereBefore) {
  flag("a");  // by a writer that notes no owners
  const Answer refused = apply("alice", R"({"enabled":false})");
  EXPECT_EQ(refused.code, 409);
  EXPECT_THAT(refused.text, HasSubstr("before-first-apply"));
}

TEST_F(Apply, MergesConditionsByTheirType) {
  flag("a");
  const auto condition = [](const std::string& type, const std::string& status) {
    return R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":{"name":"a"},
      "status":{"conditions":[{"type":")" +
           type + R"(","status":")" + status +
           R"(","reason":"R","message":"m","lastTransitionTime":"2024-01-15T12:00:00Z"}]}})";
  };
  const std::string path = kFlags + "/a/status?fieldManager=";
  ASSERT_EQ(patch(kApply, path + "one", condition("Ready", "True")).code, 200);
  const Answer both = patch(kApply, path + "two", condition("Stalled", "True"));
  ASSERT_EQ(both.code, 200) << both.text;
  EXPECT_EQ(both.body["status"]["conditions"].size(), 2U);
  const Answer refused = patch(kApply, path + "two", condition("Ready", "False"));
  EXPECT_EQ(refused.code, 409);
  EXPECT_THAT(refused.text, HasSubstr(R"(.status.conditions[type=\"Ready\"].status)"));
}

TEST_F(Apply, RefusesWhatWouldMakeAnObjectAnewOrHasNoManager) {
  const std::string body = R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",
    "metadata":{"name":"a","uid":"gone"},"spec":{}})";
  EXPECT_EQ(patch(kApply, kFlags + "/a?fieldManager=x", body).code, 409);
  EXPECT_EQ(patch(kApply, kFlags + "/a", "{}").code, 422);
  EXPECT_EQ(patch(kApply, kFlags + "/a?fieldManager=x", "[").code, 400);
}

TEST_F(Apply, ReadsYaml) {
  const Answer made = patch(kApply, kFlags + "/a?fieldManager=x",
                            "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\n"
                            "metadata: {name: a, labels: {team: shop}}\nspec: {enabled: no}\n");
  ASSERT_EQ(made.code, 201) << made.text;
  EXPECT_EQ(made.body["spec"]["enabled"], false);
  EXPECT_EQ(made.body["metadata"]["labels"]["team"], "shop");
}

TEST_F(Apply, OwnersSurviveWhatTheStoreWritesToDisk) {
  ASSERT_EQ(apply("alice", R"({"enabled":false})").code, 201);
  const ResourcePtr object = store_.get({Kind::kFeatureFlag, "default", "a"}).value();
  const Result<Resource> back = codec::decode_stored(codec::encode(*object));
  ASSERT_OK(back);
  EXPECT_EQ(*back, *object);
  ASSERT_TRUE(back->meta.api_fields.text);
  EXPECT_THAT(*back->meta.api_fields.text, HasSubstr("alice"));
}

TEST_F(Apply, WhatAManifestChangesIsTakenFromItsOwner) {
  ASSERT_EQ(apply("alice", R"({"enabled":false,"suspend":true})").code, 201);
  const ResourcePtr live = store_.get({Kind::kFeatureFlag, "default", "a"}).value();
  Resource wanted = *live;
  std::get<FeatureFlagSpec>(wanted.spec).enabled = true;
  std::get<FeatureFlagSpec>(wanted.spec).targeting.clear();
  wanted.meta.labels["from"] = "git";
  codec::own_direct_change(*live, wanted, "manifests", clock_.wall_now());
  ASSERT_OK(store_.update(wanted));
  // Alice owned both; what she leaves goes, what the manifest took stays as it is.
  EXPECT_EQ(apply("alice", R"({"enabled":false})").code, 409);
  const Answer left = apply("alice", "{}");
  EXPECT_EQ(left.code, 200) << left.text;
  EXPECT_EQ(left.body["spec"]["enabled"], true);
  EXPECT_FALSE(left.body["spec"].contains("suspend"));
}

TEST_F(Apply, AStoreWriteThatKnowsNoOwnersKeepsThem) {
  ASSERT_EQ(apply("alice", R"({"enabled":false})").code, 201);
  Resource object = *store_.get({Kind::kFeatureFlag, "default", "a"}).value();
  object.meta.api_fields = {};
  object.meta.labels["x"] = "y";
  ASSERT_OK(store_.update(object));
  EXPECT_EQ(get(kFlags + "/a").body["metadata"]["managedFields"][0]["manager"], "alice");
}

}  // namespace
}  // namespace ripcord::apiserver
