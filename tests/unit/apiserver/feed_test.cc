// SPDX-License-Identifier: Apache-2.0
// Events and namespaces: lists and watches.
#include "tests/unit/apiserver/api_fixture.h"

#include <sstream>

#include <gmock/gmock.h>

namespace ripcord::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kTable = "application/json;as=Table;v=v1;g=meta.k8s.io";

// The frames of a watch as "TYPE name"; of the others their type.
class FeedTest : public ApiTest {
 protected:
  void record(const std::string& about, const std::string& reason = "Bad") {
    events_.record(
        {{Kind::kFeatureFlag, "default", about}, "u", Event::Type::kWarning, reason, "Try", "n"});
  }
  std::string version_of(const std::string& path) {
    return get(path).body["metadata"]["resourceVersion"];
  }
  // Everything that there is to tell until the stream has nothing more for now.
  static std::vector<json> frames(BodyStream& stream) {
    std::vector<json> all;
    for (;;) {
      const Result<std::string> piece = stream.next({});
      if (!piece || piece->empty()) {
        return all;
      }
      std::istringstream lines(*piece);
      for (std::string line; std::getline(lines, line);) {
        all.push_back(json::parse(line));
      }
    }
  }
  static std::vector<std::string> told(BodyStream& stream) {
    std::vector<std::string> all;
    for (const json& frame : frames(stream)) {
      const json& object = frame["object"];
      all.push_back(frame["type"].get<std::string>() + " " +
                    (object.contains("involvedObject")
                         ? object["involvedObject"]["name"].get<std::string>()
                         : object["metadata"].value("name", "")));
    }
    return all;
  }
  std::unique_ptr<BodyStream> watch(const std::string& path, const std::string& accept = {}) {
    return raw("GET", path, {}, {{"accept", accept}}).stream;
  }
};

TEST_F(FeedTest, EventsAreCountedAndSelected) {
  Event event{{Kind::kFeatureFlag, "default", "a"}, "u", Event::Type::kWarning, "Bad", "Try", "n"};
  events_.record(event);
  events_.record(event);
  event.regarding.name = "b";
  events_.record(event);
  const Answer core =
      get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=a,type=Warning");
  ASSERT_EQ(core.body["items"].size(), 1U) << core.text;
  EXPECT_EQ(core.body["items"][0]["count"], 2);
  EXPECT_EQ(get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name=b")
                .body["items"][0]["regarding"]["name"],
            "b");
  EXPECT_EQ(get("/api/v1/events?fieldSelector=nothing=b").code, 400);
  EXPECT_EQ(get("/api/v1/namespaces/other/events").body["items"].size(), 0U);
}

TEST_F(FeedTest, AWatchOfEventsTellsNewOnesAndThoseThatCameAgain) {
  record("before");
  const auto all = watch("/api/v1/namespaces/default/events?watch=1&resourceVersion=" +
                         version_of("/api/v1/events"));
  const auto some =
      watch("/api/v1/events?watch=true&fieldSelector=involvedObject.name=b&resourceVersion=" +
            version_of("/api/v1/events"));
  EXPECT_THAT(told(*all), IsEmpty());
  record("a");
  record("b");
  record("a");
  EXPECT_THAT(told(*all), ElementsAre("ADDED a", "ADDED b", "MODIFIED a"));
  EXPECT_THAT(told(*some), ElementsAre("ADDED b"));
  EXPECT_THAT(told(*watch("/api/v1/namespaces/other/events?watch=1")), IsEmpty());
}

TEST_F(FeedTest, AWatchWithoutAVersionBeginsWithWhatThereIs) {
  record("a");
  EXPECT_THAT(told(*watch("/api/v1/events?watch=1")), ElementsAre("ADDED a"));
  EXPECT_THAT(told(*watch("/api/v1/events?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&"
                          "resourceVersionMatch=NotOlderThan")),
              ElementsAre("ADDED a", "BOOKMARK "));
  EXPECT_EQ(get("/api/v1/events?watch=1&sendInitialEvents=true").code, 422);
}

TEST_F(FeedTest, AWatchFromBeforeTheHistoryOrFromAnotherLifeOfTheProcessIsExpired) {
  EventRing ring(clock_, nullptr, 2);
  ResourceService service(store_, clock_, shared_catalog(), "v1.36.0", &ring);
  const auto first = ring.feed().snapshot().version;
  for (const std::string name : {"a", "b", "c", "d"}) {
    ring.record({{Kind::kFeatureFlag, "default", name}, "u", Event::Type::kNormal, "R", "A", "n"});
  }
  ServedRequest request;
  request.method = "GET";
  request.path = "/api/v1/events";
  for (const std::int64_t version : {first, first + 1000, std::int64_t{5}}) {
    request.query = "watch=1&resourceVersion=" + std::to_string(version);
    const auto stream = service.serve(request).stream;
    const auto all = frames(*stream);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0]["type"], "ERROR");
    EXPECT_EQ(all[0]["object"]["code"], 410);
    EXPECT_FALSE(stream->next({}).has_value()) << "and the stream ends";
  }
  // What the ring let go of is told as deleted.
  request.query = "watch=1&resourceVersion=" + std::to_string(first + 2);
  EXPECT_THAT(told(*service.serve(request).stream),
              ElementsAre("ADDED c", "DELETED a", "ADDED d", "DELETED b"));
}

TEST_F(FeedTest, AWatchEndsInTimeAndIsMarkedBeforeThat) {
  const auto stream = watch("/api/v1/events?watch=1&allowWatchBookmarks=true&timeoutSeconds=100");
  EXPECT_THAT(told(*stream), IsEmpty());
  clock_.advance(std::chrono::seconds(61));
  EXPECT_THAT(told(*stream), ElementsAre("BOOKMARK "));
  clock_.advance(std::chrono::seconds(38));
  EXPECT_THAT(told(*stream), ElementsAre("BOOKMARK "));
  clock_.advance(std::chrono::seconds(2));
  EXPECT_FALSE(stream->next({}).has_value());
}

TEST_F(FeedTest, AWatchOfATableHasHeadersOnceAndRowsWithTheirObject) {
  record("a");
  const auto stream = watch("/api/v1/events?watch=1&includeObject=Object", kTable);
  record("b");
  const auto all = frames(*stream);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["object"]["columnDefinitions"][2]["name"], "Reason");
  EXPECT_TRUE(all[1]["object"]["columnDefinitions"].is_null());
  EXPECT_EQ(all[1]["object"]["rows"][0]["cells"][3], "featureflag/b");
  EXPECT_EQ(all[1]["object"]["rows"][0]["object"]["involvedObject"]["name"], "b");
}

TEST_F(FeedTest, AWatchOfNamespacesTellsThoseThatComeAndGo) {
  const auto stream = watch("/api/v1/namespaces?watch=1");
  const auto one = watch("/api/v1/namespaces?watch=1&fieldSelector=metadata.name=shop");
  EXPECT_THAT(told(*stream), ElementsAre("ADDED default"));
  EXPECT_THAT(told(*one), IsEmpty());
  const auto make = [&](const std::string& ns, const std::string& name) {
    Resource object = sample_flag(name);
    object.meta.ns = ns;
    ASSERT_OK(store_.create(object));
  };
  make("shop", "a");
  make("shop", "b");
  make("default", "a");
  EXPECT_THAT(told(*stream), ElementsAre("ADDED shop"));
  EXPECT_OK(store_.remove({Kind::kFeatureFlag, "default", "a"}));
  EXPECT_OK(store_.remove({Kind::kFeatureFlag, "shop", "a"}));
  EXPECT_THAT(told(*stream), IsEmpty());
  EXPECT_OK(store_.remove({Kind::kFeatureFlag, "shop", "b"}));
  EXPECT_THAT(told(*stream), ElementsAre("DELETED shop"));
  EXPECT_THAT(told(*one), ElementsAre("ADDED shop", "DELETED shop"));
}

TEST_F(FeedTest, NamespacesAreSelected) {
  Resource object = sample_flag("a");
  object.meta.ns = "shop";
  ASSERT_OK(store_.create(object));
  const auto names = [&](const std::string& query) {
    std::vector<std::string> all;
    const Answer answer = get("/api/v1/namespaces" + query);
    for (const json& item : answer.body["items"]) {
      all.push_back(item["metadata"]["name"]);
    }
    return all;
  };
  EXPECT_THAT(names(""), ElementsAre("default", "shop"));
  EXPECT_THAT(names("?fieldSelector=metadata.name=shop"), ElementsAre("shop"));
  EXPECT_THAT(names("?labelSelector=kubernetes.io/metadata.name!=shop"), ElementsAre("default"));
  EXPECT_THAT(names("?labelSelector=team=x"), IsEmpty());
  EXPECT_EQ(get("/api/v1/namespaces?fieldSelector=spec.x=1").code, 400);
  EXPECT_EQ(get("/api/v1/namespaces/any").body["status"]["phase"], "Active");
}

}  // namespace
}  // namespace ripcord::apiserver
