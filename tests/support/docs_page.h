// SPDX-License-Identifier: Apache-2.0
#pragma once
// What docs/ tell people to run, so that a test can run it as it stands there.

#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <string>
#include <vector>

namespace ripcord {

// Of docs/`page`, the text under `heading` ("## Fields"), up to the next one of its level or above.
// Empty when there is no such heading.
inline std::string docs_section(const std::string& page, const std::string& heading) {
  const std::string text = read_file(source_dir() + "/docs/" + page);
  const std::size_t begin = text.find("\n" + heading + "\n");
  if (begin == std::string::npos) {
    return "";
  }
  std::size_t end = text.size();
  for (std::string level = "#"; level.size() <= heading.find(' '); level += "#") {
    end = std::min(end, text.find("\n" + level + " ", begin + 1));
  }
  return text.substr(begin, end - begin);
}

// The fenced blocks of one language, in order.
inline std::vector<std::string> code_blocks(const std::string& text, const std::string& language) {
  const std::string open = "```" + language + "\n";
  std::vector<std::string> all;
  for (std::size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
    at += open.size();
    const std::size_t end = text.find("```", at);
    all.push_back(text.substr(at, end - at));
    at = end + 3;
  }
  return all;
}

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace ripcord
