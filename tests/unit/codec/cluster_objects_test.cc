// SPDX-License-Identifier: Apache-2.0
// What drivers of a cluster read and write: flags' files, ConfigMaps, Secrets, versions.
#include "controller/codec/cluster_config_map.h"
#include "controller/codec/cluster_secret.h"
#include "controller/codec/cluster_service.h"
#include "controller/codec/flag_file.h"
#include "controller/codec/http_route.h"
#include "controller/codec/leader_mark.h"
#include "controller/codec/object_version.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

TEST(FlagFile, HasALineForEachFlagInflagdsFormat) {
  const FlagFile file = {
      {"b\"", {false, {{"off", "false"}, {"on", "true"}}, "on"}},
      {"a", {true, {{"x", "10.0"}}, "x"}},
  };
  EXPECT_EQ(encode_flag_file(file), R"({
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "flags": {
    "a": {"state": "ENABLED", "variants": {"x": 10.0}, "defaultVariant": "x"},
    "b\"": {"state": "DISABLED", "variants": {"off": false, "on": true}, "defaultVariant": "on"}
  }
}
)");
}

TEST(FlagFile, WithoutFlagsIsStillOne) {
  EXPECT_EQ(encode_flag_file({}), R"({
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "flags": {}
}
)");
}

TEST(ConfigMap, TellsWhichKeysAManagerApplied) {
  const auto view = decode_config_map(
      R"({"metadata":{"managedFields":[
        {"manager":"kubectl","operation":"Apply","fieldsV1":{"f:data":{"f:other":{}}}},
        {"manager":"ripcord-flags","operation":"Update","fieldsV1":{"f:data":{"f:updated":{}}}},
        {"manager":"ripcord-flags","operation":"Apply","fieldsV1":{"f:data":{".":{},"f:a.json":{}}}}]},
        "data":{"other":"x"},"binaryData":{"b":"AQI="}})",
      "ripcord-flags");
  ASSERT_OK(view);
  EXPECT_EQ(view->applied, std::set<std::string>{"a.json"});
  EXPECT_EQ(view->data,
            (std::map<std::string, std::string>{{"other", "x"}, {"b", std::string("\x01\x02")}}));
  EXPECT_CODE(decode_config_map("[]"), StatusCode::kInternal);
}

TEST(ConfigMap, IsAppliedWithTheseKeysAlone) {
  EXPECT_EQ(encode_config_map_apply("flags", "", "", {{"a", "1\n"}, {"b", "\""}}),
            R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flags"},)"
            R"("data":{"a":"1\n","b":"\""}})");
}

TEST(ConfigMap, IsAppliedToTheVersionThatWasReadWithTheMarkOfItsLeader) {
  const std::string body = encode_config_map_apply("flags", "7", "a_1/3", {});
  EXPECT_EQ(body,
            R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flags",)"
            R"("resourceVersion":"7","annotations":{"ripcord.dev/led-by":"a_1/3"}},"data":{}})");
  const auto view = decode_config_map(body);
  ASSERT_OK(view);
  EXPECT_EQ(view->resource_version + " " + view->leader, "7 a_1/3");
}

TEST(LeaderMark, IsWrittenToTheVersionThatWasReadAndReadBack) {
  const std::string mark = encode_leader_mark("a_1/3", "7");
  EXPECT_EQ(mark,
            R"({"metadata":{"resourceVersion":"7","annotations":{"ripcord.dev/led-by":"a_1/3"}}})");
  EXPECT_EQ(decode_service(mark)->leader, "a_1/3");
  EXPECT_EQ(decode_route(mark)->leader, "a_1/3");
  EXPECT_EQ(decode_route(mark)->resource_version, "7");
  EXPECT_EQ(decode_service(R"({"metadata":{}})")->leader, "");
}

TEST(Secret, GivesOneValueAndShowsNothingOfTheOthers) {
  const std::string body = R"({"data":{"url":"c2hvcA==","other":"aHVudGVyMg=="}})";
  EXPECT_EQ(decode_secret_value(body, "url").value_or(""), "shop");
  const auto missing = decode_secret_value(body, "uri");
  EXPECT_CODE(missing, StatusCode::kFailedPrecondition);
  EXPECT_EQ(missing.error().message().find("unter"), std::string::npos);
}

TEST(ObjectVersion, IsReadOfListsAndFrames) {
  using Versions = std::map<std::string, std::string>;
  const auto none = decode_listed_versions(R"({"metadata":{"resourceVersion":"7"},"items":[]})");
  ASSERT_OK(none);
  EXPECT_EQ(none->collection, "7");
  EXPECT_EQ(none->objects, Versions());
  const auto two = decode_listed_versions(R"({"metadata":{"resourceVersion":"9"},"items":[)"
                                          R"({"metadata":{"name":"a","resourceVersion":"8"}},)"
                                          R"({"metadata":{"name":"b","resourceVersion":"3"}}]})");
  ASSERT_OK(two);
  EXPECT_EQ(two->collection, "9");
  EXPECT_EQ(two->objects, (Versions{{"a", "8"}, {"b", "3"}}));
  const auto frame = decode_version_frame(
      R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"10"}}})");
  ASSERT_OK(frame);
  EXPECT_EQ(frame->type + "," + frame->name + "," + frame->version, "MODIFIED,a,10");
  EXPECT_CODE(decode_version_frame(
                  R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"),
              StatusCode::kExpired);
  EXPECT_CODE(decode_version_frame("{}"), StatusCode::kInternal);
}

}  // namespace
}  // namespace ripcord::codec
