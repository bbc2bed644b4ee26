// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/message_scanner.h"

#include "controller/codec/message.h"
#include "controller/codec/message_text.h"

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

constexpr std::size_t kShownBytes = 80;
constexpr std::size_t kLongestToken = 400;  // digits of the smallest double, written out

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_token_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
         c == '-' || c == '.';
}

bool is_token(std::string_view text) {
  const bool number = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
  return number || text == "true" || text == "false" || text == "null";
}

}  // namespace

void MessageScanner::feed(std::string_view input, std::vector<Scanned>& out) {
  for (const char c : input) {
    take(c, out);
    if (c == '\n') {
      ++line_;
    }
  }
}

void MessageScanner::take(char c, std::vector<Scanned>& out) {
  if (expect_ == Expect::kStart && is_space(c)) {
    return;
  }
  if (expect_ == Expect::kSkip) {
    if (c == '\n') {
      report(text_, skip_reason_, first_line_, out);
      start_anew();
    } else if (text_.size() <= kShownBytes) {
      text_ += c;
    }
    return;
  }
  if (expect_ == Expect::kStart) {
    first_line_ = line_;
  }
  if (text_.size() >= max_bytes_) {
    drop(fmt::format("is longer than {} bytes", max_bytes_), out);
    return;
  }
  const bool fits = step(c);
  text_ += c;
  if (!fits) {
    drop("is no JSON object", out);
  } else if (open_.empty() && expect_ != Expect::kStart) {
    out.push_back({std::move(text_), {}, first_line_});
    start_anew();
  } else if (c == '\n') {
    line_start_ = text_.size();
  }
}

// Drops what cannot become an object any more. Its last line may be the start of a good one.
void MessageScanner::drop(std::string why, std::vector<Scanned>& out) {
  const bool too_long = text_.size() >= max_bytes_;
  if (line_start_ > 0 && !too_long) {
    const std::string again = text_.substr(line_start_);
    report(std::string_view(text_).substr(0, line_start_), why, first_line_, out);
    start_anew();
    for (const char c : again) {
      take(c, out);
    }
    return;
  }
  const bool line_ended = text_.back() == '\n';
  if (line_ended) {
    report(text_, why, first_line_, out);
    start_anew();
    return;
  }
  text_.resize(std::min(text_.size(), kShownBytes + 1));
  skip_reason_ = std::move(why);
  expect_ = Expect::kSkip;
}

void MessageScanner::report(std::string_view dropped, std::string_view why, std::size_t line,
                            std::vector<Scanned>& out) const {
  const std::size_t last = dropped.find_last_not_of(" \t\r\n");
  const std::string_view trimmed = dropped.substr(0, last == std::string_view::npos ? 0 : last + 1);
  out.push_back({{},
                 fmt::format("dropped input that {}: {}", why,
                             codec::string_text(codec::clipped(trimmed, kShownBytes))),
                 line});
}

void MessageScanner::start_anew() {
  expect_ = Expect::kStart;
  open_.clear();
  token_.clear();
  text_.clear();
  line_start_ = 0;
}

void MessageScanner::finish(std::vector<Scanned>& out) {
  if (expect_ == Expect::kSkip) {
    report(text_, skip_reason_, first_line_, out);
  } else if (expect_ != Expect::kStart) {
    report(text_, "ended before its last brace", first_line_, out);
  }
  start_anew();
}

bool MessageScanner::step(char c) {
  switch (expect_) {
    case Expect::kString:
    case Expect::kEscape:
      return step_string(c);
    case Expect::kToken:
      return step_token(c);
    case Expect::kStart:
      if (c != '{') {
        return false;
      }
      return step_value(c);
    default:
      break;
  }
  if (is_space(c)) {
    return true;
  }
  switch (expect_) {
    case Expect::kFirstKey:
    case Expect::kKey:
      if (c == '}' && expect_ == Expect::kFirstKey) {
        return close(c);
      }
      expect_ = Expect::kString;
      string_is_key_ = true;
      return c == '"';
    case Expect::kColon:
      expect_ = Expect::kValue;
      return c == ':';
    case Expect::kFirstElement:
      return c == ']' ? close(c) : step_value(c);
    case Expect::kAfterValue:
      if (c != ',') {
        return close(c);
      }
      expect_ = open_.back() == '{' ? Expect::kKey : Expect::kValue;
      return true;
    default:
      return step_value(c);
  }
}

bool MessageScanner::step_value(char c) {
  if (c == '{' || c == '[') {
    open_ += c;
    expect_ = c == '{' ? Expect::kFirstKey : Expect::kFirstElement;
    return true;
  }
  if (c == '"') {
    expect_ = Expect::kString;
    string_is_key_ = false;
    return true;
  }
  if (is_token_byte(c)) {
    token_ = c;
    expect_ = Expect::kToken;
    return true;
  }
  return false;
}

bool MessageScanner::step_string(char c) {
  if (static_cast<unsigned char>(c) < 0x20) {
    return false;
  }
  if (expect_ == Expect::kEscape) {
    expect_ = Expect::kString;
  } else if (c == '\\') {
    expect_ = Expect::kEscape;
  } else if (c == '"') {
    expect_ = string_is_key_ ? Expect::kColon : Expect::kAfterValue;
  }
  return true;
}

bool MessageScanner::step_token(char c) {
  if (is_token_byte(c)) {
    token_ += c;
    return token_.size() <= kLongestToken;
  }
  if (!is_token(token_)) {
    return false;
  }
  expect_ = Expect::kAfterValue;
  return step(c);
}

bool MessageScanner::close(char bracket) {
  const char opening = bracket == '}' ? '{' : '[';
  if ((bracket != '}' && bracket != ']') || open_.back() != opening) {
    return false;
  }
  open_.pop_back();
  expect_ = Expect::kAfterValue;
  return true;
}

}  // namespace ripcord::stdio
