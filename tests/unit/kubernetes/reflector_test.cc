// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/reflector.h"

#include "tests/support/process.h"
#include "tests/unit/kubernetes/scripted_api.h"

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::kubernetes {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using End = Exchange::End;

// What the reflector told, in words: "replace a@1 b@2 as of 5", "modified a@6", "deleted a@7", "up
// to 9".
class Told final : public MirrorSink {
 public:
  void replace(std::vector<StoredObject> objects, std::int64_t version) override {
    std::string line = "replace";
    for (const StoredObject& object : objects) {
      line += " " + named(*object.object());
    }
    say(fmt::format("{} as of {}", line, version));
  }
  void apply(WatchEvent event) override {
    say(fmt::format("{} {}",
                    event.type == WatchEvent::Type::kAdded      ? "added"
                    : event.type == WatchEvent::Type::kModified ? "modified"
                                                                : "deleted",
                    named(*event.object)));
  }
  void advance(std::int64_t version) override { say(fmt::format("up to {}", version)); }

  std::vector<std::string> lines() const {
    MutexLock lock(mutex_);
    return lines_;
  }

 private:
  static std::string named(const Resource& object) {
    return fmt::format("{}@{}", object.meta.name, object.meta.resource_version);
  }
  void say(std::string line) {
    MutexLock lock(mutex_);
    lines_.push_back(std::move(line));
  }
  mutable Mutex mutex_;
  std::vector<std::string> lines_ GUARDED_BY(mutex_);
};

// Runs a reflector against a script until all of it was asked for and `last` was told.
class Followed {
 public:
  explicit Followed(std::vector<Exchange> script, bool watches_crd = false)
      : Followed(std::move(script), options(watches_crd)) {}
  Followed(std::vector<Exchange> script, ReflectorOptions with)
      : api(std::move(script)), reflector(api, api, std::move(with), told, clock, metrics, {}) {
    thread = std::jthread([this](const std::stop_token& stop) { reflector.run(stop); });
  }
  std::vector<std::string> until(const std::string& last) {
    EXPECT_TRUE(eventually([&] {
      const auto lines = told.lines();
      return api.done() && !lines.empty() && lines.back() == last;
    })) << "told: "
        << testing::PrintToString(told.lines())
        << "\nasked: " << testing::PrintToString(api.asked());
    return told.lines();
  }
  bool problem_has(const std::string& text) {
    return eventually(
        [&] { return reflector.state().problem.message().find(text) != std::string::npos; });
  }

  static ReflectorOptions options(bool watches_crd) {
    ReflectorOptions options;
    options.server = "http://api";
    options.first_retry = std::chrono::milliseconds(1);
    options.last_retry = std::chrono::milliseconds(4);
    options.list_wait = std::chrono::milliseconds(300);
    options.watches_crd = watches_crd;
    return options;
  }

  SystemClock clock;
  NullMetricSink metrics;
  Told told;
  ScriptedApi api;
  Reflector reflector;
  std::jthread thread;
};

std::string list_of(const std::vector<Resource>& objects, std::int64_t version,
                    const std::string& token = "") {
  std::vector<ResourcePtr> items;
  for (const Resource& object : objects) {
    items.push_back(std::make_shared<const Resource>(object));
  }
  std::string text = codec::encode_list(Kind::kFeatureFlag, items, version);
  if (!token.empty()) {
    const std::string at = "\"metadata\":{";
    text.insert(text.find(at) + at.size(), R"("continue":")" + token + "\",");
  }
  return text;
}

// The answers that Kubernetes 1.26 and 1.36 gave.
const std::string kExpiredFrame =
    R"j({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)j"
    R"j("status":"Failure","message":"too old resource version: 1 (210)",)j"
    R"j("reason":"Expired","code":410}})j"
    "\n";
const std::string kExpiredBody =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410})";
const Exchange kStreamingListOfA = {
    {"GET http://api/apis/ripcord.dev/v1alpha1/featureflags?watch=1", "sendInitialEvents=true",
     "resourceVersionMatch=NotOlderThan", "allowWatchBookmarks=true", "&resourceVersion=&"},
    200,
    "",
    {frame("ADDED", flag_at("a", 3)), bookmark(5, true)},
    End::kEof};
const Exchange kNoStreamingList = {{"sendInitialEvents=true"}, 422, "{}", {}, End::kEof};

Exchange watch_from(std::int64_t version, std::vector<std::string> pieces, End end = End::kOpen) {
  return {
      {"watch=1", fmt::format("&resourceVersion={}", version)}, 200, "", std::move(pieces), end};
}

TEST(Reflector, AStreamingListBecomesTheWatchOnTheSameConnection) {
  Exchange all = kStreamingListOfA;
  all.pieces.push_back(frame("MODIFIED", flag_at("a", 6)));
  all.pieces.push_back(frame("DELETED", flag_at("a", 7)));
  all.end = End::kOpen;
  Followed followed({all});
  EXPECT_THAT(followed.until("deleted a@7"),
              ElementsAre("replace a@3 as of 5", "modified a@6", "deleted a@7"));
  EXPECT_TRUE(followed.reflector.state().synced);
  EXPECT_EQ(followed.api.asked().size(), 1U);
}

TEST(Reflector, FramesMayBeCutAnywhere) {
  Exchange all = kStreamingListOfA;
  all.pieces = {};
  const std::string text = frame("ADDED", flag_at("ä", 3)) + bookmark(5, true) + bookmark(9);
  for (const char byte : text) {
    all.pieces.emplace_back(1, byte);
  }
  all.end = End::kOpen;
  Followed followed({all});
  EXPECT_THAT(followed.until("up to 9"), ElementsAre(HasSubstr("@3 as of 5"), "up to 9"));
}

// The first list and the watch after it, cut after each byte there is.
TEST(Reflector, AStreamMayBreakAfterAnyByte) {
  ReflectorOptions at_once = Followed::options(false);
  at_once.first_retry = Duration::zero();
  const std::string list = frame("ADDED", flag_at("a", 3)) + bookmark(5, true);
  const std::string change = frame("MODIFIED", flag_at("ä", 6));
  std::vector<Exchange> script;
  Exchange broken = kStreamingListOfA;
  broken.end = End::kBroken;
  for (std::size_t bytes = 0; bytes < list.size(); ++bytes) {
    broken.pieces = {list.substr(0, bytes)};
    script.push_back(broken);
  }
  broken.pieces = {list};
  script.push_back(broken);
  for (std::size_t bytes = 0; bytes <= change.size(); ++bytes) {
    script.push_back(watch_from(5, {change.substr(0, bytes)}, End::kBroken));
  }
  script.push_back(watch_from(6, {bookmark(7)}));
  Followed followed(std::move(script), at_once);
  EXPECT_THAT(followed.until("up to 7"),
              ElementsAre("replace a@3 as of 5", "modified ä@6", "up to 7"));
}

TEST(Reflector, AnEndedWatchIsTakenUpWhereItWasAndABookmarkMovesThat) {
  Followed followed({kStreamingListOfA, watch_from(5, {bookmark(8)}, End::kEof),
                     watch_from(8, {frame("ADDED", flag_at("b", 9))}, End::kBroken),
                     watch_from(9, {frame("ADDED", flag_at("c", 10))})});
  EXPECT_THAT(followed.until("added c@10"),
              ElementsAre("replace a@3 as of 5", "up to 8", "added b@9", "added c@10"));
}

TEST(Reflector, AServerThatIsAwayCostsNoList) {
  Followed followed({kStreamingListOfA,
                     {{"watch=1"}, 200, "", {}, End::kBroken},
                     {{"watch=1"}, 503, "starting", {}, End::kEof},
                     {{"watch=1"}, 429, "{}", {}, End::kEof},
                     watch_from(5, {bookmark(6)})});
  followed.until("up to 6");
  EXPECT_THAT(followed.api.asked(), Not(Contains(HasSubstr("limit="))));
}

std::string error_frame(int code, const std::string& reason) {
  return fmt::format(
      R"({{"type":"ERROR","object":{{"kind":"Status","status":"Failure","message":"trouble",)"
      R"("reason":"{}","code":{}}}}})"
      "\n",
      reason, code);
}

TEST(Reflector, AServerInTroubleIsAskedAgainFromWhereItWasWhicheverWayItSaysSo) {
  std::vector<Exchange> script = {kStreamingListOfA};
  for (const auto& [code, reason] :
       std::vector<std::pair<int, std::string>>{{429, "TooManyRequests"},
                                                {500, "InternalError"},
                                                {503, "ServiceUnavailable"},
                                                {504, "Timeout"},
                                                {500, "NeverHeardOf"},
                                                {418, ""}}) {
    script.push_back(watch_from(5, {error_frame(code, reason)}));
  }
  script.push_back(watch_from(5, {"{\"type\":\"ERROR\",\"object\":{}}\n"}));
  for (const int status : {500, 502, 504}) {
    script.push_back({{"watch=1", "&resourceVersion=5"}, status, "trouble", {}, End::kEof});
  }
  script.push_back(watch_from(5, {bookmark(6)}));
  Followed followed(std::move(script));
  EXPECT_THAT(followed.until("up to 6"), ElementsAre("replace a@3 as of 5", "up to 6"));
}

// What an API server sends of a kind that nobody writes: nothing.
TEST(Reflector, SilenceLeadsToANewWatchAtOnceAndIsNoProblem) {
  std::vector<Exchange> script(41, watch_from(5, {}, End::kSilent));
  script.front() = kStreamingListOfA;
  script.push_back(watch_from(5, {frame("MODIFIED", flag_at("a", 6))}));
  ReflectorOptions slow = Followed::options(false);
  slow.first_retry = slow.last_retry = std::chrono::minutes(1);
  Followed followed(std::move(script), slow);
  EXPECT_THAT(followed.until("modified a@6"), ElementsAre("replace a@3 as of 5", "modified a@6"));
  EXPECT_TRUE(followed.reflector.state().problem.ok());
}

TEST(Reflector, AServerWithoutStreamingListsIsListedInPagesFromThenOn) {
  Followed followed({kNoStreamingList,
                     {{"limit=500"}, 200, list_of({flag_at("a", 1)}, 4, "next")},
                     {{"limit=500", "continue=next"}, 200, list_of({flag_at("b", 2)}, 4)},
                     watch_from(4, {kExpiredFrame}),
                     {{"limit=500"}, 200, list_of({}, 9)},
                     watch_from(9, {bookmark(10)})});
  EXPECT_THAT(followed.until("up to 10"),
              ElementsAre("replace a@1 b@2 as of 4", "replace as of 9", "up to 10"));
  // Without a version a list is what the quorum has, never an older answer of a cache.
  EXPECT_THAT(followed.api.asked(),
              Not(Contains(AllOf(HasSubstr("limit="), HasSubstr("resourceVersion")))));
}

TEST(Reflector, PagesThatOutliveTheirSnapshotAreAskedForAllAtOnce) {
  Followed followed({kNoStreamingList,
                     {{"limit=500"}, 200, list_of({flag_at("a", 1)}, 4, "next")},
                     {{"continue=next"}, 410, kExpiredBody},
                     {{"/featureflags"}, 200, list_of({flag_at("a", 1), flag_at("b", 2)}, 6)},
                     watch_from(6, {bookmark(7)})});
  EXPECT_THAT(followed.until("up to 7"), ElementsAre("replace a@1 b@2 as of 6", "up to 7"));
  EXPECT_THAT(followed.api.asked().at(3), Not(HasSubstr("limit=")));
}

TEST(Reflector, AStreamingListThatNeverEndsIsGivenUpForPages) {
  Exchange endless = kStreamingListOfA;
  endless.pieces.pop_back();
  endless.end = End::kOpen;
  Followed followed(
      {endless, {{"limit=500"}, 200, list_of({flag_at("a", 1)}, 4)}, watch_from(4, {bookmark(5)})});
  EXPECT_THAT(followed.until("up to 5"), ElementsAre("replace a@1 as of 4", "up to 5"));
}

TEST(Reflector, AnExpiredVersionLeadsToAListAndSoDoesAFrameThatIsNone) {
  for (const std::string& bad : {kExpiredFrame, std::string("{\"type\":\n")}) {
    Followed followed(
        {kStreamingListOfA, watch_from(5, {bad}), kStreamingListOfA, watch_from(5, {bookmark(6)})});
    EXPECT_THAT(followed.until("up to 6"),
                ElementsAre("replace a@3 as of 5", "replace a@3 as of 5", "up to 6"));
  }
}

// Sleeps no time, and tells how long it was to be.
class Sleepless final : public Clock {
 public:
  MonoTime now() const override { return {}; }
  WallTime wall_now() const override { return {}; }
  bool sleep_for(Duration d, std::stop_token /*stop*/) override {
    MutexLock lock(mutex_);
    slept_.push_back(d);
    return true;
  }
  std::vector<Duration> slept() const {
    MutexLock lock(mutex_);
    return slept_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<Duration> slept_ GUARDED_BY(mutex_);
};

TEST(Reflector, ReplicasWhoseVersionExpiredListAtDifferentTimesWithinTheFirstRetry) {
  std::set<Duration> waits;
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    Sleepless clock;
    NullMetricSink metrics;
    Told told;
    ScriptedApi api({kNoStreamingList,
                     {{"limit=500"}, 200, list_of({}, 4)},
                     watch_from(4, {kExpiredFrame}),
                     {{"limit=500"}, 200, list_of({}, 9)},
                     watch_from(9, {})});
    ReflectorOptions options = Followed::options(false);
    options.first_retry = std::chrono::seconds(1);
    options.list_wait = std::chrono::hours(1);
    options.seed = seed;
    Reflector reflector(api, api, options, told, clock, metrics, {});
    {
      const std::jthread thread([&](const std::stop_token& stop) { reflector.run(stop); });
      EXPECT_TRUE(eventually([&] { return api.done(); }));
    }
    std::vector<Duration> slept = clock.slept();
    std::erase(slept, options.list_wait);
    EXPECT_THAT(slept, Each(Le(options.first_retry)));
    ASSERT_EQ(slept.size(), 1U);
    waits.insert(slept.front());
  }
  EXPECT_EQ(waits.size(), 5U);
}

TEST(Reflector, AnObjectThatCannotBeReadIsLeftOutAndTheOthersGoOn) {
  const std::string bad =
      R"({"type":"MODIFIED","object":{"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",)"
      R"("metadata":{"name":"a","namespace":"default","resourceVersion":"6"},"spec":{"enabled":"perhaps"}}})"
      "\n";
  Followed followed({kStreamingListOfA,
                     watch_from(5, {bad, frame("ADDED", flag_at("b", 7))}, End::kEof),
                     watch_from(7, {bookmark(8)})});
  EXPECT_THAT(followed.until("up to 8"),
              ElementsAre("replace a@3 as of 5", "added b@7", "up to 8"));
}

TEST(Reflector, AKindTheServerDoesNotKnowIsNamedAndFoundWhenItComes) {
  const Exchange unknown = {{"watch=1"}, 404, "404 page not found\n", {}, End::kEof};
  Followed followed({unknown, unknown, unknown, unknown, unknown, kStreamingListOfA,
                     watch_from(5, {bookmark(6)})});
  EXPECT_TRUE(followed.problem_has("apply crds/") || followed.api.done());
  followed.until("up to 6");
  EXPECT_THAT(followed.api.asked(), Not(Contains(HasSubstr("limit="))));
  EXPECT_TRUE(followed.reflector.state().problem.ok());
}

TEST(Reflector, AMissingRightIsNamed) {
  std::vector<Exchange> script(
      200,
      {{"watch=1"},
       403,
       R"({"kind":"Status","reason":"Forbidden","code":403,"message":"featureflags.ripcord.dev is forbidden: User \"x\" cannot watch resource"})",
       {},
       End::kEof});
  Followed followed(std::move(script));
  EXPECT_TRUE(followed.problem_has("cannot watch resource"));
  EXPECT_EQ(followed.reflector.state().problem.code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(followed.reflector.state().synced);
}

TEST(Reflector, RemovingTheCrdDoesNotReportItsObjectsGone) {
  Followed followed(
      {kStreamingListOfA,
       watch_from(5, {frame("DELETED", flag_at("a", 6))}, End::kEof),
       {{"customresourcedefinitions/featureflags.ripcord.dev"},
        200,
        R"({"metadata":{"name":"featureflags.ripcord.dev","deletionTimestamp":"2026-01-01T00:00:00Z"}})"},
       {{"watch=1"}, 404, "404 page not found\n", {}, End::kEof},
       watch_from(6, {kExpiredFrame}),
       kStreamingListOfA,
       watch_from(5, {bookmark(7)})},
      true);
  EXPECT_THAT(followed.until("up to 7"),
              ElementsAre("replace a@3 as of 5", "replace a@3 as of 5", "up to 7"));
}

TEST(Reflector, AnOrdinaryDeletionIsReported) {
  Followed followed({kStreamingListOfA,
                     watch_from(5, {frame("DELETED", flag_at("a", 6))}),
                     {{"customresourcedefinitions"}, 200, R"({"metadata":{"name":"x"}})"}},
                    true);
  followed.until("deleted a@6");
}

}  // namespace
}  // namespace ripcord::kubernetes
