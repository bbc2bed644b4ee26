// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/message_scanner.h"

#include <random>

#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

std::vector<Scanned> scan(std::string_view input, std::size_t piece = std::string_view::npos,
                          std::size_t max_bytes = kMaxMessageBytes) {
  MessageScanner scanner(max_bytes);
  std::vector<Scanned> out;
  for (std::size_t at = 0; at < input.size(); at += std::min(piece, input.size() - at)) {
    scanner.feed(input.substr(at, piece), out);
  }
  scanner.finish(out);
  return out;
}

// "line:text" of objects, "line!" of what was dropped.
std::vector<std::string> summary(const std::vector<Scanned>& scanned) {
  std::vector<std::string> out;
  for (const Scanned& s : scanned) {
    out.push_back(std::to_string(s.line) + (s.problem.empty() ? ":" + s.text : "!"));
  }
  return out;
}

struct Case {
  std::string name;
  std::string input;
  std::vector<std::string> found;
};
class Scanning : public testing::TestWithParam<Case> {};

TEST_P(Scanning, FindsTheSameWhereverTheInputIsCut) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::string_view::npos}) {
    EXPECT_EQ(summary(scan(GetParam().input, piece)), GetParam().found) << "pieces of " << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Scanning,
    testing::Values(
        Case{"OneALine", "{\"a\": 1}\n{\"b\": 2}\n", {"1:{\"a\": 1}", "2:{\"b\": 2}"}},
        Case{"CarriageReturnsAndBlankLines", "\r\n{}\r\n\n \t{}\r\n", {"2:{}", "4:{}"}},
        Case{"SeveralOnOneLine", "{} {}{}", {"1:{}", "1:{}", "1:{}"}},
        Case{"OneOverSeveralLines",
             "{\n  \"a\": [\n    1,\n    {}\n  ]\n}\n{}\n",
             {"1:{\n  \"a\": [\n    1,\n    {}\n  ]\n}", "7:{}"}},
        Case{"BracesInStrings", R"({"a": "}{\"\\"}{})", {R"(1:{"a": "}{\"\\"})", "1:{}"}},
        Case{"EveryKindOfValue",
             R"({"a": [true, false, null, -1.5e+3, "x", [], {}]})",
             {R"(1:{"a": [true, false, null, -1.5e+3, "x", [], {}]})"}},
        Case{"GarbageCostsItsLine", "garbage {}\n{}\n", {"1!", "2:{}"}},
        Case{"WhatIsNoObjectIsGarbage", "5\n[{}]\n\"x\"\n{}\n", {"1!", "2!", "3!", "4:{}"}},
        Case{"GarbageBehindAnObject", "{} x\n{}", {"1:{}", "1!", "2:{}"}},
        Case{"ALineThatBreaksOffCostsTheNextNothing",
             "{\"a\": 1,\n{\"b\": 2}\n",
             {"1!", "2:{\"b\": 2}"}},
        Case{"ALineThatBreaksOffBehindAValue",
             "{\"a\": {\"b\": 1\n{\"c\": 2}\n",
             {"1!", "2:{\"c\": 2}"}},
        Case{"ALineThatBreaksOffInAString", "{\"a\": \"x\n{\"b\": 2}\n", {"1!", "2:{\"b\": 2}"}},
        Case{"AnUnknownWord", "{\"a\": nil}\n{}\n", {"1!", "2:{}"}},
        Case{"TheWrongBracket", "{\"a\": [1}\n{}\n", {"1!", "2:{}"}},
        Case{"ATrailingComma", "{\"a\": 1,}\n{}\n", {"1!", "2:{}"}},
        Case{"AKeyThatIsNoString", "{a: 1}\n{}\n", {"1!", "2:{}"}},
        Case{"ABrokenObjectIsNotReadFromTheMiddle",
             "{\n  \"src\": \"a\", oops\n  \"body\": {\"b\": 1}\n}\n{}\n",
             {"1!", "2!", "3!", "4!", "5:{}"}},
        Case{"TheEndInMidLine", "{}\n{\"a\": 1", {"1:{}", "2!"}},
        Case{"TheEndInGarbage", "gar", {"1!"}},
        Case{"TheEndWithoutALineEnd", "{\"a\": 1}", {"1:{\"a\": 1}"}},
        Case{"NothingAtAll", "", {}}),
    [](const auto& tested) { return tested.param.name; });

TEST(MessageScanner, HandsAnObjectOutWithItsLastBrace) {
  MessageScanner scanner;
  std::vector<Scanned> out;
  scanner.feed("{\"a\": {}", out);
  EXPECT_TRUE(out.empty());
  scanner.feed("}", out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].text, "{\"a\": {}}");
}

TEST(MessageScanner, ReadsALineOfAMebibyte) {
  const std::string line = "{\"a\": \"" + std::string(1024 * 1024, 'x') + "\"}";
  const std::vector<Scanned> found = scan(line + "\n{}\n", 65536);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].text, line);
}

TEST(MessageScanner, DropsWhatIsTooLongUpToTheLineEnd) {
  const std::string line = "{\"a\": \"" + std::string(100, 'x') + "\", \"b\": {}}";
  const std::vector<Scanned> found = scan(line + "\n{}\n", 7, 50);
  EXPECT_EQ(summary(found), (std::vector<std::string>{"1!", "2:{}"}));
  EXPECT_NE(found[0].problem.find("is longer than 50 bytes"), std::string::npos);
}

TEST(MessageScanner, ShowsOnlyTheStartOfWhatItDropped) {
  const std::vector<Scanned> found = scan(std::string(100000, 'x') + "\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_LT(found[0].problem.size(), 200U);
}

// A good line after any garbage that ends its line is found, unless the garbage is the start of an
// object that the line continues.
TEST(MessageScanner, FindsTheNextObjectAfterRandomGarbage) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string_view alphabet = "{}[]\",:\\ \n1atrue\x80";
  for (int round = 0; round < 2000; ++round) {
    std::string garbage;
    const std::size_t length = random() % 40;
    for (std::size_t i = 0; i < length; ++i) {
      garbage += alphabet[random() % alphabet.size()];
    }
    // Two lines that no object continues: the first ends whatever was open.
    const std::vector<Scanned> found =
        scan(garbage + "\n}}\n}}\n{\"last\": 1}\n", 1 + random() % 9);
    ASSERT_FALSE(found.empty());
    ASSERT_EQ(found.back().text, "{\"last\": 1}") << garbage;
  }
}

}  // namespace
}  // namespace ripcord::stdio
