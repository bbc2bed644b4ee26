// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/leader_elector.h"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <atomic>
#include <list>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::kubernetes {
namespace {

using testing::HasSubstr;

// The leases of an API server, with its optimistic concurrency. Writes of one candidate can be
// lost.
class LeaseServer final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    MutexLock lock(mutex_);
    const bool writes = request.method != "GET";
    if (writes && !lost_.empty() && request.body.find(lost_) != std::string::npos) {
      return error(StatusCode::kUnavailable, "no answer");
    }
    HttpResponse response;
    response.status = 200;
    if (!writes) {
      response.status = exists_ ? 200 : 404;
    } else {
      const codec::LeaseRecord wanted = *codec::decode_lease(request.body);
      const bool creates = request.method == "POST";
      if (creates == exists_ || (!creates && wanted.resource_version != record_.resource_version)) {
        response.status = 409;
        return response;
      }
      exists_ = true;
      record_ = wanted;
      record_.resource_version = std::to_string(++version_);
      last_body_ = request.body;
    }
    response.body = codec::encode_lease("ns", "lease", record_);
    return response;
  }
  void lose_writes_of(std::string identity) {
    MutexLock lock(mutex_);
    lost_ = std::move(identity);
  }
  // As if something else had touched the lease.
  void touch() {
    MutexLock lock(mutex_);
    record_.resource_version = std::to_string(++version_);
  }
  codec::LeaseRecord record() const {
    MutexLock lock(mutex_);
    return record_;
  }
  std::string last_body() const {
    MutexLock lock(mutex_);
    return last_body_;
  }

 private:
  mutable Mutex mutex_;
  bool exists_ GUARDED_BY(mutex_) = false;
  codec::LeaseRecord record_ GUARDED_BY(mutex_);
  int version_ GUARDED_BY(mutex_) = 0;
  std::string lost_ GUARDED_BY(mutex_);
  std::string last_body_ GUARDED_BY(mutex_);
};

class Election : public testing::Test {
 protected:
  LeaderElector& candidate(const std::string& identity, std::function<Duration()> boot_time = {}) {
    LeaderElectorOptions options;
    options.server = "http://api";
    options.ns = "ns";
    options.name = "lease";
    options.identity = identity;
    options.lease = std::chrono::seconds(1);
    options.renew_deadline = std::chrono::milliseconds(600);
    options.retry = std::chrono::milliseconds(50);
    options.boot_time = std::move(boot_time);
    return candidates.emplace_back(server, options, clock, metrics, Logger());
  }
  LeaderElector* leader() {
    for (LeaderElector& candidate : candidates) {
      if (candidate.leading()) {
        return &candidate;
      }
    }
    return nullptr;
  }
  int leaders() {
    return static_cast<int>(std::ranges::count_if(
        candidates, [](const LeaderElector& candidate) { return candidate.leading(); }));
  }

  SystemClock clock;
  NullMetricSink metrics;
  LeaseServer server;
  std::list<LeaderElector> candidates;
};

TEST_F(Election, OneOfThreeLeadsAndAReleaseLetsAnotherLeadWithoutWaitingForTheLease) {
  for (const std::string identity : {"a", "b", "c"}) {
    candidate(identity).start();
  }
  ASSERT_TRUE(eventually([&] { return leaders() == 1; }));
  LeaderElector* first = leader();
  const int transitions = server.record().transitions;
  first->release();
  EXPECT_FALSE(first->leading());
  ASSERT_TRUE(eventually([&] { return leader() != nullptr; }));
  EXPECT_NE(leader(), first);
  EXPECT_GT(server.record().transitions, transitions);
}

TEST_F(Election, EachLeadershipHasANameOfItsOwnAndRenewalsKeepIt) {
  LeaderElector& first = candidate("a");
  EXPECT_EQ(first.leadership(), "");
  first.start();
  ASSERT_TRUE(first.await_leading({}));
  const std::string name = first.leadership();
  EXPECT_EQ(name, fmt::format("a/{}", server.record().transitions));
  const std::string version = server.record().resource_version;
  ASSERT_TRUE(eventually([&] { return server.record().resource_version != version; }));
  EXPECT_EQ(first.leadership(), name);
  first.release();
  EXPECT_EQ(first.leadership(), "");
  for (const std::string identity : {"b", "a"}) {
    LeaderElector& next = candidate(identity);
    next.start();
    ASSERT_TRUE(next.await_leading({}));
    EXPECT_NE(next.leadership(), name);
    next.release();
  }
}

// Time passes only where a candidate waits for the lease; the guard's ticks take none.
class CandidatesTime final : public Clock {
 public:
  explicit CandidatesTime(const LeaseServer& server) : server_(server) {}
  MonoTime now() const override { return real_.now(); }
  WallTime wall_now() const override { return real_.wall_now(); }
  bool sleep_for(Duration d, std::stop_token stop) override {
    if (d != std::chrono::milliseconds(50) && server_.record().holder == "dead") {
      passed_ += d.count();
    }
    return real_.sleep_for(std::chrono::milliseconds(1), stop);
  }
  Duration passed() const { return Duration(passed_); }

 private:
  const LeaseServer& server_;
  SystemClock real_;
  std::atomic<Duration::rep> passed_ = 0;
};

TEST_F(Election, ACandidateTakesTheLeaseOfADeadHolderTheMomentItEnds) {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    LeaseServer dead;
    HttpRequest made;
    made.method = "POST";
    codec::LeaseRecord record;
    record.holder = "dead";
    record.duration_seconds = 15;
    made.body = codec::encode_lease("ns", "lease", record);
    ASSERT_OK(dead.send(made, {}));
    CandidatesTime time(dead);
    LeaderElectorOptions options;
    options.server = "http://api";
    options.identity = "next";
    options.boot_time = [&time] { return std::chrono::seconds(100) + time.passed(); };
    options.seed = seed;
    LeaderElector elector(dead, options, time, metrics, Logger());
    elector.start();
    ASSERT_TRUE(elector.await_leading({}));
    EXPECT_EQ(time.passed(), std::chrono::milliseconds(15001)) << "seed " << seed;
  }
}

TEST_F(Election, ALeaderWhoseRenewalsAreLostStopsBeforeTheNextOneStarts) {
  candidate("first").start();
  ASSERT_TRUE(eventually([&] { return leaders() == 1; }));
  candidate("second").start();
  std::atomic<int> most = 0;
  std::jthread watcher([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      most = std::max(most.load(), leaders());
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  server.lose_writes_of("first");
  ASSERT_TRUE(eventually([&] { return candidates.back().leading(); }));
  watcher = {};
  EXPECT_EQ(most, 1);
  EXPECT_FALSE(candidates.front().leading());
  EXPECT_EQ(server.record().holder, "second");
}

TEST_F(Election, SomebodyElsesTouchOfTheLeaseIsReadAgainAndCostsNothing) {
  LeaderElector& only = candidate("only");
  only.start();
  ASSERT_TRUE(eventually([&] { return only.leading(); }));
  const int transitions = server.record().transitions;
  for (int i = 0; i < 10; ++i) {
    server.touch();
    const std::string at = server.record().resource_version;
    ASSERT_TRUE(eventually([&] { return server.record().resource_version != at; }));
  }
  ASSERT_TRUE(eventually([&] { return only.leading(); }));
  EXPECT_EQ(server.record().transitions, transitions);
}

TEST_F(Election, AfterASuspensionNoWriteMayLeaveEvenBeforeAnyThreadHasRun) {
  std::atomic<std::int64_t> slept{0};
  LeaderElector& only = candidate("only", [&] {
    return std::chrono::steady_clock::now().time_since_epoch() + std::chrono::seconds(slept.load());
  });
  only.start();
  ASSERT_TRUE(only.await_leading({}));
  EXPECT_GT(only.left(), Duration::zero());
  server.lose_writes_of("only");
  slept = 20;
  EXPECT_LE(only.left(), Duration::zero());
  only.await_loss({});
  EXPECT_FALSE(only.leading());
}

TEST_F(Election, WaitingEndsWhenAskedTo) {
  LeaderElector& idle = candidate("idle");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(idle.await_leading(stop.get_token()));
}

TEST_F(Election, TheTimesHaveTheSixDigitsThatTheServerWants) {
  LeaderElector& only = candidate("only");
  only.start();
  ASSERT_TRUE(only.await_leading({}));
  EXPECT_THAT(
      server.last_body(),
      testing::ContainsRegex("\"renewTime\":\"[0-9T:-]+[.][0-9][0-9][0-9][0-9][0-9][0-9]Z\""));
  EXPECT_THAT(server.last_body(), HasSubstr("\"leaseDurationSeconds\":1"));
}

TEST(Lease, IsReadBackAsItWasWritten) {
  codec::LeaseRecord record;
  record.holder = "host_1";
  record.duration_seconds = 15;
  record.transitions = 3;
  record.resource_version = "77";
  record.renewed = SimulatedClock().wall_now();
  EXPECT_EQ(*codec::decode_lease(codec::encode_lease("ns", "l", record)), record);
  EXPECT_CODE(codec::decode_lease("404 page not found"), StatusCode::kInternal);
}

}  // namespace
}  // namespace ripcord::kubernetes
