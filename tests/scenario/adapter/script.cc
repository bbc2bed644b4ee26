// SPDX-License-Identifier: Apache-2.0
#include "tests/scenario/adapter/script.h"

#include "tests/support/process.h"

#include <sstream>
#include <stdexcept>

namespace ripcord {
namespace {

std::string repeated(const std::string& macro) {
  const std::size_t star = macro.rfind('*');
  if (star == std::string::npos) {
    throw std::runtime_error("no such macro: {{" + macro + "}}");
  }
  std::string out;
  for (unsigned long left = std::stoul(macro.substr(star + 1)); left > 0; --left) {
    out += macro.substr(0, star);
  }
  return out;
}

std::string bytes(const std::string& digits) {
  std::string out;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
    out += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  return out;
}

std::string expanded(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = text.find("{{", at);
    const std::size_t close = text.find("}}", open);
    if (open == std::string::npos || close == std::string::npos) {
      return out + text.substr(at);
    }
    const std::string macro = text.substr(open + 2, close - open - 2);
    out += text.substr(at, open - at);
    out += macro.starts_with("hex ") ? bytes(macro.substr(4)) : repeated(macro);
    at = close + 2;
  }
}

}  // namespace

std::vector<ScriptStep> read_script(const std::string& path) {
  using Kind = ScriptStep::Kind;
  std::vector<ScriptStep> out;
  std::istringstream in(read_file(path));
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const auto rest = [&line](std::size_t from) {
      return expanded(line.substr(std::min(from, line.size())));
    };
    if (line.empty() || line.starts_with("#")) {
      continue;
    }
    if (line.starts_with(">- ")) {
      out.push_back({Kind::kSend, rest(3), number});
    } else if (line.starts_with(">")) {
      out.push_back({Kind::kSend, rest(2) + "\n", number});
    } else if (line.starts_with("< ")) {
      out.push_back({Kind::kExpect, rest(2), number});
    } else if (line == "eof") {
      out.push_back({Kind::kEof, {}, number});
    } else if (line.starts_with("! ")) {
      out.push_back({Kind::kDiagnostic, rest(2), number});
    } else if (line.starts_with("exit ")) {
      out.push_back({Kind::kExit, line.substr(5), number});
    } else {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": no such step: " + line);
    }
  }
  return out;
}

}  // namespace ripcord
