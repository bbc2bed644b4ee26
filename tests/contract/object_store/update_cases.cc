// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <vector>

namespace ripcord {
namespace {

using testing::HasSubstr;

Resource with_observed_generation(Resource object, std::int64_t generation) {
  common(object.status).observed_generation = generation;
  return object;
}

TEST_P(ObjectStoreContract, AChangeOfSpecBumpsTheGeneration) {
  const Resource before = created(sample_flag("a"));
  const Resource after = updated(with_suspend(before, true));
  EXPECT_EQ(after.meta.generation, 2);
  EXPECT_GT(after.meta.resource_version, before.meta.resource_version);
  EXPECT_EQ(after.meta.uid, before.meta.uid);
  EXPECT_EQ(after.meta.creation_timestamp, before.meta.creation_timestamp);
  EXPECT_TRUE(suspended(after.spec));
  EXPECT_EQ(stored(after), after);
}

TEST_P(ObjectStoreContract, AChangeOfMetadataKeepsTheGeneration) {
  const std::vector<std::function<void(Metadata&)>> changes = {
      [](Metadata& m) { m.labels["app"] = "shop"; },
      [](Metadata& m) { m.labels.clear(); },
      [](Metadata& m) { m.annotations["ripcord.dev/note"] = "x"; },
      [](Metadata& m) { m.annotations.clear(); },
      [](Metadata& m) { m.finalizers = {"ripcord.dev/cleanup"}; },
      [](Metadata& m) { m.finalizers.clear(); },
  };
  Resource object = created(sample_flag("a"));
  for (const auto& change : changes) {
    Resource wanted = object;
    change(wanted.meta);
    const Resource after = updated(wanted);
    EXPECT_EQ(after.meta.generation, 1);
    EXPECT_GT(after.meta.resource_version, object.meta.resource_version);
    EXPECT_EQ(after.meta.labels, wanted.meta.labels);
    EXPECT_EQ(after.meta.annotations, wanted.meta.annotations);
    EXPECT_EQ(after.meta.finalizers, wanted.meta.finalizers);
    object = after;
  }
}

TEST_P(ObjectStoreContract, UpdateIgnoresStatusAndWhatIsTheStores) {
  const Resource before = created(sample_flag("a"));
  Resource wanted = with_suspend(with_observed_generation(before, 9), true);
  wanted.meta.generation = 40;
  wanted.meta.creation_timestamp = WallTime(std::chrono::hours(1));
  wanted.meta.deletion_timestamp = WallTime(std::chrono::hours(1));
  const Resource after = updated(wanted);
  EXPECT_EQ(common(after.status).observed_generation, -1);
  EXPECT_EQ(after.meta.generation, 2);
  EXPECT_EQ(after.meta.creation_timestamp, before.meta.creation_timestamp);
  EXPECT_FALSE(after.meta.deletion_timestamp);
}

TEST_P(ObjectStoreContract, AnUpdateThatChangesNothingWritesAndWakesNothing) {
  // A cluster fills in the defaults of a status with the first write of any kind.
  const Resource object =
      *must(store().update_status(with_observed_generation(created(sample_flag("a")), 1)));
  const std::int64_t version = version_now();
  const auto watch = watch_from(version);
  const Resource after = updated(with_observed_generation(object, 3));
  EXPECT_EQ(after, object);
  expect_version(version_now(), version);
  EXPECT_EQ(stored(object), object);
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, AStatusUpdateThatChangesNothingWritesAndWakesNothing) {
  // A cluster fills in the defaults of a status with the first write of any kind.
  const Resource object =
      *must(store().update_status(with_observed_generation(created(sample_flag("a")), 1)));
  const std::int64_t version = version_now();
  const auto watch = watch_from(version);
  const auto after = store().update_status(with_suspend(object, true));
  ASSERT_OK(after);
  EXPECT_EQ(**after, object);
  expect_version(version_now(), version);
  EXPECT_EQ(stored(object), object);
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, StatusIsWrittenApartFromSpecAndMetadata) {
  for (const Kind kind : kAllKinds) {
    const Resource before = created(sample_object(kind, "a"));
    Resource wanted = full_object(kind, "a");
    wanted.meta.resource_version = before.meta.resource_version;
    const auto after = store().update_status(wanted);
    ASSERT_OK(after);
    EXPECT_EQ((*after)->status, wanted.status) << to_string(kind);
    EXPECT_EQ((*after)->spec, before.spec) << to_string(kind);
    EXPECT_GT((*after)->meta.resource_version, before.meta.resource_version);
    Metadata meta = (*after)->meta;
    meta.resource_version = before.meta.resource_version;
    EXPECT_EQ(meta, before.meta) << "generation, labels and finalizers stay";
    EXPECT_EQ(stored(before), **after);
  }
}

// Both writes share the rules about what they may overwrite.
struct Write {
  std::string name;
  std::function<Result<ResourcePtr>(ObjectStore&, const Resource&)> call;
};

std::vector<Write> writes() {
  return {{"update", [](ObjectStore& s, const Resource& o) { return s.update(o); }},
          {"update_status", [](ObjectStore& s, const Resource& o) { return s.update_status(o); }}};
}

Resource changed(const Resource& object) {
  return with_suspend(with_observed_generation(object, 5), true);
}

TEST_P(ObjectStoreContract, AWriteOverAnOlderVersionIsAConflict) {
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    const Resource old = created(sample_flag(write.name == "update" ? "a" : "b"));
    Resource labelled = old;
    labelled.meta.labels["app"] = "shop";
    const Resource current = updated(labelled);
    EXPECT_CODE(write.call(store(), changed(old)), StatusCode::kConflict);
    EXPECT_CODE(write.call(store(), old), StatusCode::kConflict);
    EXPECT_EQ(stored(old), current);
  }
}

TEST_P(ObjectStoreContract, AWriteOverAVersionThatIsNotYetThereIsAConflict) {
  Resource object = created(sample_flag("a"));
  object.meta.resource_version += 1000;
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    EXPECT_CODE(write.call(store(), changed(object)), StatusCode::kConflict);
  }
}

TEST_P(ObjectStoreContract, AWriteWithoutAVersionIsInvalid) {
  const Resource object = created(sample_flag("a"));
  Resource wanted = changed(object);
  wanted.meta.resource_version = 0;
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    const auto result = write.call(store(), wanted);
    EXPECT_CODE(result, StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(result).message(), HasSubstr("metadata.resourceVersion")) << write.name;
  }
  EXPECT_EQ(stored(object), object);
}

TEST_P(ObjectStoreContract, AWriteToAnotherUidIsAConflict) {
  const Resource object = created(sample_flag("a"));
  Resource wanted = changed(object);
  wanted.meta.uid = "11111111-1111-4111-8111-111111111111";
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    EXPECT_CODE(write.call(store(), wanted), StatusCode::kConflict);
  }
  EXPECT_EQ(stored(object), object);
}

TEST_P(ObjectStoreContract, AWriteNeedsNoUid) {
  Resource object = created(sample_flag("a"));
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    Resource wanted = changed(object);
    wanted.meta.uid.clear();
    const auto result = write.call(store(), wanted);
    ASSERT_OK(result);
    EXPECT_EQ((*result)->meta.uid, object.meta.uid);
    object = **result;
  }
}

TEST_P(ObjectStoreContract, AWriteToAnAbsentObjectIsNotFound) {
  Resource object = created(sample_flag("a"));
  ASSERT_OK(store().remove(object.key()));
  for (const Write& write : writes()) {
    SCOPED_TRACE(write.name);
    EXPECT_CODE(write.call(store(), changed(object)), StatusCode::kNotFound);
  }
}

TEST_P(ObjectStoreContract, AStatusOfAnotherKindIsInvalid) {
  const Resource object = created(sample_flag("a"));
  Resource wanted = object;
  wanted.status = TrafficTargetStatus{};
  EXPECT_CODE(store().update_status(wanted), StatusCode::kInvalidArgument);
  EXPECT_EQ(stored(object), object);
}

TEST_P(ObjectStoreContract, AnObjectThatWasHandedOutNeverChanges) {
  const ResourcePtr first = must(store().create(sample_flag("a")));
  const Resource copy = *first;
  const ResourcePtr read = must(store().get(first->key()));
  updated(with_suspend(*first, true));
  ASSERT_OK(store().remove(first->key()));
  EXPECT_EQ(*first, copy);
  EXPECT_EQ(*read, copy);
}

// The transition rule of the CRD.
TEST_P(ObjectStoreContract, ARestoreThatHasCompletedIsNotPointedElsewhere) {
  using Change = std::function<void(RestoreRequestSpec&)>;
  const std::vector<std::pair<std::string, Change>> refused = {
      {"spec.backup", [](RestoreRequestSpec& spec) { spec.backup += "_2"; }},
      {"spec.mode", [](RestoreRequestSpec& spec) { spec.mode = RestoreMode::kDrill; }},
      {"spec.swapBy", [](RestoreRequestSpec& spec) { spec.swap_by = RestoreUnit::kSchema; }},
      {"spec.database",
       [](RestoreRequestSpec& spec) { spec.database = {.url_env = "ELSEWHERE"}; }}};
  const auto with = [](Resource object, const Change& change) {
    change(std::get<RestoreRequestSpec>(object.spec));
    return object;
  };
  Resource object = created(sample_object(Kind::kRestoreRequest, "once"));
  object = updated(with(object, refused.front().second));  // nothing was restored yet
  std::get<RestoreRequestStatus>(object.status).phase = RestorePhase::kCompleted;
  object = *must(store().update_status(object));
  for (const auto& [field, change] : refused) {
    const auto result = store().update(with(object, change));
    ASSERT_FALSE(result.has_value()) << field;
    EXPECT_EQ(result.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(result.error().message(), HasSubstr(field));
    EXPECT_THAT(result.error().message(),
                HasSubstr("cannot change once the request has completed"));
  }
  const Resource kept = updated(with(object, [](RestoreRequestSpec& spec) {
    spec.suspend = true;
    spec.keep_previous = std::chrono::hours(1);
  }));
  EXPECT_EQ(kept.meta.generation, object.meta.generation + 1);
}

TEST_P(ObjectStoreContract, ADrillOnAScheduleMayBePointedElsewhere) {
  Resource drill = sample_object(Kind::kRestoreRequest, "nightly");
  auto& spec = std::get<RestoreRequestSpec>(drill.spec);
  spec.mode = RestoreMode::kDrill;
  spec.schedule = "0 3 * * *";
  drill = created(drill);
  std::get<RestoreRequestStatus>(drill.status).phase = RestorePhase::kCompleted;
  drill = *must(store().update_status(drill));
  std::get<RestoreRequestSpec>(drill.spec).backup += "_2";
  EXPECT_EQ(updated(drill).meta.generation, drill.meta.generation + 1);
}

}  // namespace
}  // namespace ripcord
