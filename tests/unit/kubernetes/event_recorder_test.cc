// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/event_recorder.h"

#include "controller/base/mutex.h"
#include "tests/support/process.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Recorded final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    MutexLock lock(mutex_);
    if (away_) {
      return error(StatusCode::kUnavailable, "no answer");
    }
    lines_.push_back(request.method + " " + request.url + " " + request.body);
    HttpResponse response;
    response.status = request.method == "POST" ? 201 : status_of_patch_;
    return response;
  }
  std::vector<std::string> lines() const {
    MutexLock lock(mutex_);
    return lines_;
  }
  bool reach(std::size_t count) {
    return eventually([&] { return lines().size() >= count; });
  }
  void away(bool away) {
    MutexLock lock(mutex_);
    away_ = away;
  }
  void answer_patches_with(int status) {
    MutexLock lock(mutex_);
    status_of_patch_ = status;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> lines_ GUARDED_BY(mutex_);
  bool away_ GUARDED_BY(mutex_) = false;
  int status_of_patch_ GUARDED_BY(mutex_) = 200;
};

Event switched(const std::string& name, const std::string& note = "traffic is on blue") {
  return {{Kind::kTrafficTarget, "shop", name},
          "uid-1",
          Event::Type::kNormal,
          "TrafficSwitched",
          "Switch",
          note};
}

class EventRecorderTest : public testing::Test {
 protected:
  EventRecorderOptions options() {
    EventRecorderOptions options;
    options.server = "http://api";
    options.instance = "ripcord-0";
    return options;
  }
  SystemClock clock;
  NullMetricSink metrics;
  Recorded api;
};

TEST_F(EventRecorderTest, ATransitionIsOneEventOfItsObject) {
  EventRecorder recorder(api, options(), clock, metrics, {});
  recorder.record(switched("shop"));
  ASSERT_TRUE(api.reach(1));
  EXPECT_THAT(api.lines(),
              ElementsAre(AllOf(
                  HasSubstr("POST http://api/apis/events.k8s.io/v1/namespaces/shop/events"),
                  HasSubstr("\"reason\":\"TrafficSwitched\""), HasSubstr("\"action\":\"Switch\""),
                  HasSubstr("\"reportingController\":\"ripcord.dev/controller\""),
                  HasSubstr("\"kind\":\"TrafficTarget\""), HasSubstr("\"uid\":\"uid-1\""))));
}

TEST_F(EventRecorderTest, WhatHappensAgainIsOneSeriesPatchedAtTheSecondTimeAndAtItsEnd) {
  EventRecorderOptions quick = options();
  quick.series_end = std::chrono::seconds(1);
  EventRecorder recorder(api, quick, clock, metrics, {});
  for (int i = 0; i < 50; ++i) {
    recorder.record(switched("shop"));
  }
  recorder.record(switched("other"));
  ASSERT_TRUE(api.reach(4));
  const auto lines = api.lines();
  EXPECT_THAT(lines[1], AllOf(HasSubstr("PATCH"), HasSubstr("\"count\":2")));
  EXPECT_THAT(lines[2], HasSubstr("POST"));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("PATCH"), HasSubstr("\"count\":50")));
}

TEST_F(EventRecorderTest, ANoteIsCutBetweenCharactersWhereTheServerWouldRefuseIt) {
  EventRecorder recorder(api, options(), clock, metrics, {});
  std::string note;
  while (note.size() < 2000) {
    note += "é";
  }
  recorder.record(switched("shop", "x" + note));
  ASSERT_TRUE(api.reach(1));
  EXPECT_THAT(api.lines()[0], HasSubstr("x" + note.substr(0, 1022) + "\""));
}

TEST_F(EventRecorderTest, AServerThatIsAwayCostsEventsAndNothingElse) {
  EventRecorderOptions few = options();
  few.most_waiting = 4;
  EventRecorder recorder(api, few, clock, metrics, {});
  api.away(true);
  for (int i = 0; i < 1000; ++i) {
    recorder.record(switched("shop-" + std::to_string(i)));
  }
  api.away(false);
  recorder.record(switched("last"));
  ASSERT_TRUE(eventually([&] {
    return !api.lines().empty() && api.lines().back().find("\"last\"") != std::string::npos;
  }));
}

TEST_F(EventRecorderTest, AStormIsPacedAndWhatWaitsTooLongIsDroppedOldestFirst) {
  EventRecorderOptions slow = options();
  slow.burst = 3;
  slow.per_second = 0.001;
  slow.most_waiting = 4;
  {
    EventRecorder recorder(api, slow, clock, metrics, {});
    for (int i = 0; i < 3; ++i) {
      recorder.record(switched("calm-" + std::to_string(i)));
      ASSERT_TRUE(api.reach(static_cast<std::size_t>(i) + 1));
    }
    for (int i = 0; i < 100; ++i) {
      recorder.record(switched("storm-" + std::to_string(i)));
    }
  }
  // One that waited for its turn, and those that fit into the queue behind it.
  EXPECT_THAT(api.lines().size(), testing::AllOf(testing::Ge(7U), testing::Le(8U)));
  EXPECT_THAT(api.lines().back(), HasSubstr("storm-99"));
}

TEST_F(EventRecorderTest, AnEventThatTheServerHasForgottenIsBegunAnew) {
  EventRecorder recorder(api, options(), clock, metrics, {});
  api.answer_patches_with(404);
  recorder.record(switched("shop"));
  recorder.record(switched("shop"));
  ASSERT_TRUE(api.reach(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  recorder.record(switched("shop"));
  ASSERT_TRUE(api.reach(3));
  EXPECT_THAT(api.lines()[2], testing::Not(HasSubstr("\"count\":2,")));
}

TEST_F(EventRecorderTest, WhatWaitsIsSentBeforeTheEnd) {
  {
    EventRecorder recorder(api, options(), clock, metrics, {});
    recorder.record(switched("shop"));
  }
  EXPECT_EQ(api.lines().size(), 1U);
}

}  // namespace
}  // namespace ripcord::kubernetes
