// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_scan.h"

#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

constexpr TreeLimits kLimits{12, 200, 4096};

// As an API server writes an object, with an escape and a fraction.
constexpr std::string_view kObject =
    R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":{"name":"a","generation":3,
  "labels":{}, "finalizers": [ ]},"spec":{"enabled":true,"variants":{"on":"\"x\"","n":-12.50,"z":0}},
"status":{"observedGeneration":-1,"overridden":false,"value":"\"a\\b\n\"","gone":null,"history":
[{"durationSeconds":0.001,"from":""},[1,2,[]]]}} trailing)";

void expect_same(const Node& a, const Node& b, const std::string& text) {
  ASSERT_EQ(a.type, b.type) << text;
  EXPECT_EQ(a.mark.line, b.mark.line) << text;
  EXPECT_EQ(a.mark.column, b.mark.column) << text;
  EXPECT_EQ(a.boolean, b.boolean) << text;
  EXPECT_EQ(a.integer, b.integer) << text;
  EXPECT_EQ(a.text, b.text) << text;
  ASSERT_EQ(a.items.size(), b.items.size()) << text;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    expect_same(a.items[i], b.items[i], text);
  }
  ASSERT_EQ(a.members.size(), b.members.size()) << text;
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    EXPECT_EQ(a.members[i].key, b.members[i].key) << text;
    EXPECT_EQ(a.members[i].mark.line, b.members[i].mark.line) << text;
    EXPECT_EQ(a.members[i].mark.column, b.members[i].mark.column) << text;
    expect_same(a.members[i].value, b.members[i].value, text);
  }
}

// True when the scan read it; then the parser read the same.
bool agrees(const std::string& text, Mark start = {1, 1}) {
  const auto scanned = scan_json_value(text, start, kLimits);
  if (!scanned) {
    return false;
  }
  const JsonValue parsed = parse_json_value(text, start, kLimits);
  EXPECT_TRUE(scanned->root && parsed.root) << text;
  if (scanned->root && parsed.root) {
    EXPECT_EQ(scanned->length, parsed.length) << text;
    expect_same(*scanned->root, *parsed.root, text);
  }
  return true;
}

TEST(JsonScan, ReadsAnObjectOfAServerAsTheParserDoes) {
  EXPECT_TRUE(agrees(std::string(kObject)));
  EXPECT_TRUE(agrees(std::string(kObject), {7, 20}));
  EXPECT_TRUE(agrees(" \n\t[\"\x7f\", 123456789012345678, -0.0, {\"\":[]}]"));
}

TEST(JsonScan, LeavesTheRestToTheParser) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "\"a\"",
                           "{",
                           "[1",
                           "[1,]",
                           "{\"a\"}",
                           "{\"a\":1,}",
                           "[01]",
                           "[1.]",
                           "[-]",
                           "[-0]",
                           "[1e3]",
                           "[1234567890123456789]",
                           "[nul]",
                           "[truex]",
                           "[\"\\u0041\"]",
                           "[\"\\x\"]",
                           "[\"ä\"]",
                           "[\"\t\"]",
                           "[\"a]",
                           "[\"a\\",
                           "{\"a\":1,\"a\":2}",
                           "[[[[[[[[[[[[[[1]]]]]]]]]]]]]]",
                           "[1}",
                           "{1:2}"}) {
    EXPECT_FALSE(agrees(text)) << text;
  }
}

TEST(JsonScan, HasTheLimitsOfTheParser) {
  const auto both_read = [](const std::string& text) {
    const bool parsed = parse_json_value(text, {1, 1}, kLimits).root.has_value();
    EXPECT_EQ(agrees(text), parsed) << text;
    return parsed;
  };
  int read = 0;
  for (std::size_t n = 1; n < 260; ++n) {
    std::string numbers = "[7";
    std::string members = "{\"k\":0";
    for (std::size_t i = 1; i < n; ++i) {
      numbers += ",8";
      members += ",\"k" + std::to_string(i) + "\":\"\"";
    }
    read += both_read(numbers + "]") ? 1 : 0;
    read += both_read(members + "}") ? 1 : 0;
    const std::string deep(n % 16 + 1, '[');
    read += both_read(deep + std::string(deep.size(), ']')) ? 1 : 0;
    read +=
        both_read("{\"" + std::string(n * 8, 'k') + "\":[\"" + std::string(n * 8, 'v') + "\"]}");
  }
  EXPECT_GT(read, 300);
  EXPECT_LT(read, 4 * 259);
}

TEST(JsonScan, NeverReadsAnythingOtherThanTheParser) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::string_view kBytes = "{}[]\",:\\/ \n\r\tbfnrtu0123456789.-+eEax\x01\x7f\x80\xc3";
  int scanned = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text(kObject);
    for (auto edits = random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
          break;
        case 2:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 24));
      }
    }
    scanned += agrees(text) ? 1 : 0;
  }
  EXPECT_GT(scanned, 5'000);
}

}  // namespace
}  // namespace ripcord::codec
