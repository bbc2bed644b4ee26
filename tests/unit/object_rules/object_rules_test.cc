// SPDX-License-Identifier: Apache-2.0
#include "controller/ports/object_rules.h"

#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace ripcord {
namespace {

using testing::HasSubstr;
using Verb = ObjectWrite::Verb;
using Type = WatchEvent::Type;

const WallTime kNow = std::chrono::sys_days(std::chrono::January / 15 / 2024) +
                      std::chrono::hours(12) + std::chrono::microseconds(123'456);
const WriteStamp kStamp{7, kNow, "uid-of-stamp"};

ResourcePtr stored_flag(std::vector<std::string> finalizers = {}, bool deleting = false) {
  Resource object = sample_flag("a");
  object.meta.uid = "u1";
  object.meta.generation = 3;
  object.meta.resource_version = 5;
  object.meta.creation_timestamp = kNow - std::chrono::hours(1);
  object.meta.finalizers = std::move(finalizers);
  if (deleting) {
    object.meta.deletion_timestamp = kNow;
  }
  return std::make_shared<const Resource>(std::move(object));
}

TEST(ObjectRules, ACreateTakesItsStampInWholeSeconds) {
  const Resource wanted = sample_flag("a");
  const auto decision = decide_write(create_of(wanted), nullptr, kStamp);
  ASSERT_OK(decision);
  ASSERT_TRUE(decision->change);
  EXPECT_EQ(decision->change->type, Type::kAdded);
  EXPECT_EQ(decision->change->object, decision->result);
  const Metadata& meta = decision->result->meta;
  EXPECT_EQ(meta.uid, "uid-of-stamp");
  EXPECT_EQ(meta.resource_version, 7);
  EXPECT_EQ(meta.generation, 1);
  EXPECT_EQ(meta.creation_timestamp, std::chrono::floor<std::chrono::seconds>(kNow));
}

TEST(ObjectRules, AWriteThatChangesNothingGivesTheStoredValueItself) {
  const ResourcePtr stored = stored_flag();
  for (const ObjectWrite& write : {update_of(*stored), status_update_of(*stored)}) {
    const auto decision = decide_write(write, stored, kStamp);
    ASSERT_OK(decision);
    EXPECT_EQ(decision->result, stored) << "the same pointer, no copy";
    EXPECT_FALSE(decision->change);
  }
}

struct RemoveCase {
  std::string name;
  ResourcePtr stored;
  std::optional<Type> change;
  std::int64_t generation;
};

TEST(ObjectRules, ARemovalDependsOnFinalizers) {
  for (const auto& [name, stored, change, generation] : {
           RemoveCase{"free", stored_flag(), Type::kDeleted, 3},
           RemoveCase{"held", stored_flag({"x.dev/a"}), Type::kModified, 4},
           RemoveCase{"deleting", stored_flag({"x.dev/a"}, true), std::nullopt, 3},
       }) {
    SCOPED_TRACE(name);
    const auto decision = decide_write(removal_of(stored->key(), {}), stored, kStamp);
    ASSERT_OK(decision);
    EXPECT_EQ(decision->change.has_value(), change.has_value());
    if (change && decision->change) {
      EXPECT_EQ(decision->change->type, *change);
      EXPECT_EQ(decision->change->object->meta.resource_version, 7);
    }
    EXPECT_EQ(decision->result->meta.generation, generation);
  }
}

struct Refusal {
  std::string name;
  ResourcePtr stored;
  std::function<void(Resource&)> spoil;
  StatusCode code;
  std::string says;
};

TEST(ObjectRules, AnUpdateIsRefusedForOneReasonAtATime) {
  const ResourcePtr stored = stored_flag({"x.dev/a"}, true);
  const std::vector<Refusal> refusals = {
      {"absent", nullptr, [](Resource&) {}, StatusCode::kNotFound, "does not exist"},
      {"no version", stored, [](Resource& o) { o.meta.resource_version = 0; },
       StatusCode::kInvalidArgument, "metadata.resourceVersion"},
      {"older", stored, [](Resource& o) { o.meta.resource_version = 4; }, StatusCode::kConflict,
       "resource version 4 was named, 5 is stored"},
      {"other uid", stored, [](Resource& o) { o.meta.uid = "u2"; }, StatusCode::kConflict,
       "uid u2 was named, uid u1 is stored"},
      {"new finalizer", stored, [](Resource& o) { o.meta.finalizers.push_back("x.dev/b"); },
       StatusCode::kInvalidArgument, "'x.dev/b'"},
      {"invalid", stored,
       [](Resource& o) { std::get<FeatureFlagSpec>(o.spec).default_variant = "absent"; },
       StatusCode::kInvalidArgument, "spec.defaultVariant"},
      {"bad label", stored, [](Resource& o) { o.meta.labels["app"] = std::string(64, 'x'); },
       StatusCode::kInvalidArgument, "metadata.labels"},
  };
  for (const auto& [name, held, spoil, code, says] : refusals) {
    SCOPED_TRACE(name);
    Resource wanted = *stored;
    spoil(wanted);
    const auto decision = decide_write(update_of(wanted), held, kStamp);
    EXPECT_CODE(decision, code);
    EXPECT_THAT(status_of(decision).message(), HasSubstr(says));
  }
}

TEST(ObjectRules, ASpecThatIsNoLongerValidDoesNotBlockTheRemovalOfAFinalizer) {
  Resource object = *stored_flag({"x.dev/a"}, true);
  std::get<FeatureFlagSpec>(object.spec).default_variant = "absent";
  const auto stored = std::make_shared<const Resource>(object);
  object.meta.finalizers.clear();
  const auto decision = decide_write(update_of(object), stored, kStamp);
  ASSERT_OK(decision);
  ASSERT_TRUE(decision->change);
  EXPECT_EQ(decision->change->type, Type::kDeleted);
}

TEST(ObjectRules, UidsAreRandomVersionFourUuids) {
  std::set<std::string> uids;
  for (int i = 0; i < 1000; ++i) {
    const std::string uid = new_uid();
    ASSERT_EQ(uid.size(), 36U);
    EXPECT_EQ(uid[14], '4');
    EXPECT_THAT(std::string("89ab"), HasSubstr(uid.substr(19, 1)));
    for (const std::size_t dash : {8U, 13U, 18U, 23U}) {
      EXPECT_EQ(uid[dash], '-');
    }
    uids.insert(uid);
  }
  EXPECT_EQ(uids.size(), 1000U);
}

}  // namespace
}  // namespace ripcord
