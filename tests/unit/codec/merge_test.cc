// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"
#include "tests/support/status_matchers.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

codec::Manifest flag(const std::string& spec, const std::string& metadata = "") {
  const codec::ManifestFile file = codec::read_manifests(
      "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: a" + metadata +
          "}\nspec: " + spec + "\n",
      "a.yaml");
  EXPECT_EQ(file.manifests.size(), 1U) << (file.errors.empty() ? "" : to_string(file.errors[0]));
  return file.manifests.empty() ? codec::Manifest{} : file.manifests.front();
}

FeatureFlagSpec& spec_of(Resource& object) {
  return std::get<FeatureFlagSpec>(object.spec);
}

// The object after applying `manifest` over `live`, as a store would keep it.
Resource apply(const codec::Manifest& manifest, const Resource* live) {
  Result<Resource> result = codec::apply_manifest(manifest, live);
  EXPECT_OK(result);
  return result ? *result : Resource{};
}

TEST(ApplyManifest, CreatesTheObjectWithItsDefaultsAndItsDocument) {
  const codec::Manifest manifest = flag("{enabled: false}", ", labels: {app: shop}");
  const Resource created = apply(manifest, nullptr);
  Resource expected = manifest.object;
  expected.meta.annotations[std::string(codec::kLastApplied)] =
      R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":{"labels":{"app":"shop"},"name":"a"},"spec":{"enabled":false}})";
  EXPECT_TRUE(created == expected) << codec::encode_yaml(created);
}

TEST(ApplyManifest, ChangesNothingWhenAppliedAgain) {
  for (const char* spec :
       {"{}", "{variants: {a: 1, b: 2}, defaultVariant: a, offVariant: b}",
        "{override: {enabled: false, until: 2024-01-15T12:00:00Z}}",
        "{variants: {a: {x: null, z: [null]}}, defaultVariant: a, offVariant: a}"}) {
    const codec::Manifest manifest = flag(spec, ", finalizers: [x/y]");
    const Resource first = apply(manifest, nullptr);
    const Resource second = apply(manifest, &first);
    EXPECT_TRUE(first == second) << spec << "\n" << codec::encode_yaml(second);
  }
}

TEST(ApplyManifest, DoesNotDependOnHowTheSameIsWritten) {
  const Resource first = apply(flag("{enabled: no, key: k}"), nullptr);
  const Resource second = apply(flag("{\"key\": \"k\", \"enabled\": false}"), &first);
  EXPECT_TRUE(first == second);
}

TEST(ApplyManifest, LeavesAnOverrideThatTheManifestNeverNamed) {
  const codec::Manifest manifest = flag("{enabled: true}");
  Resource live = apply(manifest, nullptr);
  live.meta.uid = "u";
  live.meta.resource_version = 7;
  live.meta.generation = 2;
  live.meta.labels["by"] = "someone";
  live.status = FeatureFlagStatus{};
  common(live.status).observed_generation = 2;
  spec_of(live).override = FeatureFlagOverride{{"INC-231", "alice", std::nullopt}, false, {}};
  Resource again = apply(manifest, &live);
  EXPECT_TRUE(again == live) << codec::encode_yaml(again);

  Resource changed = apply(flag("{enabled: false, key: k}"), &live);
  EXPECT_EQ(spec_of(changed).key, "k");
  EXPECT_FALSE(spec_of(changed).enabled);
  EXPECT_TRUE(spec_of(changed).override == spec_of(live).override);
  EXPECT_EQ(changed.meta.labels["by"], "someone");
  EXPECT_EQ(changed.meta.resource_version, 7);
  EXPECT_EQ(common(changed.status).observed_generation, 2);
}

TEST(ApplyManifest, RemovesWhatItNamedBeforeAndNamesNoLonger) {
  const Resource live =
      apply(flag("{override: {enabled: false, by: git}}", ", labels: {a: x, b: z}"), nullptr);
  Resource after = apply(flag("{}", ", labels: {b: z}"), &live);
  EXPECT_FALSE(spec_of(after).override.has_value());
  EXPECT_EQ(after.meta.labels, (std::map<std::string, std::string>{{"b", "z"}}));
}

TEST(ApplyManifest, RemovesOnlyItsOwnFieldsOfASharedMapping) {
  Resource live = apply(flag("{override: {enabled: false, by: git}}"), nullptr);
  spec_of(live).override->reason = "said by a person";
  Resource after = apply(flag("{override: {enabled: false}}"), &live);
  EXPECT_EQ(spec_of(after).override->by, "");
  EXPECT_EQ(spec_of(after).override->reason, "said by a person");
}

TEST(ApplyManifest, RemovesWhatTheManifestSaysNullTo) {
  Resource live = apply(flag("{}"), nullptr);
  spec_of(live).override = FeatureFlagOverride{{"r", "b", std::nullopt}, false, {}};
  Resource after = apply(flag("{override: null}"), &live);
  EXPECT_FALSE(spec_of(after).override.has_value());
}

TEST(ApplyManifest, ReplacesDefaultsOfTheLastManifestByThoseOfTheNew) {
  const Resource live = apply(flag("{}"), nullptr);
  Resource after =
      apply(flag("{variants: {low: 1, high: 2}, defaultVariant: low, offVariant: low}"), &live);
  EXPECT_EQ(spec_of(after).variants,
            (std::map<std::string, std::string>{{"high", "2"}, {"low", "1"}}));
  Resource back = apply(flag("{}"), &after);
  EXPECT_TRUE(back == live) << codec::encode_yaml(back);
}

TEST(ApplyManifest, RepairsAFieldThatItNamesAndAnotherChanged) {
  const codec::Manifest manifest = flag("{enabled: true}");
  Resource live = apply(manifest, nullptr);
  spec_of(live).enabled = false;
  Resource after = apply(manifest, &live);
  EXPECT_TRUE(spec_of(after).enabled);
}

TEST(ApplyManifest, TakesOverAnObjectThatNoManifestMade) {
  Resource live = make_resource(Kind::kFeatureFlag, "a");
  spec_of(live).key = "its-own";
  spec_of(live).variants = {{"on", "true"}, {"off", "false"}};
  spec_of(live).default_variant = "on";
  spec_of(live).off_variant = "off";
  Resource after = apply(flag("{enabled: false}"), &live);
  EXPECT_EQ(spec_of(after).key, "its-own");
  EXPECT_FALSE(spec_of(after).enabled);
}

TEST(ApplyManifest, SurvivesAnAnnotationThatSomebodyBroke) {
  Resource live = apply(flag("{enabled: true}"), nullptr);
  for (const char* broken : {"", "{", "[]", "{\"spec\": 5, \"metadata\": []}"}) {
    live.meta.annotations[std::string(codec::kLastApplied)] = broken;
    Resource after = apply(flag("{enabled: false}"), &live);
    EXPECT_FALSE(spec_of(after).enabled);
  }
}

TEST(ApplyManifest, RefusesAnOverrideThatTheNewManifestLeavesWithoutItsVariant) {
  Resource live =
      apply(flag("{variants: {a: 1, b: 2}, defaultVariant: a, offVariant: a}"), nullptr);
  spec_of(live).override = FeatureFlagOverride{{"", "", std::nullopt}, std::nullopt, "b"};
  const Result<Resource> after = codec::apply_manifest(
      flag("{variants: {a: 1, c: 2}, defaultVariant: a, offVariant: a}"), &live);
  EXPECT_CODE(after, StatusCode::kInvalidArgument);
}

TEST(ApplyManifest, RefusesAnotherObject) {
  const Resource live = make_resource(Kind::kFeatureFlag, "b");
  EXPECT_CODE(codec::apply_manifest(flag("{}"), &live), StatusCode::kInternal);
}

TEST(RelativePaths, AreTakenFromTheFolderOfTheManifest) {
  Resource object = make_resource(Kind::kMigrationVersion, "a");
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.source.directory = "./migrations";
  spec.database.url_file = "../secret";
  codec::resolve_relative_paths(object, "/etc/ripcord/shop/m.yaml");
  EXPECT_EQ(spec.source.directory, "/etc/ripcord/shop/migrations");
  EXPECT_EQ(spec.database.url_file, "/etc/ripcord/secret");
  codec::resolve_relative_paths(object, "/somewhere/else.yaml");
  EXPECT_EQ(spec.source.directory, "/etc/ripcord/shop/migrations");

  Resource restore = make_resource(Kind::kRestoreRequest, "a");
  auto& wanted = std::get<RestoreRequestSpec>(restore.spec);
  wanted.catalog_directory = "backups";
  wanted.database = {Engine::kSqlite, "", "", "", "shop.db"};
  codec::resolve_relative_paths(restore, "m.yaml");
  EXPECT_EQ(wanted.catalog_directory, "backups");
  codec::resolve_relative_paths(restore, "dir/m.yaml");
  EXPECT_EQ(wanted.database.path, "dir/shop.db");
  wanted.database = {Engine::kSimulation, "", "", "", "shop"};
  codec::resolve_relative_paths(restore, "dir/m.yaml");
  EXPECT_EQ(wanted.database.path, "shop");
}

}  // namespace
}  // namespace ripcord
