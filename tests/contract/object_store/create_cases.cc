// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <set>

namespace ripcord {
namespace {

using testing::HasSubstr;

TEST_P(ObjectStoreContract, CreateGivesAnObjectItsIdentity) {
  const WallTime before = SystemClock().wall_now();
  const Resource object = created(sample_flag("a"));
  const WallTime after = SystemClock().wall_now();

  EXPECT_EQ(object.meta.uid.size(), 36U) << object.meta.uid;
  EXPECT_EQ(object.meta.generation, 1);
  EXPECT_GT(object.meta.resource_version, 0);
  EXPECT_GE(object.meta.creation_timestamp, std::chrono::floor<std::chrono::seconds>(before));
  EXPECT_LE(object.meta.creation_timestamp, after);
  EXPECT_EQ(object.meta.creation_timestamp,
            std::chrono::floor<std::chrono::seconds>(object.meta.creation_timestamp));
  EXPECT_FALSE(object.meta.deletion_timestamp);
  EXPECT_EQ(object.status, sample_flag("a").status);
  EXPECT_EQ(stored(object), object);
}

TEST_P(ObjectStoreContract, CreateStoresWhatTheCallerOwnsOfEveryKind) {
  for (const Kind kind : kAllKinds) {
    const Resource wanted = full_object(kind, "full", "shop");
    const Resource object = created(wanted);
    EXPECT_EQ(object.key(), wanted.key());
    EXPECT_EQ(object.meta.labels, wanted.meta.labels);
    EXPECT_EQ(object.meta.annotations, wanted.meta.annotations);
    EXPECT_EQ(object.meta.finalizers, wanted.meta.finalizers);
    EXPECT_EQ(object.spec, wanted.spec) << to_string(kind);
    EXPECT_EQ(object.status, make_resource(kind, "full").status) << to_string(kind);
    EXPECT_EQ(stored(object), object);
  }
}

TEST_P(ObjectStoreContract, CreateIgnoresWhatIsTheStores) {
  Resource wanted = sample_flag("a");
  wanted.meta.uid = "mine";
  wanted.meta.generation = 7;
  wanted.meta.creation_timestamp = WallTime(std::chrono::hours(1));
  wanted.meta.deletion_timestamp = WallTime(std::chrono::hours(2));
  common(wanted.status).observed_generation = 7;

  const Resource object = created(wanted);
  EXPECT_NE(object.meta.uid, "mine");
  EXPECT_EQ(object.meta.generation, 1);
  EXPECT_GT(object.meta.creation_timestamp, WallTime(std::chrono::hours(2)));
  EXPECT_FALSE(object.meta.deletion_timestamp);
  EXPECT_EQ(common(object.status).observed_generation, -1);
}

// Whoever names a version has an object in mind that is there already.
TEST_P(ObjectStoreContract, CreateRefusesAResourceVersion) {
  Resource wanted = sample_flag("a");
  wanted.meta.resource_version = 77;
  const auto refused = store().create(wanted);
  EXPECT_CODE(refused, StatusCode::kInvalidArgument);
  EXPECT_THAT(status_of(refused).message(),
              HasSubstr("should not be set on objects to be created"));
  EXPECT_CODE(store().get(wanted.key()), StatusCode::kNotFound);
  created(sample_flag("a"));
  EXPECT_CODE(store().create(wanted), StatusCode::kInvalidArgument);
}

TEST_P(ObjectStoreContract, CreateRefusesAnObjectThatExists) {
  const Resource first = created(sample_flag("a"));
  const auto second = store().create(with_suspend(sample_flag("a"), true));
  EXPECT_CODE(second, StatusCode::kAlreadyExists);
  EXPECT_EQ(stored(first), first);
}

TEST_P(ObjectStoreContract, OneNameMayBeUsedInEveryKindAndNamespace) {
  std::set<std::string> uids;
  for (const Kind kind : kAllKinds) {
    for (const std::string ns : {"default", "shop"}) {
      uids.insert(created(sample_object(kind, "same", ns)).meta.uid);
    }
  }
  EXPECT_EQ(uids.size(), 2 * kAllKinds.size());
}

TEST_P(ObjectStoreContract, ARecreatedObjectIsAnotherOne) {
  const Resource first = created(with_suspend(sample_flag("a"), true));
  updated(with_suspend(first, false));
  ASSERT_OK(store().remove(first.key()));
  const Resource second = created(sample_flag("a"));
  EXPECT_NE(second.meta.uid, first.meta.uid);
  EXPECT_EQ(second.meta.generation, 1);
  EXPECT_GT(second.meta.resource_version, first.meta.resource_version);
}

struct InvalidObject {
  std::string field;
  std::function<void(Resource&)> spoil;
};

std::vector<InvalidObject> invalid_objects() {
  return {
      {"metadata.name", [](Resource& o) { o.meta.name = ""; }},
      {"metadata.name", [](Resource& o) { o.meta.name = "New_Checkout"; }},
      {"spec.defaultVariant",
       [](Resource& o) { std::get<FeatureFlagSpec>(o.spec).default_variant = "absent"; }},
      {"spec.offVariant",
       [](Resource& o) { std::get<FeatureFlagSpec>(o.spec).off_variant = "absent"; }},
  };
}

TEST_P(ObjectStoreContract, CreateRefusesAnInvalidObjectAndNamesTheField) {
  for (const auto& [field, spoil] : invalid_objects()) {
    Resource wanted = sample_flag("a");
    spoil(wanted);
    const auto result = store().create(wanted);
    EXPECT_CODE(result, StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(result).message(), HasSubstr(field));
  }
  EXPECT_TRUE(must(store().list(Kind::kFeatureFlag)).items.empty());
}

TEST_P(ObjectStoreContract, UpdateRefusesAnInvalidSpecAndNamesTheField) {
  const Resource object = created(sample_flag("a"));
  Resource wanted = object;
  std::get<FeatureFlagSpec>(wanted.spec).default_variant = "absent";
  const auto result = store().update(wanted);
  EXPECT_CODE(result, StatusCode::kInvalidArgument);
  EXPECT_THAT(status_of(result).message(), HasSubstr("spec.defaultVariant"));
  EXPECT_EQ(stored(object), object);
}

}  // namespace
}  // namespace ripcord
