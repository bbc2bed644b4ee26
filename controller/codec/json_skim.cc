// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_skim.h"

#include <algorithm>
#include <utility>

namespace ripcord::codec {
namespace {

class Skimmer {
 public:
  explicit Skimmer(std::string_view text) : text_(text) {}

  std::size_t position() const { return at_; }
  // Steps over white space, then over `c` if it is there.
  bool take(char c) {
    space();
    const bool here = at_ < text_.size() && text_[at_] == c;
    at_ += here ? 1 : 0;
    return here;
  }
  bool at_end() {
    space();
    return at_ == text_.size();
  }
  // Steps over one value; false when it does not end.
  bool value() {
    space();
    if (at_ == text_.size()) {
      return false;
    }
    if (text_[at_] == '"') {
      return string();
    }
    if (text_[at_] == '{' || text_[at_] == '[') {
      return nested();
    }
    const std::size_t first = at_;
    at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
    return at_ > first;
  }
  void space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

 private:
  bool string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      at_ += text_[at_] == '\\' ? 1 : 0;
    }
    at_ = std::min(at_ + 1, text_.size() + 1);
    return at_ <= text_.size();
  }
  bool nested() {
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!string()) {
          return false;
        }
        continue;
      }
      ++at_;
      depth += c == '{' || c == '[' ? 1 : 0;
      depth -= c == '}' || c == ']' ? 1 : 0;
      if (depth == 0) {
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<JsonSpan> member_value(std::string_view text, std::string_view name) {
  Skimmer skim(text);
  if (!skim.take('{')) {
    return std::nullopt;
  }
  do {
    skim.space();
    const std::size_t key = skim.position();
    if (!skim.value() || text[key] != '"') {
      return std::nullopt;
    }
    const bool wanted = text.substr(key + 1, skim.position() - key - 2) == name;
    if (!skim.take(':')) {
      return std::nullopt;
    }
    skim.space();
    const std::size_t begin = skim.position();
    if (!skim.value()) {
      return std::nullopt;
    }
    if (wanted) {
      return JsonSpan{begin, skim.position()};
    }
  } while (skim.take(','));
  return std::nullopt;
}

std::optional<std::vector<std::string_view>> array_values(std::string_view text) {
  Skimmer skim(text);
  std::vector<std::string_view> values;
  if (!skim.take('[')) {
    return std::nullopt;
  }
  if (skim.take(']')) {
    return skim.at_end() ? std::optional(values) : std::nullopt;
  }
  do {
    skim.space();
    const std::size_t begin = skim.position();
    if (!skim.value()) {
      return std::nullopt;
    }
    values.push_back(text.substr(begin, skim.position() - begin));
  } while (skim.take(','));
  return skim.take(']') && skim.at_end() ? std::optional(std::move(values)) : std::nullopt;
}

}  // namespace ripcord::codec
