// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cached_store.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/kubernetes/scripted_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::kubernetes {
namespace {

using testing::ElementsAre;
using End = Exchange::End;

const ObjectKey kA{Kind::kFeatureFlag, "default", "a"};

Exchange first_list(std::vector<Resource> objects, std::int64_t version, End end = End::kOpen) {
  Exchange exchange{{"sendInitialEvents=true"}, 200, "", {}, end};
  for (const Resource& object : objects) {
    exchange.pieces.push_back(frame("ADDED", object));
  }
  exchange.pieces.push_back(bookmark(version, true));
  return exchange;
}

class Cached {
 public:
  explicit Cached(std::vector<Exchange> script)
      : api(std::move(script)),
        store(api, api, {.server = "http://api", .watches_crd = false}, clock, metrics, {}) {}
  void synced() {
    EXPECT_TRUE(
        eventually([&] { return store.list(Kind::kFeatureFlag, std::nullopt).has_value(); }));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    const Result<ObjectList> list = store.list(Kind::kFeatureFlag, std::nullopt);
    for (const ResourcePtr& object : list->items) {
      names.push_back(object->meta.name + "@" + std::to_string(object->meta.resource_version));
    }
    return names;
  }
  SystemClock clock;
  NullMetricSink metrics;
  ScriptedApi api;
  CachedStore store;
};

TEST(CachedStore, SaysWhyItCannotAnswerBeforeItsFirstList) {
  Cached cached({});
  const Result<ResourcePtr> got = cached.store.get(kA);
  EXPECT_CODE(got, StatusCode::kUnavailable);
  EXPECT_THAT(got.error().message(), testing::HasSubstr("featureflags are not read"));
}

TEST(CachedStore, ShowsItsOwnWriteBeforeTheWatchDoes) {
  Cached cached(
      {first_list({flag_at("a", 3)}, 5),
       {{"PUT http://api", "/featureflags/a/status"}, 200, codec::encode(flag_at("a", 8))},
       {{"POST http://api"}, 201, codec::encode(flag_at("b", 9))}});
  cached.synced();
  ASSERT_OK(cached.store.update_status(flag_at("a", 3)));
  ASSERT_OK(cached.store.create(flag_at("b", 0)));
  EXPECT_EQ((*cached.store.get(kA))->meta.resource_version, 8);
  EXPECT_THAT(cached.names(), ElementsAre("a@8", "b@9"));
}

std::string deletion_of(const std::string& uid) {
  return R"({"kind":"Status","apiVersion":"v1","status":"Success","details":{"uid":")" + uid +
         "\"}}";
}

TEST(CachedStore, ShowsItsOwnRemovalBeforeTheWatchDoesAndWhatComesUnderTheNameAfterIt) {
  Exchange end_of_a = first_list({flag_at("a", 3), flag_at("b", 4)}, 5, End::kEof);
  Resource second = flag_at("a", 7);
  second.meta.uid = "uid-of-another";
  Cached cached({end_of_a,
                 {{"watch=1", "resourceVersion=5"}, 200, "", {}, End::kOpen},
                 {{"DELETE http://api", "/featureflags/a"}, 200, deletion_of("uid-of-a")},
                 {{"DELETE http://api", "/featureflags/b"}, 200, codec::encode(flag_at("b", 6))},
                 {{"POST http://api"}, 201, codec::encode(second)}});
  cached.synced();
  EXPECT_TRUE(eventually([&] { return cached.api.asked().size() == 2; }));
  ASSERT_OK(cached.store.remove(kA, {}));
  EXPECT_CODE(cached.store.get(kA), StatusCode::kNotFound);
  EXPECT_THAT(cached.names(), ElementsAre("b@4"));
  ASSERT_OK(cached.store.remove({Kind::kFeatureFlag, "default", "b"}, {}));  // a finalizer holds it
  EXPECT_THAT(cached.names(), ElementsAre("b@6"));
  ASSERT_OK(cached.store.create(flag_at("a", 0)));
  EXPECT_THAT(cached.names(), ElementsAre("a@7", "b@6"));
}

TEST(CachedStore, ReadsTheObjectAgainAfterAConflict) {
  Cached cached(
      {first_list({flag_at("a", 3)}, 5),
       {{"PUT"}, 409, R"({"kind":"Status","reason":"Conflict","code":409,"message":"modified"})"},
       {{"GET http://api", "/featureflags/a"}, 200, codec::encode(flag_at("a", 7))}});
  cached.synced();
  EXPECT_CODE(cached.store.update_status(flag_at("a", 3)), StatusCode::kConflict);
  EXPECT_EQ((*cached.store.get(kA))->meta.resource_version, 7);
}

TEST(CachedStore, ALaterListTellsWhatChangedAndWhatIsGoneAndNothingElse) {
  Cached cached({first_list({flag_at("a", 1), flag_at("b", 2), flag_at("c", 3), flag_at("d", 4)}, 5,
                            End::kEof),
                 {{"watch=1", "resourceVersion=5"},
                  410,
                  R"({"kind":"Status","reason":"Expired","code":410})",
                  {},
                  End::kEof},
                 first_list({flag_at("a", 1), flag_at("b", 9)}, 12)});
  cached.synced();
  const auto watch = cached.store.watch(Kind::kFeatureFlag, 5);
  ASSERT_OK(watch);
  std::vector<std::string> told;
  for (int i = 0; i < 3; ++i) {
    const Result<WatchEvent> event = (*watch)->next(std::chrono::seconds(30), {});
    ASSERT_OK(event);
    told.push_back((event->type == WatchEvent::Type::kDeleted ? "gone " : "") +
                   event->object->meta.name);
  }
  EXPECT_THAT(told, ElementsAre("b", "gone c", "gone d"));
  EXPECT_CODE((*watch)->next(std::chrono::milliseconds(1), {}), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(cached.names(), ElementsAre("a@1", "b@9"));
}

TEST(CachedStore, AnOlderCopyOfAnObjectIsNotDelivered) {
  Exchange all = first_list({flag_at("a", 3)}, 5);
  all.pieces.push_back(frame("MODIFIED", flag_at("a", 8)));
  all.pieces.push_back(frame("MODIFIED", flag_at("a", 7)));
  all.pieces.push_back(frame("ADDED", flag_at("b", 9)));
  Cached cached({all});
  EXPECT_TRUE(eventually([&] {
    return cached.store.get({Kind::kFeatureFlag, "default", "b"}).has_value();
  }));
  EXPECT_THAT(cached.names(), ElementsAre("a@8", "b@9"));
}

TEST(CachedStore, CountsItsObjectsAndNamesWhatItDoesNotFollow) {
  Cached cached({first_list({flag_at("a", 1), flag_at("b", 2)}, 5)});
  cached.synced();
  const auto states = cached.store.state();
  ASSERT_EQ(states.size(), kAllKinds.size());
  EXPECT_EQ(states[0].objects, 2U);
  EXPECT_TRUE(states[0].follows.synced);
  EXPECT_FALSE(states[1].follows.synced);
}

}  // namespace
}  // namespace ripcord::kubernetes
