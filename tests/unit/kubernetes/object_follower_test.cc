// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/object_follower.h"

#include "tests/support/process.h"
#include "tests/unit/kubernetes/scripted_api.h"

#include <atomic>
#include <thread>

namespace ripcord::kubernetes {
namespace {

constexpr const char* kList = "fieldSelector=metadata.name%3Durl";

std::string listed(const std::string& collection, const std::string& object) {
  return R"({"metadata":{"resourceVersion":")" + collection + R"("},"items":[)" +
         (object.empty() ? "" : R"({"metadata":{"resourceVersion":")" + object + R"("}})") + "]}";
}

std::string frame(const std::string& type, const std::string& version,
                  const std::string& name = {}) {
  return R"({"type":")" + type + R"(","object":{"metadata":{"name":")" + name +
         R"(","resourceVersion":")" + version + "\"}}}\n";
}

// How often it said that something changed, once the script is used up.
int changes(std::vector<Exchange> script,
            const Reference& reference = {Reference::To::kSecret, "shop", "url"}) {
  ScriptedApi api(std::move(script));
  SystemClock clock;
  ObjectFollower follower({api, "https://api", &api}, clock, {},
                          {.first_retry = std::chrono::milliseconds(1)});
  std::atomic<int> count = 0;
  {
    const std::jthread thread([&](const std::stop_token& stop) {
      follower.follow(
          reference, [&] { ++count; }, stop);
    });
    EXPECT_TRUE(eventually([&] { return api.done(); }));
  }
  return count;
}

TEST(ObjectFollower, AsksForOneNameAndTellsEachChange) {
  EXPECT_EQ(changes({{.wants = {"GET https://api/api/v1/namespaces/shop/secrets?", kList},
                      .body = listed("7", "5")},
                     {.wants = {"watch=1", kList, "resourceVersion=7"},
                      .pieces = {frame("MODIFIED", "8").substr(0, 20),
                                 frame("MODIFIED", "8").substr(20) + frame("BOOKMARK", "9"),
                                 frame("DELETED", "10") + frame("ADDED", "11")}}}),
            4);
}

TEST(ObjectFollower, TakesAWatchUpWhereItWasAndTellsNothingTwice) {
  EXPECT_EQ(changes({{.wants = {kList}, .body = listed("7", "5")},
                     {.wants = {"resourceVersion=7"},
                      .pieces = {frame("BOOKMARK", "9")},
                      .end = Exchange::End::kBroken},
                     {.wants = {"resourceVersion=9"}, .pieces = {frame("MODIFIED", "10")}}}),
            2);
}

TEST(ObjectFollower, ListsAgainWhenTheVersionExpiredAndTellsOnlyWhatDiffers) {
  const std::string gone =
      "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n";
  EXPECT_EQ(changes({{.wants = {kList}, .body = listed("7", "5")},
                     {.wants = {"resourceVersion=7"}, .pieces = {gone}},
                     {.wants = {kList}, .body = listed("70", "5")},
                     {.wants = {"resourceVersion=70"}, .pieces = {gone}},
                     {.wants = {kList}, .body = listed("80", "")},
                     {.wants = {"resourceVersion=80"}}}),
            2);
}

TEST(ObjectFollower, DoesNotListBecauseTheServerIsInTroubleButBecauseAFrameIsNone) {
  const std::string trouble =
      "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n";
  EXPECT_EQ(changes({{.wants = {kList}, .body = listed("7", "5")},
                     {.wants = {"watch=1", "resourceVersion=7"}, .pieces = {trouble}},
                     {.wants = {"watch=1", "resourceVersion=7"}, .status = 500},
                     {.wants = {"watch=1", "resourceVersion=7"}, .pieces = {"no frame\n"}},
                     {.wants = {kList}, .body = listed("9", "8")},
                     {.wants = {"watch=1", "resourceVersion=9"}}}),
            2);
}

TEST(ObjectFollower, FollowsAllEndpointSlicesOfAService) {
  constexpr const char* kSlices =
      "GET https://api/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?";
  constexpr const char* kLabel = "labelSelector=kubernetes.io%2Fservice-name%3Dweb";
  const std::string two =
      R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a",)"
      R"("resourceVersion":"5"}},{"metadata":{"name":"b","resourceVersion":"6"}}]})";
  EXPECT_EQ(changes({{.wants = {kSlices, kLabel}, .body = two},
                     {.wants = {kSlices, "watch=1", kLabel, "resourceVersion=7"},
                      .pieces = {frame("MODIFIED", "8", "b") + frame("MODIFIED", "8", "b"),
                                 frame("DELETED", "9", "a") + frame("DELETED", "9", "a"),
                                 frame("ADDED", "10", "c")}}},
                    {Reference::To::kEndpointSlices, "shop", "web"}),
            4);
}

TEST(ObjectFollower, FollowsAServiceAndAnHttpRouteByName) {
  EXPECT_EQ(changes({{.wants = {"GET https://api/api/v1/namespaces/shop/services?",
                                "fieldSelector=metadata.name%3Dweb"},
                      .body = listed("7", "5")}},
                    {Reference::To::kService, "shop", "web"}),
            1);
  EXPECT_EQ(
      changes(
          {{.wants =
                {"GET https://api/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes?",
                 "fieldSelector=metadata.name%3Dweb"},
            .body = listed("7", "5")}},
          {Reference::To::kHttpRoute, "shop", "web"}),
      1);
}

TEST(ObjectFollower, HealsWhenARightComes) {
  EXPECT_EQ(
      changes({{.wants = {kList},
                .status = 403,
                .body = R"({"kind":"Status","code":403,"reason":"Forbidden"})"},
               {.wants = {kList}, .body = listed("7", "5")},
               {.wants = {"watch=1"},
                .status = 403,
                .body = R"({"kind":"Status","code":403,"reason":"Forbidden"})"},
               {.wants = {"watch=1", "resourceVersion=7"}, .pieces = {frame("MODIFIED", "8")}}}),
      2);
}

}  // namespace
}  // namespace ripcord::kubernetes
