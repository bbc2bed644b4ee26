// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_text.h"

#include "tests/support/status_matchers.h"

namespace ripcord::codec {
namespace {

TEST(JsonText, KnowsAnObjectFromWhatIsNone) {
  for (const char* text : {"{}", " {\"a\": [1, {\"b\": \"}\\\"\"}]}\r\n", "{\"\\u00fc\":null}"}) {
    EXPECT_TRUE(is_json_object(text)) << text;
  }
  for (const char* text : {"", " ", "[]", "1", "null", "{", "{\"a\":1,}", "{\"a\" 1}", "{} {}",
                           "{'a':1}", "{\"a\":\"\xff\"}", "{\"a\":01}", "{\"a\":\"\n\"}"}) {
    EXPECT_FALSE(is_json_object(text)) << text;
  }
}

TEST(JsonText, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(is_json_object(nested(63)));
  EXPECT_FALSE(is_json_object(nested(64)));
  EXPECT_FALSE(is_json_object(nested(1'000'000)));
}

TEST(JsonText, GivesMembersAsTheyWereWritten) {
  const auto members = json_members(
      " { \"a\" : 10.0 , \"b\":{\"x\":[1,2],\"y\":\"}\\\\\"} ,\"c\\\"\": \"t,:\\\"\" , "
      "\"d\":[ ],\"e\":-1e5 } ");
  ASSERT_OK(members);
  ASSERT_EQ(members->size(), 5u);
  const std::pair<std::string, std::string> wanted[] = {{"a", "10.0"},
                                                        {"b", "{\"x\":[1,2],\"y\":\"}\\\\\"}"},
                                                        {"c\"", "\"t,:\\\"\""},
                                                        {"d", "[ ]"},
                                                        {"e", "-1e5"}};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*members)[i].name, wanted[i].first);
    EXPECT_EQ((*members)[i].text, wanted[i].second);
  }
  const auto none = json_members("{ }");
  ASSERT_OK(none);
  EXPECT_TRUE(none->empty());
  EXPECT_CODE(json_members("[]"), StatusCode::kInvalidArgument);
}

TEST(JsonText, QuotesAndUnquotes) {
  for (const std::string text : {"", "plain", "a\"b\\c\n\t\x01", "Ünï/∂"}) {
    const auto back = unquote_json(quote_json(text));
    ASSERT_OK(back);
    EXPECT_EQ(*back, text);
  }
  EXPECT_EQ(quote_json("a\xff"), "\"a\xef\xbf\xbd\"");
  EXPECT_CODE(unquote_json("1"), StatusCode::kInvalidArgument);
  EXPECT_CODE(unquote_json("\"open"), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ripcord::codec
