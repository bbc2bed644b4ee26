// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"
#include "controller/codec/packed.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/codec/random_resource.h"

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

// RIPCORD_SEED repeats a failed run.
std::uint64_t seed() {
  if (const char* given = std::getenv("RIPCORD_SEED")) {
    return std::strtoull(given, nullptr, 10);
  }
  return std::random_device()();
}

TEST(RoundTrip, GivesBackARandomObjectOfAnyKind) {
  const std::uint64_t first = seed();
  SCOPED_TRACE("RIPCORD_SEED=" + std::to_string(first));
  RandomResource random(first);
  for (int i = 0; i < 500; ++i) {
    const Resource object = random.next();
    const std::string text = codec::encode(object);
    const Result<Resource> back = codec::decode(text);
    ASSERT_TRUE(back) << to_string(back.error()) << text;
    ASSERT_EQ(codec::encode(*back), text);
    ASSERT_TRUE(*back == object) << text;
  }
}

TEST(RoundTrip, GivesBackAnObjectThatOnlyHasItsKindAndName) {
  for (const Kind kind : kAllKinds) {
    const Resource object = make_resource(kind, "a");
    const Result<Resource> back = codec::decode(codec::encode(object));
    ASSERT_OK(back);
    EXPECT_TRUE(*back == object) << codec::encode(object) << "\n" << codec::encode(*back);
  }
}

TEST(RoundTrip, APackedObjectIsTheSameAndSaysWhoItIs) {
  const std::uint64_t first = seed();
  SCOPED_TRACE("RIPCORD_SEED=" + std::to_string(first));
  RandomResource random(first);
  for (int i = 0; i < 500; ++i) {
    const Resource object = random.next();
    const std::string packed = codec::pack(object);
    ASSERT_TRUE(codec::unpack(packed) == object) << codec::encode(object);
    const codec::PackedIdentity identity = codec::identity_of(packed);
    EXPECT_EQ(identity.kind, object.kind());
    EXPECT_EQ(identity.ns, object.meta.ns);
    EXPECT_EQ(identity.name, object.meta.name);
    EXPECT_EQ(identity.uid, object.meta.uid);
    EXPECT_EQ(identity.resource_version, object.meta.resource_version);
  }
}

}  // namespace
}  // namespace ripcord
