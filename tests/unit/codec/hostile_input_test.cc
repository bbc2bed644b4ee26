// SPDX-License-Identifier: Apache-2.0
// Inputs made to hang, crash or exhaust a parser. That the test ends is the assertion; what it
// gives is checked where it matters.
#include "controller/codec/codec.h"
#include "tests/support/status_matchers.h"

#include <string>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

constexpr std::string_view kSpecial = ",[]{}:-?&*!|>'\"%@`#~\n \ta";
static_assert(kSpecial.size() == 24);

template <class F>
void for_all_up_to_three(F&& use) {
  for (const char a : kSpecial) {
    use(std::string{a});
    for (const char b : kSpecial) {
      use(std::string{a, b});
      for (const char c : kSpecial) {
        use(std::string{a, b, c});
      }
    }
  }
}

TEST(HostileInput, OfEveryOneToThreeSpecialCharactersEnds) {
  std::size_t refused = 0;
  for_all_up_to_three([&](const std::string& text) {
    const codec::ManifestFile file = codec::read_manifests(text, "x.yaml");
    EXPECT_TRUE(file.manifests.empty()) << text;
    refused += file.errors.empty() ? 0 : 1;
  });
  EXPECT_GT(refused, 12'000U);  // what is left is white space, comments, directives and null
}

TEST(HostileInput, BehindADocumentEnds) {
  for_all_up_to_three([&](const std::string& text) {
    const codec::ManifestFile file = codec::read_manifests("{\"a\": 1}" + text, "x.yaml");
    EXPECT_TRUE(file.manifests.empty()) << text;
    const codec::ManifestFile block = codec::read_manifests("a: b\n" + text, "x.yaml");
    EXPECT_TRUE(block.manifests.empty()) << text;
  });
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

struct Repetition {
  std::string_view prefix;
  std::string_view text;
  std::string_view suffix;
};

class Repeated : public testing::TestWithParam<Repetition> {};

TEST_P(Repeated, ToTheSizeLimitEndsWithAnError) {
  const std::size_t room = codec::kMaxDocumentBytes - 64;
  const std::string text = std::string(GetParam().prefix) +
                           repeated(GetParam().text, room / GetParam().text.size() / 4) +
                           std::string(GetParam().suffix);
  for (const char* file : {"x.yaml", "x.json"}) {
    const codec::ManifestFile result = codec::read_manifests(text, file);
    EXPECT_TRUE(result.manifests.empty());
    EXPECT_FALSE(result.errors.empty());
    EXPECT_LE(result.errors.size(), 100'000U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Text, Repeated,
    testing::Values(Repetition{"", "[", ""}, Repetition{"", "{", ""}, Repetition{"", "{a: ", ""},
                    Repetition{"", "{\"a\":", ""}, Repetition{"", "- ", ""},
                    Repetition{"", "? ", ""}, Repetition{"", "! ", ""}, Repetition{"", "]", ""},
                    Repetition{"", ",", ""}, Repetition{"[", "1,", "1]"},
                    Repetition{"", "a: 1\n", ""}, Repetition{"a: &x ", "[", "*x"},
                    Repetition{"a: \"", "\\u0041", "\""}, Repetition{"a: '", "''", "'"},
                    Repetition{"a: ", "1", ""}, Repetition{"{\"a\": ", "1", "}"},
                    Repetition{"", "%x\n", "a"}, Repetition{"a: |\n", " \n", " x"},
                    Repetition{"", "&a ", ""}, Repetition{"", "!!", " x"}, Repetition{"", ":", ""},
                    Repetition{"{\"kind\": \"", "FeatureFlag", "\"}"}));

TEST(HostileInput, OfManyKeysIsAnsweredOnce) {
  std::string text =
      "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: a}\nspec:\n";
  for (int i = 0; i < 40'000; ++i) {
    text += "  k" + std::to_string(i) + ": 1\n";
  }
  const codec::ManifestFile result = codec::read_manifests(text, "x.yaml");
  EXPECT_TRUE(result.manifests.empty());
  EXPECT_LT(result.errors.size(), 100U);
}

TEST(HostileInput, OfNestedAnchorsIsBounded) {
  std::string text = "a: ";
  for (int i = 0; i < 60; ++i) {
    text += "&x" + std::to_string(i) + " [";
  }
  for (int i = 0; i < 90'000; ++i) {
    text += "1,";
  }
  text += std::string(60, ']') + "\n";
  const codec::ManifestFile result = codec::read_manifests(text, "x.yaml");
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_NE(result.errors[0].message.find("under anchors"), std::string::npos);
}

TEST(HostileInput, OverTheSizesIsRefusedAndTheDocumentsBesideItAreRead) {
  const std::string good =
      "---\napiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: a}\nspec: {}\n";
  const std::string large = "---\n# " + std::string(codec::kMaxDocumentBytes, 'x') + "\n";
  const codec::ManifestFile result = codec::read_manifests(large + good, "x.yaml");
  EXPECT_EQ(result.manifests.size(), 1U);
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_NE(result.errors[0].message.find("1 MiB"), std::string::npos);

  const codec::ManifestFile file =
      codec::read_manifests(std::string(64 * codec::kMaxDocumentBytes + 1, '\n'), "x.yaml");
  ASSERT_EQ(file.errors.size(), 1U);
  EXPECT_NE(file.errors[0].message.find("64 MiB"), std::string::npos);
}

TEST(HostileInput, ToDecodeIsRefusedWithoutRepeatingIt) {
  for (const std::string& text :
       {std::string(), std::string("5"), std::string("{"), std::string("{} {}"), std::string("[]"),
        std::string("{\"kind\":\"FeatureFlag\",\"spec\":\"postgres://u:secret@h\"}"),
        repeated("[", 100'000), std::string("\xff"), std::string("{\"a\":\"\xff\"}")}) {
    const Result<Resource> result = codec::decode(text);
    EXPECT_CODE(result, StatusCode::kInvalidArgument);
    EXPECT_EQ(to_string(result.error()).find("secret"), std::string::npos);
  }
}

TEST(HostileInput, InAnObjectIsWrittenAsValidText) {
  Resource object = make_resource(Kind::kFeatureFlag, "a");
  auto& status = std::get<FeatureFlagStatus>(object.status);
  status.variant = std::string("a\xff\xc3\0b", 5);
  const Result<Resource> back = codec::decode(codec::encode(object));
  ASSERT_OK(back);
  EXPECT_EQ(std::get<FeatureFlagStatus>(back->status).variant,
            std::string("a\xEF\xBF\xBD\xEF\xBF\xBD\0b", 9));
}

}  // namespace
}  // namespace ripcord
