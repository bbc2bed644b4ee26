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
    return looked_[name];
  }
  bool follows(const std::set<std::string>& names) {
    return eventually([&] { return source_.names() == names; });
  }

  Source source_;
  Mutex mutex_;
  std::map<std::string, int> looked_ GUARDED_BY(mutex_);
  ReferenceFollower follower_{source_,
                              [this](const ObjectKey& key) {
                                MutexLock lock(mutex_);
                                ++looked_[key.name];
                              },
                              {},
                              3};
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
