// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/reference_follower.h"

#include "tests/support/process.h"

#include <gtest/gtest.h>

namespace ripcord {
namespace {

// Says that an object changed when it is told to.
class Source final : public ReferenceSource {
 public:
  void follow(const Reference& reference, const std::function<void()>& changed,
              const std::stop_token& stop) override {
    {
      MutexLock lock(mutex_);
      followed_[reference.name] = &changed;
    }
    changed();
    SystemClock clock;
    clock.sleep_for(std::chrono::hours(1), stop);
    MutexLock lock(mutex_);
    followed_.erase(reference.name);
  }
  void change(const std::string& name) {
    MutexLock lock(mutex_);
    (*followed_.at(name))();
  }
  std::set<std::string> names() const {
    MutexLock lock(mutex_);
    std::set<std::string> all;
    for (const auto& [name, changed] : followed_) {
      all.insert(name);
    }
    return all;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, const std::function<void()>*> followed_ GUARDED_BY(mutex_);
};

Reference secret(const std::string& name) {
  return {Reference::To::kSecret, "shop", name};
}

ObjectKey migration(const std::string& name) {
  return {Kind::kMigrationVersion, "shop", name};
}

class ReferenceFollowerTest : public testing::Test {
 protected:
  int looked(const std::string& name) {
    MutexLock lock(mutex_);
    return static_cast<int>(looked_[name].size());
  }
  // How long the newest look is put off, in seconds.
  double put_off(const std::string& name) {
    MutexLock lock(mutex_);
    return to_seconds(looked_[name].back());
  }
  bool follows(const std::set<std::string>& names) {
    return eventually([&] { return source_.names() == names; });
  }

  Source source_;
  SimulatedClock clock_;
  Mutex mutex_;
  std::map<std::string, std::vector<Duration>> looked_ GUARDED_BY(mutex_);
  ReferenceFollower follower_{source_,
                              [this](const ObjectKey& key, const Reference&, Duration after) {
                                MutexLock lock(mutex_);
                                looked_[key.name].push_back(after);
                              },
                              clock_,
                              {},
                              {.followed = 3, .at_once = 3, .pace = std::chrono::seconds(5)}};
};

TEST_F(ReferenceFollowerTest, FollowsAReferenceOnceAndLooksAtAllWhoNameIt) {
  follower_.follow(migration("a"), {secret("x")});
  follower_.follow(migration("b"), {secret("x"), secret("y")});
  EXPECT_TRUE(follows({"x", "y"}));
  EXPECT_TRUE(eventually([&] { return looked("a") >= 1 && looked("b") >= 1; }));
  const int a = looked("a");
  const int b = looked("b");
  source_.change("x");
  EXPECT_EQ(looked("a"), a + 1);
  source_.change("y");
  EXPECT_EQ(looked("a"), a + 1);
  EXPECT_GE(looked("b"), b + 2);
}

TEST_F(ReferenceFollowerTest, TellsOfAFewChangesAtOnceAndOfFurtherOnesAtAPace) {
  follower_.follow(migration("a"), {secret("x")});
  EXPECT_TRUE(eventually([&] { return looked("a") == 1; }));
  for (int i = 0; i < 2; ++i) {
    source_.change("x");
    EXPECT_EQ(put_off("a"), 0);
  }
  source_.change("x");
  EXPECT_EQ(put_off("a"), 5);
  clock_.advance(std::chrono::seconds(2));
  source_.change("x");  // is seen by the look that is due
  EXPECT_EQ(put_off("a"), 3);
  clock_.advance(std::chrono::seconds(3));
  source_.change("x");
  EXPECT_EQ(put_off("a"), 5);
  clock_.advance(std::chrono::minutes(1));
  for (int i = 0; i < 3; ++i) {
    source_.change("x");
    EXPECT_EQ(put_off("a"), 0);
  }
  source_.change("x");
  EXPECT_EQ(put_off("a"), 5);
  EXPECT_EQ(looked("a"), 10);
}

TEST_F(ReferenceFollowerTest, LetsGoOfWhatNobodyNamesAnyMore) {
  follower_.follow(migration("a"), {secret("x")});
  follower_.follow(migration("b"), {secret("x")});
  EXPECT_TRUE(follows({"x"}));
  follower_.follow(migration("a"), {secret("z")});
  EXPECT_TRUE(follows({"x", "z"}));
  follower_.follow(migration("b"), {});
  EXPECT_TRUE(follows({"z"}));
  follower_.follow(migration("b"), {secret("x")});
  EXPECT_TRUE(follows({"x", "z"}));
}

TEST_F(ReferenceFollowerTest, HasALimitAndEndsWhenToldTo) {
  follower_.follow(migration("a"), {secret("1"), secret("2"), secret("3"), secret("4")});
  EXPECT_TRUE(eventually([&] { return source_.names().size() == 3; }));
  follower_.stop();
  EXPECT_TRUE(source_.names().empty());
  follower_.follow(migration("b"), {secret("5")});
  EXPECT_TRUE(source_.names().empty());
}

}  // namespace
}  // namespace ripcord
