// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/object_store/object_store_contract.h"

#include <thread>
#include <utility>
#include <vector>

namespace ripcord {
namespace {

using testing::ElementsAre;

TEST_P(ObjectStoreContract, AWatchGivesLaterChangesInOrder) {
  created(sample_flag("before"));
  const auto watch = watch_from(version_now());
  const Resource a = created(sample_flag("a"));
  const Resource b = created(sample_flag("b"));
  const Resource changed = updated(with_suspend(a, true));
  Resource reported = b;
  common(reported.status).observed_generation = 1;
  const Resource with_status = *must(store().update_status(reported));
  ASSERT_OK(store().remove(a.key()));

  std::vector<WatchEvent> events;
  for (int i = 0; i < 5; ++i) {
    events.push_back(next(*watch));
  }
  EXPECT_THAT(
      (std::vector<std::string>{in_short(events[0]), in_short(events[1]), in_short(events[2]),
                                in_short(events[3]), in_short(events[4])}),
      ElementsAre("Added default/a", "Added default/b", "Modified default/a", "Modified default/b",
                  "Deleted default/a"));
  EXPECT_EQ(*events[0].object, a) << "the object as it was then, not as it is now";
  EXPECT_EQ(*events[2].object, changed);
  EXPECT_EQ(*events[3].object, with_status);
}

TEST_P(ObjectStoreContract, AWatchFromAnOlderVersionReplaysWhatCameAfterIt) {
  const Resource a = created(sample_flag("a"));
  created(sample_flag("b"));
  updated(with_suspend(a, true));
  const auto watch = watch_from(a.meta.resource_version);
  EXPECT_EQ(in_short(next(*watch)), "Added default/b");
  EXPECT_EQ(in_short(next(*watch)), "Modified default/a");
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, AWatchSeesAllNamespacesOfItsKindAndNoOtherKind) {
  const auto watch = watch_from(version_now());
  for (const Kind kind : kAllKinds) {
    created(sample_object(kind, "a", "shop"));
  }
  EXPECT_EQ(in_short(next(*watch)), "Added shop/a");
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, WatchesAreIndependent) {
  const std::int64_t start = version_now();
  const auto first = watch_from(start);
  const auto second = watch_from(start);
  created(sample_flag("a"));
  created(sample_flag("b"));
  EXPECT_EQ(in_short(next(*first)), "Added default/a");
  EXPECT_EQ(in_short(next(*first)), "Added default/b");
  EXPECT_EQ(in_short(next(*second)), "Added default/a");
}

TEST_P(ObjectStoreContract, AWatchWithoutAChangeEndsItsTurnAndGoesOnLater) {
  const auto watch = watch_from(version_now());
  EXPECT_CODE(watch->next(std::chrono::milliseconds(1), {}), StatusCode::kDeadlineExceeded);
  EXPECT_CODE(watch->next(Duration::zero(), {}), StatusCode::kDeadlineExceeded);
  created(sample_flag("a"));
  EXPECT_EQ(in_short(next(*watch)), "Added default/a");
}

TEST_P(ObjectStoreContract, AWaitingWatchWakesForAChange) {
  const auto watch = watch_from(version_now());
  const std::jthread writer([this] { created(sample_flag("a")); });
  EXPECT_EQ(in_short(next(*watch)), "Added default/a");
}

TEST_P(ObjectStoreContract, AWaitingWatchStopsWhenAsked) {
  const auto watch = watch_from(version_now());
  std::stop_source stop;
  const std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_CODE(watch->next(kPatience, stop.get_token()), StatusCode::kCancelled);
  EXPECT_CODE(watch->next(kPatience, stop.get_token()), StatusCode::kCancelled);
}

TEST_P(ObjectStoreContract, AWatchFromAVersionTheStoreNeverHadIsExpired) {
  if (GetParam().waits_for_the_future) {
    GTEST_SKIP() << GetParam().name << " waits for a version to come";
  }
  created(sample_flag("a"));
  expect_expired(version_now() + 1000);
}

TEST_P(ObjectStoreContract, AWatchFromBeforeTheHistoryIsExpired) {
  if (!GetParam().history_can_be_short) {
    GTEST_SKIP() << GetParam().name << " keeps its history as long as it likes";
  }
  use_history(3);
  const std::int64_t start = version_now();
  const Resource first = created(sample_flag("a-0"));
  for (const std::string name : {"a-1", "a-2", "a-3"}) {
    created(sample_flag(name));
  }
  expect_expired(start);
  const auto watch = watch_from(first.meta.resource_version);
  for (const std::string name : {"a-1", "a-2", "a-3"}) {
    EXPECT_EQ(in_short(next(*watch)), "Added default/" + name);
  }
  expect_quiet(*watch);
}

TEST_P(ObjectStoreContract, AWatchThatFallsBehindTheHistoryIsExpired) {
  if (!GetParam().history_can_be_short || GetParam().watches_read_ahead) {
    GTEST_SKIP() << GetParam().name << " keeps its history as long as it likes";
  }
  use_history(3);
  const auto watch = watch_from(version_now());
  for (const std::string name : {"a-0", "a-1", "a-2", "a-3"}) {
    created(sample_flag(name));
  }
  EXPECT_CODE(watch->next(kPatience, {}), StatusCode::kExpired);
  // The way out: list again, watch from there.
  const auto again = watch_from(version_now());
  expect_quiet(*again);
}

TEST_P(ObjectStoreContract, ManyChangesOfOneKindExpireNoWatchOfAnother) {
  if (!GetParam().history_can_be_short) {
    GTEST_SKIP() << GetParam().name << " keeps its history as long as it likes";
  }
  use_history(3);
  const auto watch = watch_from(version_now(), Kind::kTrafficTarget);
  created(sample_object(Kind::kTrafficTarget, "a"));
  for (const std::string name : {"a-0", "a-1", "a-2", "a-3", "a-4"}) {
    created(sample_flag(name));
  }
  EXPECT_EQ(in_short(next(*watch)), "Added default/a");
}

}  // namespace
}  // namespace ripcord
