// SPDX-License-Identifier: Apache-2.0
// Mutates the golden manifests for a few seconds (RIPCORD_FUZZ_SECONDS) and checks the oracle on
// each. A failure prints the seed and the input; RIPCORD_SEED repeats it.
#include "tests/fuzz/codec/oracle.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::vector<std::string> corpus() {
  std::vector<fs::path> paths;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(source_dir()) / "tests/golden")) {
    const fs::path& path = entry.path();
    if ((path.extension() == ".yaml" || path.extension() == ".json") &&
        entry.file_size() < 8 * 1024) {
      paths.push_back(path);
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return texts;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> texts)
      : random_(seed), texts_(std::move(texts)) {}

  std::string next() {
    std::string text = any_text();
    for (std::size_t i = 1 + below(4); i > 0; --i) {
      mutate(text);
    }
    return text;
  }

 private:
  std::size_t below(std::size_t limit) {
    return limit == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  const std::string& any_text() { return texts_[below(texts_.size())]; }

  void mutate(std::string& text) {
    static const std::array<std::string, 36> kTokens = {",",
                                                        ":",
                                                        ": ",
                                                        "- ",
                                                        "{",
                                                        "}",
                                                        "[",
                                                        "]",
                                                        "&a ",
                                                        "*a",
                                                        "<<: ",
                                                        "!!str",
                                                        "!!int",
                                                        "\"",
                                                        "'",
                                                        "|\n",
                                                        ">\n",
                                                        "---\n",
                                                        "...\n",
                                                        "#",
                                                        "%",
                                                        "\n",
                                                        "\n  ",
                                                        "\t",
                                                        "~",
                                                        "null",
                                                        "9223372036854775808",
                                                        "-1",
                                                        "1e999",
                                                        ".inf",
                                                        "yes",
                                                        "\\ud83d",
                                                        "\xff",
                                                        "\xE2\x80\xA8",
                                                        std::string(1, '\0'),
                                                        "{}"};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(below(24), text.size() - at);
    switch (below(7)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kTokens[below(kTokens.size())]);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3: {
        const std::string& other = any_text();
        text.insert(at, other.substr(below(other.size() + 1), below(64)));
        break;
      }
      case 4:
        if (at < text.size()) {
          text[at] = static_cast<char>(below(256));
        }
        break;
      case 5:
        text.resize(at);
        break;
      default:
        text.replace(at, length, kTokens[below(kTokens.size())]);
    }
  }

  std::mt19937_64 random_;
  const std::vector<std::string> texts_;
};

TEST(CodecFuzz, NoMutationOfAManifestBreaksTheRules) {
  const std::uint64_t seed = number_from_environment("RIPCORD_SEED", std::random_device()());
  const std::chrono::seconds budget(number_from_environment("RIPCORD_FUZZ_SECONDS", 3));
  SCOPED_TRACE("RIPCORD_SEED=" + std::to_string(seed));
  Mutator mutator(seed, corpus());
  const auto end = std::chrono::steady_clock::now() + budget;
  std::size_t inputs = 0;
  while (std::chrono::steady_clock::now() < end) {
    const std::string text = mutator.next();
    const std::string violation = codec_violation(text, ++inputs % 4 == 0 ? "x.json" : "x.yaml");
    ASSERT_EQ(violation, "") << "input:\n" << text;
  }
  RecordProperty("inputs", std::to_string(inputs));
}

}  // namespace
}  // namespace ripcord
