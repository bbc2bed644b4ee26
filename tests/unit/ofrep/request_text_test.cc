// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/request_text.h"

#include <gtest/gtest.h>

namespace ripcord::ofrep {
namespace {

TEST(RequestText, DecodesPercentLiberally) {
  EXPECT_EQ(percent_decode("a%2Fb%20c"), "a/b c");
  EXPECT_EQ(percent_decode("a/b%20c+d"), "a/b c+d");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
  EXPECT_EQ(percent_decode("%C3%9c"), "Ü");
}

TEST(RequestText, EncodesSoThatDecodingGivesItBack) {
  for (const std::string key :
       {"new_checkout", "a/b c", "Ünï/∂", "100%", "?#&", ".", "..", "...", "a.b"}) {
    EXPECT_EQ(percent_decode(percent_encode(key)), key);
  }
  EXPECT_EQ(percent_encode(".."), "%2E%2E");
  EXPECT_EQ(percent_encode("a.b/c"), "a.b%2Fc");
}

TEST(RequestText, FindsAQueryParameter) {
  EXPECT_EQ(query_parameter("a=1&flagConfigEtag=%22x%22&b", "flagConfigEtag"), "\"x\"");
  EXPECT_EQ(query_parameter("a=1&b", "b"), "");
  EXPECT_EQ(query_parameter("ab=1", "b"), std::nullopt);
  EXPECT_EQ(query_parameter("", "b"), std::nullopt);
}

TEST(RequestText, ComparesEntityTagsWeakly) {
  const struct {
    const char* field;
    bool matches;
  } cases[] = {{"\"x-1\"", true},
               {"W/\"x-1\"", true},
               {"*", true},
               {" * ", true},
               {"\"a\", \"x-1\"", true},
               {"\"a,b\",W/\"x-1\"", true},
               {"\"x\"", false},
               {"", false},
               {"x-1", false},
               {"\"x-1", false},
               {"\"a\",*", false}};
  for (const auto& c : cases) {
    EXPECT_EQ(none_match_names(c.field, "\"x-1\""), c.matches) << c.field;
  }
}

TEST(RequestText, TakesTheOpaquePartOfEveryForm) {
  for (const char* tag : {"x", "\"x\"", "W/\"x\"", " \"x\" "}) {
    EXPECT_EQ(opaque_tag(tag), "x") << tag;
  }
}

}  // namespace
}  // namespace ripcord::ofrep
