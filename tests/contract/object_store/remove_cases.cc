// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

namespace ripcord {
namespace {

using testing::HasSubstr;

Resource with_finalizers(Resource object, std::vector<std::string> finalizers) {
  object.meta.finalizers = std::move(finalizers);
  return object;
}

const std::string kFirst = "ripcord.dev/first";
const std::string kSecond = "ripcord.dev/second";

TEST_P(ObjectStoreContract, RemoveTakesAnObjectAway) {
  const Resource object = created(sample_flag("a"));
  const auto watch = watch_from(version_now());
  ASSERT_OK(store().remove(object.key()));
  EXPECT_CODE(store().get(object.key()), StatusCode::kNotFound);
  EXPECT_TRUE(must(store().list(Kind::kFeatureFlag)).items.empty());

  const WatchEvent event = next(*watch);
  EXPECT_EQ(in_short(event), "Deleted default/a");
  EXPECT_GT(event.object->meta.resource_version, object.meta.resource_version);
  expect_version(version_now(), event.object->meta.resource_version);
  Resource last = *event.object;
  last.meta.resource_version = object.meta.resource_version;
  EXPECT_EQ(last, object) << "the last state, but for the version of the deletion";
}

TEST_P(ObjectStoreContract, RemoveOfAnAbsentObjectIsNotFound) {
  const Resource object = created(sample_flag("a"));
  EXPECT_CODE(store().remove(sample_flag("b").key()), StatusCode::kNotFound);
  EXPECT_CODE(store().remove(sample_flag("a", "shop").key()), StatusCode::kNotFound);
  EXPECT_CODE(store().remove(sample_object(Kind::kTrafficTarget, "a").key()),
              StatusCode::kNotFound);
  EXPECT_EQ(stored(object), object);
}

TEST_P(ObjectStoreContract, RemoveHonoursItsPreconditions) {
  const Resource old = created(sample_flag("a"));
  const Resource object = updated(with_suspend(old, true));
  const std::string other = "11111111-1111-4111-8111-111111111111";
  const std::int64_t version = object.meta.resource_version;
  for (const Preconditions& wrong :
       {Preconditions{other, 0}, Preconditions{"", old.meta.resource_version},
        Preconditions{other, version}, Preconditions{object.meta.uid, version + 1}}) {
    EXPECT_CODE(store().remove(object.key(), wrong), StatusCode::kConflict);
    EXPECT_EQ(stored(object), object);
  }
  ASSERT_OK(store().remove(object.key(), {object.meta.uid, version}));
  EXPECT_CODE(store().get(object.key()), StatusCode::kNotFound);
}

TEST_P(ObjectStoreContract, RemoveWithFinalizersMarksTheObjectDeleting) {
  const Resource before = created(with_finalizers(sample_flag("a"), {kFirst}));
  const auto watch = watch_from(version_now());
  ASSERT_OK(store().remove(before.key()));

  const Resource after = stored(before);
  ASSERT_TRUE(after.meta.deletion_timestamp);
  EXPECT_GE(*after.meta.deletion_timestamp, before.meta.creation_timestamp);
  EXPECT_EQ(after.meta.generation, before.meta.generation + 1);
  EXPECT_GT(after.meta.resource_version, before.meta.resource_version);
  EXPECT_EQ(after.meta.finalizers, before.meta.finalizers);
  EXPECT_EQ(after.spec, before.spec);
  const WatchEvent event = next(*watch);
  EXPECT_EQ(in_short(event), "Modified default/a");
  EXPECT_EQ(*event.object, after);
}

TEST_P(ObjectStoreContract, RemoveOfADeletingObjectChangesNothing) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst}));
  ASSERT_OK(store().remove(object.key()));
  const Resource deleting = stored(object);
  const auto watch = watch_from(version_now());
  EXPECT_OK(store().remove(object.key()));
  EXPECT_EQ(stored(object), deleting);
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, TheLastFinalizerTakesADeletingObjectAway) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst, kSecond}));
  ASSERT_OK(store().remove(object.key()));
  const auto watch = watch_from(version_now());

  const Resource one_left = updated(with_finalizers(stored(object), {kSecond}));
  EXPECT_EQ(one_left.meta.generation, object.meta.generation + 1);
  EXPECT_EQ(stored(object), one_left);
  EXPECT_EQ(in_short(next(*watch)), "Modified default/a");

  const Resource none_left = updated(with_finalizers(one_left, {}));
  EXPECT_TRUE(none_left.meta.finalizers.empty());
  EXPECT_GE(none_left.meta.resource_version, one_left.meta.resource_version);
  EXPECT_CODE(store().get(object.key()), StatusCode::kNotFound);
  const WatchEvent event = next(*watch);
  EXPECT_EQ(in_short(event), "Deleted default/a");
  EXPECT_GT(event.object->meta.resource_version, one_left.meta.resource_version);
  Resource last = *event.object;
  last.meta.resource_version = none_left.meta.resource_version;
  last.meta.finalizers.clear();
  EXPECT_EQ(last, none_left)
      << "an answer need not know the version of the deletion, and an event the last finalizer's";
}

TEST_P(ObjectStoreContract, ADeletingObjectTakesNoNewFinalizer) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst}));
  ASSERT_OK(store().remove(object.key()));
  const Resource deleting = stored(object);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{kFirst, kSecond}, std::vector<std::string>{kSecond}}) {
    const auto result = store().update(with_finalizers(deleting, wrong));
    EXPECT_CODE(result, StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(result).message(), HasSubstr("metadata.finalizers"));
  }
  EXPECT_EQ(stored(object), deleting);
}

TEST_P(ObjectStoreContract, ADeletingObjectTakesOtherChanges) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst}));
  ASSERT_OK(store().remove(object.key()));
  Resource status = stored(object);
  common(status.status).observed_generation = status.meta.generation;
  ASSERT_OK(store().update_status(status));
  const Resource after = updated(with_suspend(stored(object), true));
  EXPECT_EQ(after.meta.generation, object.meta.generation + 2);
  EXPECT_EQ(common(after.status).observed_generation, object.meta.generation + 1);
  EXPECT_TRUE(after.meta.deletion_timestamp);
}

TEST_P(ObjectStoreContract, ADeletingObjectKeepsItsName) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst}));
  ASSERT_OK(store().remove(object.key()));
  EXPECT_CODE(store().create(sample_flag("a")), StatusCode::kAlreadyExists);
  updated(with_finalizers(stored(object), {}));
  EXPECT_NE(created(sample_flag("a")).meta.uid, object.meta.uid);
}

TEST_P(ObjectStoreContract, RemovingTheFinalizersOfALivingObjectKeepsIt) {
  const Resource object = created(with_finalizers(sample_flag("a"), {kFirst}));
  updated(with_finalizers(object, {}));
  EXPECT_TRUE(stored(object).meta.finalizers.empty());
  ASSERT_OK(store().remove(object.key()));
  EXPECT_CODE(store().get(object.key()), StatusCode::kNotFound);
}

}  // namespace
}  // namespace ripcord
